-- What only HTTP asks for: keys of requests, a user's tenants, an integration's days.

-- name: claim_key
-- Takes a key for a request that is being answered; nothing comes back when it is taken. Waits for another transaction
-- that holds it. A key is forgotten after a day. $1 tenant, $2 principal, $3 key, $4 fingerprint.
insert into drena.idempotency_keys as k (tenant_id, principal, key, fingerprint)
values ($1, $2, $3, $4)
on conflict (tenant_id, principal, key) do update
    set fingerprint = excluded.fingerprint, status = null, answer = null, at = now()
    where k.at < now() - interval '24 hours'
returning true as claimed;

-- name: keep_answer
-- Keeps what was answered, in the transaction that did what was asked. $1 tenant, $2 principal, $3 key, $4 status, $5 body.
update drena.idempotency_keys set status = $4, answer = $5 where tenant_id = $1 and principal = $2 and key = $3;

-- name: kept_answer
-- What was answered to a key. $1 tenant, $2 principal, $3 key.
select k.fingerprint, k.status, k.answer
from drena.idempotency_keys k
where k.tenant_id = $1 and k.principal = $2 and k.key = $3 and k.answer is not null;

-- name: tenants_page
-- A page of tenants by name. $1 ids, null for all; $2 words, folded, of which each stands in name or slug, null for any;
-- $3 the state that one of its integrations is in, `any` for having one at all, null for no matter; $4 and $5 are the last
-- row's name and id of the page before, or null; $6 how many.
select o.id, o.slug, coalesce(o.nome, o.slug, '') as name
from organizacoes o
where ($1::uuid[] is null or o.id = any ($1))
  and ($2::text[] is null
       or (select bool_and(position(word in drena.folded(concat(o.nome, ' ', o.slug))) > 0) from unnest($2) as word))
  and ($3::text is null
       or exists (select from drena.integration_states s where s.tenant_id = o.id and $3 in ('any', s.state)))
  and ($4::text is null or (coalesce(o.nome, o.slug, ''), o.id) > ($4, $5::uuid))
order by coalesce(o.nome, o.slug, ''), o.id
limit $6;

-- name: integration_counts
-- How many integrations are in which state, and of how many tenants they are. $1 ids, null for all; $2 words as above.
select count(distinct s.tenant_id) as tenants, count(*) filter (where s.state = 'active') as active,
       count(*) filter (where s.state = 'error') as error, count(*) filter (where s.state = 'success') as success,
       count(*) filter (where s.state = 'idle') as idle
from drena.integration_states s
join organizacoes o on o.id = s.tenant_id
where ($1::uuid[] is null or s.tenant_id = any ($1))
  and ($2::text[] is null
       or (select bool_and(position(word in drena.folded(concat(o.nome, ' ', o.slug))) > 0) from unnest($2) as word));

-- name: integration_days
-- How an integration's jobs ended on each of the last days, the days without any included. $1 tenant, $2 provider, $3 how
-- many days, $4 the time zone whose days they are.
with days as (
    select d::date as day
    from generate_series((now() at time zone $4)::date - ($3::int - 1), (now() at time zone $4)::date,
                         interval '1 day') d
), ended as (
    select (j.created_at at time zone $4)::date as day, j.status, j.execution_time_ms
    from integration_jobs j
    where j.tenant_id = $1 and j.provider_slug = $2 and j.status in ('success', 'error')
      and j.created_at >= ((now() at time zone $4)::date - ($3::int - 1))::timestamp at time zone $4
)
select d.day::text as day,
       count(*) filter (where e.status = 'success') as success,
       count(*) filter (where e.status = 'error') as error,
       coalesce(sum(e.execution_time_ms) filter (where e.status = 'success'), 0)::bigint as time_ms,
       count(e.execution_time_ms) filter (where e.status = 'success') as timed
from days d
left join ended e on e.day = d.day
group by d.day
order by d.day;

-- name: ping
-- A sign of life.
select 1 as alive;
