-- Every statement of the queue, by name. The sentence under the name says what it does and which invariant it upholds.

-- name: gate_claims
-- Makes the caps of a claim exact: claims of all nodes happen one after another, for the milliseconds they take.
select pg_advisory_xact_lock(478810464609);

-- name: look_ahead
-- Whether a pending job is due now, whether one has become due since the last claim, which therefore did not see it, the
-- seconds until the next one that is not (I6), which of this node's running jobs somebody wants cancelled, whether a node
-- has died, and which jobs run in this node's name without its knowing, because the acknowledgement of their claim was
-- lost: short probes, all of them. $1 node, $2 the jobs it has in hand, $3 the last claim's time, or null.
select coalesce((select min(run_at) <= now() from integration_jobs where status = 'pending'), false) as due,
       exists (select from integration_jobs
               where status = 'pending' and run_at > $3::timestamptz and run_at <= now()) as missed,
       (select extract(epoch from min(run_at) - clock_timestamp())::double precision
        from integration_jobs where status = 'pending' and run_at > now()) as next_s,
       array(select id from integration_jobs
             where status = 'running' and node_id = $1 and cancel_requested_at is not null) as cancels,
       exists (select from drena.nodes where lease_until < now()) as dead_nodes,
       array(select id from integration_jobs
             where status = 'running' and node_id = $1 and id <> all ($2::uuid[])) as strays;

-- name: claim_jobs
-- Claims due jobs for all tenants at once, fairly and within the caps, each under a new lease token (I1, I2, I7).
-- $1 node, $2 providers this node offers, $3 room on this node, $4 cap per tenant, $5 tenant to walk on from, $6 how
-- many lane groups to walk, $7 room of each provider on this node. A loose index scan hops from lane group to lane
-- group, so a tenant's flood costs one hop and a few rows however long it is. One row always comes back, with the
-- scan's end; its job columns are null when nothing is due. The node's row is held: a claim never commits for a node
-- that was buried or has left meanwhile, whose jobs nobody would look for (I5). The old table let columns be null.
with recursive heads(tenant_id, provider_slug, priority, n) as (
    (select j.tenant_id, j.provider_slug, j.priority, 1
     from integration_jobs j
     where j.status = 'pending' and j.tenant_id > $5
     order by j.tenant_id, j.provider_slug, j.priority
     limit 1)
    union all
    select f.tenant_id, f.provider_slug, f.priority, h.n + 1
    from heads h
    cross join lateral (
        select j.tenant_id, j.provider_slug, j.priority
        from integration_jobs j
        where j.status = 'pending'
          and (j.tenant_id, j.provider_slug, j.priority) > (h.tenant_id, h.provider_slug, h.priority)
        order by j.tenant_id, j.provider_slug, j.priority
        limit 1
    ) f
    where h.n <= $6 -- one more than is walked: whether there is more to walk
), candidates as materialized (
    select h.tenant_id, h.provider_slug, h.priority, c.id, c.run_at, o.room, b.busy
    from heads h
    join unnest($2::text[], $7::integer[]) as o(provider_slug, room) using (provider_slug)
    cross join lateral (
        select count(*) as busy from integration_jobs j where j.status = 'running' and j.tenant_id = h.tenant_id
    ) b
    cross join lateral (
        select j.id, j.run_at
        from integration_jobs j
        where j.status = 'pending' and j.tenant_id = h.tenant_id and j.provider_slug = h.provider_slug
          and j.priority = h.priority and j.run_at <= now()
        order by j.run_at, j.id
        limit least($4::bigint, 2 * $3::bigint / (select count(*) from heads) + 1) -- enough to choose from: claims repeat
    ) c
    where h.n <= $6 and o.room > 0
      and not exists (select from drena.pauses p -- drena.is_paused, written out: a call for each group costs more than the rest
                      where p.tenant_id in (h.tenant_id, '00000000-0000-0000-0000-000000000000')
                        and p.provider_slug in (h.provider_slug, '*'))
), shares as (
    select c.id, c.run_at, c.provider_slug, c.room,
           row_number() over (partition by c.tenant_id order by c.priority, c.run_at, c.id) + c.busy as share
    from candidates c
), queued as (
    select s.id, s.share, s.run_at, s.room,
           row_number() over (partition by s.provider_slug order by s.share, s.run_at, s.id) as place
    from shares s
    where s.share <= $4
), picked as (
    select q.id from queued q where q.place <= q.room order by q.share, q.run_at limit $3
), live as materialized (
    select from drena.nodes n where n.id = $1 for key share
), held as (
    select j.id
    from integration_jobs j join picked p using (id)
    where j.status = 'pending' and exists (select from live)
    order by j.id
    for no key update of j skip locked
), claimed as (
    update integration_jobs j
    set status = 'running', lease_token = j.lease_token + 1, attempts = coalesce(j.attempts, 0) + 1, node_id = $1,
        lease_kept_at = now(), started_at = now(), finished_at = null, error_code = null, error_message = null,
        progress_detail = null, version = j.version + 1
    from held h
    where j.id = h.id
    returning j.*
), logged as (
    insert into drena.job_logs (tenant_id, job_id, attempt, level, message, fields)
    select c.tenant_id, c.id, c.attempts, 'info', 'attempt started',
           jsonb_build_object('event', 'attempt.started', 'provider', c.provider_slug, 'attempt', c.attempts,
                              'max_attempts', c.max_attempts, 'lease_token', c.lease_token, 'node', $1)
    from claimed c
)
select s.walk_on_from, now() as at, c.id, c.tenant_id, c.provider_slug, c.lane, c.attempts, c.lease_token,
       coalesce(c.max_attempts, 3) as max_attempts, coalesce(c.payload, '{}')::text as payload,
       c.checkpoint::text as checkpoint,
       o.slug as tenant_slug, o.nome as tenant_name, t.is_enabled, t.base_url, t.config::text as config
from (select case when max(h.n) > $6 then (array_agg(h.tenant_id) filter (where h.n = $6))[1] end as walk_on_from
      from heads h) s
left join claimed c on true
left join organizacoes o on o.id = c.tenant_id
left join tenant_integrations t on t.tenant_id = c.tenant_id and t.provider = c.provider_slug;

-- name: finish_attempts
-- Ends or re-queues attempts in one batch, each only under its own token; returns the ids that were still theirs (I2,
-- I6). What somebody wants cancelled is not tried again. Arrays of equal length: $1 ids, $2 tokens, $3 next status,
-- $4 code, $5 message, $6 result as JSON text, $7 seconds until the next run of a job that goes back to pending, $8
-- whether the attempt counts, $9 level, $10 message and $11 fields of the log line. The jobs are looked up by their
-- ids: an index on status is wide awake while jobs come and go, so the condition is written in a form no index answers.
with given as materialized (
    select *
    from unnest($1::uuid[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::text[], $7::double precision[],
                $8::boolean[], $9::text[], $10::text[], $11::text[])
         as g(id, token, status, code, message, result, delay_s, counted, level, line, fields)
    order by g.id -- two batches lock in the same order
), done as (
    update integration_jobs j
    set status = g.status, error_code = g.code, error_message = g.message,
        result = case when g.result is null then j.result else g.result::jsonb end,
        progress = case when g.status = 'success' then 100 else j.progress end,
        attempts = j.attempts - (not g.counted)::integer,
        run_at = case when g.status = 'pending' then now() + make_interval(secs => g.delay_s) else j.run_at end,
        node_id = case when g.status = 'pending' then null else j.node_id end,
        finished_at = case when g.status <> 'pending' then now() end,
        execution_time_ms = case when g.status = 'pending' then j.execution_time_ms
                                 else drena.took_ms(j.started_at, now()) end,
        version = j.version + 1
    from given g
    where j.id = g.id and j.lease_token = g.token and j.status || '' = 'running'
      and not (g.status = 'pending' and j.cancel_requested_at is not null)
    returning j.id, j.tenant_id, j.attempts + (not g.counted)::integer as attempt, j.execution_time_ms, g.level, g.line,
              g.fields::jsonb as fields
), stopped as (
    update integration_jobs j
    set status = 'canceled', error_code = 'canceled', error_message = 'Cancelado.', finished_at = now(),
        execution_time_ms = drena.took_ms(j.started_at, now()), version = j.version + 1
    from given g
    where g.status = 'pending' and j.id = g.id and j.lease_token = g.token and j.status || '' = 'running'
      and j.cancel_requested_at is not null
    returning j.id, j.tenant_id, j.attempts as attempt, j.execution_time_ms, g.level, g.line,
              jsonb '{"event": "attempt.finished", "status": "canceled"}' as fields
), written as (
    select * from done union all select * from stopped
), logged as (
    insert into drena.job_logs (tenant_id, job_id, attempt, level, message, fields)
    select w.tenant_id, w.id, w.attempt, w.level, w.line,
           case when w.execution_time_ms is null then w.fields
                else w.fields || jsonb_build_object('duration_ms', w.execution_time_ms) end
    from written w
)
select w.id from written w
union all -- a batch sent again after its acknowledgement was lost: what it did the first time is still its own
select j.id from integration_jobs j join given g on g.id = j.id and g.token = j.lease_token and g.status = j.status
where (select count(*) from written) < cardinality($1);

-- name: hold_job
-- The fence: locks the job under the attempt's token for the rest of the transaction, or finds nothing (I2, I8). It says
-- which session holds it: through a pooler it is another than the driver was told.
select pg_backend_pid() from integration_jobs
where id = $1 and lease_token = $2 and status = 'running' for no key update;

-- name: sessions_at_work
-- Which of these sessions work on a statement, or did until a moment ago: their answer may be on its way.
select pid from pg_stat_activity
where pid = any ($1::integer[]) and (state not like 'idle%' or state_change > clock_timestamp() - interval '5 s');

-- name: end_idle_sessions
-- Ends sessions of ours that nobody hears any more: one in a transaction would keep its job locked until the server notices.
select pg_terminate_backend(pid) from pg_stat_activity
where pid = any ($1::integer[]) and state like 'idle%' and datname = current_database() and usename = current_user;

-- name: save_checkpoint
-- Moves the resume state, in the transaction of the data it speaks of; the job is held (I8). Whatever node died under it
-- before, the job has moved since: those rescues no longer count towards poison (I5).
update integration_jobs
set checkpoint = $2::jsonb, lease_kept_at = now(), rescues_outlived = rescues, version = version + 1
where id = $1;

-- name: count_rows
-- Adds to the job's counters of an entity, in the transaction of the data they count; the job is held (I8).
insert into sync_jobs as s
    (tenant_id, provider, entity, job_id, created_by_user_id, total_read, total_created, total_updated, total_skipped,
    total_errors)
select j.tenant_id, j.provider_slug, $2, j.id, j.created_by, $3, $4, $5, $6, $7 from integration_jobs j where j.id = $1
on conflict (job_id, entity) where job_id is not null do update
set total_read = s.total_read + excluded.total_read, total_created = s.total_created + excluded.total_created,
    total_updated = s.total_updated + excluded.total_updated, total_skipped = s.total_skipped + excluded.total_skipped,
    total_errors = s.total_errors + excluded.total_errors;

-- name: job_counters
-- The counters a job has committed so far, by entity: what an attempt after the first goes on from.
select entity, total_read as read, total_created as created, total_updated as updated, total_skipped as skipped,
       total_errors as errors
from sync_jobs where job_id = $1;

-- name: write_progress
-- The latest progress of running jobs in one statement, each only under its own token (I2). $1 ids, $2 tokens,
-- $3 percent, $4 detail as JSON text.
update integration_jobs j
set progress = g.percent, progress_detail = g.detail::jsonb, lease_kept_at = now(), version = j.version + 1
from unnest($1::uuid[], $2::bigint[], $3::integer[], $4::text[]) as g(id, token, percent, detail)
where j.id = g.id and j.lease_token = g.token and j.status = 'running';

-- name: write_job_logs
-- Log lines of running attempts in one statement; a zombie's lines are left out (I2). $1 ids, $2 tokens, $3 attempts,
-- $4 levels, $5 messages, $6 fields as JSON text; the order given is the order kept.
insert into drena.job_logs (tenant_id, job_id, attempt, level, message, fields)
select j.tenant_id, j.id, g.attempt, g.level, g.message, g.fields::jsonb
from unnest($1::uuid[], $2::bigint[], $3::integer[], $4::text[], $5::text[], $6::text[]) with ordinality
     as g(id, token, attempt, level, message, fields, place)
join integration_jobs j on j.id = g.id and j.lease_token = g.token and j.status = 'running'
order by g.place;

-- name: request_job
-- Asks for a job through the one way there is (I1): $1 tenant, $2 provider, $3 lane, $4 payload as JSON text,
-- $5 created_by, $6 priority, $7 max_attempts or null.
select r.outcome, r.healed_job_id, to_jsonb(r.job)::text as job
from drena.request_job($1, $2, $3, $4::jsonb, $5, $6, $7) r;
