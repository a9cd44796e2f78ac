-- The feed: positions, news, snapshots, progress. The log says what changed; values are read here, as they are now.

-- name: feed_positions
-- Where the feeds of these tenants stand (I9). $1 tenants; those without a single change so far are missing. Without an
-- epoch, here and below: the database server was started anew, and `feed_recognise` must be called first.
select tenant_id, epoch, "offset" from drena.feed_heads where tenant_id = any ($1);

-- name: feed_recognise
-- Makes epochs for this run of the database server, if nobody has yet; says what it was (I9).
select drena.feed_recognise() as found;

-- name: feed_renew
-- A new epoch for a feed that somebody has seen further ahead than it is: it was put back (I9). $1 tenant, $2 its epoch
-- then, $3 the offset that was seen.
update drena.feed_head set epoch = gen_random_uuid() where tenant_id = $1 and epoch = $2 and "offset" < $3;

-- name: feed_begin
-- Gives these tenants a feed that has told nothing yet. $1 tenants.
insert into drena.feed_head (tenant_id)
select t.id from unnest($1::uuid[]) as t(id) order by t.id
on conflict (tenant_id) do nothing;

-- name: feed_news
-- What changed behind these positions, in one snapshot for all tenants: at most $4 changes a tenant, each thing once with
-- its value as it is now, or null when it is gone (I9). A tenant without news has no row. `told` adds up to the number of
-- changes, unless the log does not reach back so far. `follows`: what is told goes on from the position, by its epoch or
-- by one that ended no earlier. $1 tenants, $2 epochs and $3 offsets, in step.
with watched as (
    select * from unnest($1::uuid[], $2::uuid[], $3::bigint[]) as w(tenant_id, epoch, last)
), moved as materialized (
    select w.tenant_id, w.last, h.epoch, h."offset" as head, least(h."offset", w.last + $4::bigint) as upto,
           h.epoch = w.epoch or exists (
               select from drena.feed_eras e
               where e.tenant_id = w.tenant_id and e.epoch = w.epoch and e.upto >= w.last) as follows
    from watched w join drena.feed_heads h using (tenant_id)
    where h."offset" <> w.last or h.epoch is distinct from w.epoch
), told as materialized (
    select m.tenant_id, l.key, max(l.version) as version, count(*) as told, min(l."offset") as first
    from moved m
    join drena.feed_log l on l.tenant_id = m.tenant_id and l."offset" > m.last and l."offset" <= m.upto
    group by m.tenant_id, l.key
)
select m.tenant_id, m.epoch, m.follows, m.head, m.upto, t.key, t.told, coalesce(j.version, i.version, t.version) as version,
       coalesce(j.status = 'running', false) as running,
       case when j.id is not null then drena.job_view(j)::text
            when i.id is not null then drena.integration_view(i)::text end as value
from moved m
left join told t using (tenant_id)
left join integration_jobs j
    on j.tenant_id = t.tenant_id and j.id = case when starts_with(t.key, 'job:') then substr(t.key, 5)::uuid end
left join tenant_integrations i
    on i.tenant_id = t.tenant_id
       and i.id = case when starts_with(t.key, 'integration:') then substr(t.key, 13)::uuid end
order by m.tenant_id, t.first;

-- name: feed_snapshot
-- All that a client sees of one tenant, and the position it holds for: active jobs, the last ended ones of each
-- integration, integrations (I9). $1 tenant, $2 ended jobs an integration, $3 active jobs at most: a flood's are left out
-- beyond that, and come as they change.
with integrations as materialized (
    select t.* from tenant_integrations t where t.tenant_id = $1
), active as (
    select j.id, j.created_at
    from integration_jobs j
    where j.tenant_id = $1 and j.status in ('pending', 'running')
    order by j.status desc, j.run_at, j.id
    limit $3
), ended as (
    select e.id, e.created_at
    from (select distinct provider from integrations) i
    cross join lateral (
        select j.id, j.created_at
        from integration_jobs j
        where j.tenant_id = $1 and j.provider_slug = i.provider and j.status in ('success', 'error', 'canceled')
        order by j.created_at desc, j.id desc
        limit $2
    ) e
), shown as (
    select 'job' as kind, j.id, j.status = 'running' as running, drena.job_view(j)::text as value, s.created_at as place
    from (select * from active union all select * from ended) s join integration_jobs j using (id)
    union all
    select 'integration', i.id, false, drena.integration_view(t)::text, null
    from integrations i join tenant_integrations t using (id)
)
select h.epoch, h."offset", s.kind, s.id, s.running, s.value
from drena.feed_heads h left join shown s on true
where h.tenant_id = $1
order by s.place desc nulls last, s.id;

-- name: feed_progress
-- The progress of the running jobs of these tenants. $1 tenants.
select j.tenant_id, j.id, j.version, coalesce(j.progress, 0) as progress, j.progress_detail::text as detail
from integration_jobs j
where j.status = 'running' and j.tenant_id = any ($1);

-- name: feed_watch
-- Tells writers that this node has readers, for so long: only then are there notifications. $1 node, $2 seconds.
insert into drena.feed_watch (node_id, until) values ($1, now() + make_interval(secs => $2))
on conflict (node_id) do update set until = excluded.until;

-- name: feed_unwatch
-- The last reader of this node has left; nodes that did not come to say so are forgotten too. $1 node.
delete from drena.feed_watch where node_id = $1 or until < now() - interval '1 hour';

-- name: feed_tenants
-- Tenants as a client is told of them. $1 ids, or null for all; $2 how many.
select o.id, o.slug, o.nome as name from organizacoes o
where $1::uuid[] is null or o.id = any ($1) order by o.slug limit $2;
