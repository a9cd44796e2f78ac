-- A node's life: its lease, and what happens to the jobs of one that lost it.

-- name: join_node
-- Registers a boot. $1 id, $2 name, $3 version, $4 providers, $5 lease in seconds, $6 attempts at once, $7 attempts of
-- a tenant at once, $8 attempts of each provider at once as a JSON object.
insert into drena.nodes (id, name, version, providers, lease_until, max_jobs, tenant_max_jobs, provider_max_jobs)
values ($1, $2, $3, $4, now() + make_interval(secs => $5), $6, $7, $8::jsonb)
on conflict (id) do update
set lease_until = excluded.lease_until, max_jobs = excluded.max_jobs, tenant_max_jobs = excluded.tenant_max_jobs,
    provider_max_jobs = excluded.provider_max_jobs;

-- name: tell_limits
-- Tells a node's limits anew, and nothing of its lease: whom a rescuer has buried stays buried (I3, I4). $1 id, $2 attempts
-- at once, $3 attempts of a tenant at once, $4 attempts of each provider at once as a JSON object.
update drena.nodes set max_jobs = $2, tenant_max_jobs = $3, provider_max_jobs = $4::jsonb where id = $1;

-- name: renew_lease
-- Keeps the node's right to run its jobs; nothing comes back when a rescuer has taken the node's row (I3).
update drena.nodes set lease_until = now() + make_interval(secs => $2), running = $3, refused = $4
where id = $1
returning true;

-- name: leave_node
-- A clean goodbye, so that nobody waits for the lease to run out.
delete from drena.nodes where id = $1;

-- name: release_jobs
-- Puts a node's own running jobs back at once, checkpoint kept and attempt not counted (I13); $1 its id, $2 the reason,
-- $3 which jobs, all of them when null.
with released as (
    update integration_jobs j
    set status = case when j.cancel_requested_at is null then 'pending' else 'canceled' end,
        error_code = case when j.cancel_requested_at is not null then 'canceled' end,
        error_message = case when j.cancel_requested_at is not null then 'Cancelado.' end,
        node_id = null, lease_token = j.lease_token + 1, run_at = now(), attempts = greatest(j.attempts - 1, 0)
    where j.node_id = $1 and j.status = 'running' and ($3::uuid[] is null or j.id = any ($3))
    returning j.id, j.tenant_id, j.provider_slug, j.attempts + 1 as attempt
), logged as (
    insert into drena.job_logs (tenant_id, job_id, attempt, level, message, fields)
    select r.tenant_id, r.id, r.attempt, 'info', 'job released',
           jsonb_build_object('event', 'job.released', 'reason', $2::text)
    from released r
), woken as (
    select pg_notify('drena_work', '') from released limit 1
)
select r.id, r.tenant_id, r.provider_slug, (select count(*) from woken) as woken from released r;

-- name: rescue_jobs
-- Takes back the jobs of nodes whose lease ran out (I4, I5). The node's row is taken first: a late renewal waits for
-- it and then finds nothing; two rescuers skip each other. $1 this node, $2 lease in seconds, $3 rescues
-- in a row, without a checkpoint between them, after which a job is poison. Nobody rescues before the database has been up for one full lease time.
with dead as (
    select n.id from drena.nodes n
    where n.lease_until < now() and n.id <> $1
      and pg_postmaster_start_time() < now() - make_interval(secs => $2)
    order by n.id
    for update skip locked
), buried as (
    delete from drena.nodes n using dead d where n.id = d.id returning n.id
), lost as (
    select j.id from integration_jobs j
    where j.status = 'running' and j.node_id in (select id from buried)
    order by j.id
    for no key update of j
), rescued as (
    update integration_jobs j
    set status = case when j.cancel_requested_at is not null then 'canceled'
                      when j.rescues + 1 - j.rescues_outlived >= $3 then 'error' else 'pending' end,
        error_code = case when j.cancel_requested_at is not null then 'canceled'
                          when j.rescues + 1 - j.rescues_outlived >= $3 then 'poison' else 'lease_lost' end,
        error_message = case
            when j.cancel_requested_at is not null then 'Cancelado.'
            when j.rescues + 1 - j.rescues_outlived >= $3
            then 'Encerrado: o processamento caiu junto com o servidor ' || j.rescues + 1 - j.rescues_outlived
                 || ' vezes seguidas.'
            else 'O servidor que processava este job parou; ele será retomado.' end,
        rescues = j.rescues + 1, lease_token = j.lease_token + 1, node_id = null, run_at = now(),
        attempts = greatest(j.attempts - 1, 0)
    from lost l
    where j.id = l.id
    returning j.id, j.tenant_id, j.provider_slug, j.attempts + 1 as attempt, j.status, j.error_code, j.error_message,
    j.rescues
), logged as (
    insert into drena.job_logs (tenant_id, job_id, attempt, level, message, fields)
    select r.tenant_id, r.id, r.attempt, 'warning', r.error_message,
           jsonb_build_object('event', 'job.rescued', 'code', r.error_code, 'rescues', r.rescues, 'status', r.status)
    from rescued r
)
select r.id, r.tenant_id, r.provider_slug, r.status, r.error_code as code, r.rescues from rescued r;

-- name: who_holds_up
-- Who else keeps Drena's sessions waiting for a lock, and for how long that transaction has lasted (null where it may not
-- be seen): the oldest of those that do not wait for a session of Drena's in turn.
select b.pid, coalesce(nullif(b.application_name, ''), b.backend_type, '') as application,
       extract(epoch from clock_timestamp() - b.xact_start)::double precision as age_s
from pg_stat_activity w
cross join lateral unnest(pg_blocking_pids(w.pid)) k(pid)
join pg_stat_activity b on b.pid = k.pid
where w.datname = current_database() and w.application_name like 'drena%' and w.wait_event_type = 'Lock'
  and b.application_name not like 'drena%'
  and not exists (select from unnest(pg_blocking_pids(b.pid)) o(pid) join pg_stat_activity a on a.pid = o.pid
                  where a.application_name like 'drena%')
order by b.xact_start
limit 1;
