-- The history checker: each statement returns what breaks one invariant of design section 6, and changes nothing. All of them
-- take $1, how many violations to name at most, some also $2, the patience: seconds Drena may take to do a thing by itself.
-- They are read in one snapshot, so that rows and log lines agree.
--
-- The life of a job is told by the lines of drena.job_logs that carry an `event`. An attempt opens with `attempt.started`
-- and is closed by one of attempt.finished, attempt.canceled, attempt.retry, job.released, job.rescued, job.healed. All of
-- them are written by the statement that changes the job, under its row lock: their order by id is the order of events.

-- name: doctor_schema
-- What upholds I1, I2, I9 and I12 inside the database: the index of lanes and the triggers, present and in force.
select w.name, w.kind
from (values ('integration_jobs_one_active_per_lane', 'index'), ('drena_guard_job', 'trigger'),
             ('drena_settle_jobs', 'trigger'), ('drena_wake', 'trigger'), ('drena_feed_inserted', 'trigger'),
             ('drena_feed_deleted', 'trigger')) as w(name, kind)
where not exists (select from pg_index i
                  where i.indrelid = 'public.integration_jobs'::regclass and i.indexrelid::regclass::text = w.name
                    and i.indisunique and i.indisvalid)
  and not exists (select from pg_trigger t
                  where t.tgrelid = 'public.integration_jobs'::regclass and t.tgname = w.name and t.tgenabled in ('O', 'A'))
order by w.name
limit $1;

-- name: doctor_lane_doubled
-- Lanes with more than one active job (I1).
select j.tenant_id, j.provider_slug, j.lane, count(*) as jobs, (array_agg(j.id order by j.created_at))[1] as job_id
from integration_jobs j
where j.status in ('pending', 'running')
group by j.tenant_id, j.provider_slug, j.lane
having count(*) > 1
limit $1;

-- name: doctor_status_unknown
-- Jobs in a state that no rule speaks of.
select j.id as job_id, j.tenant_id, j.provider_slug, j.status
from integration_jobs j
where j.status not in ('pending', 'running', 'success', 'error', 'canceled')
limit $1;

-- name: doctor_end_time
-- Jobs of Drena that ended without a time of end, and active ones that have one (I2).
select j.id as job_id, j.tenant_id, j.provider_slug, j.status, j.finished_at
from integration_jobs j
where j.lease_token > 0 and (j.finished_at is null) = (j.status in ('success', 'error', 'canceled'))
limit $1;

-- name: doctor_mute_failure
-- Jobs of Drena that ended as error and do not say why.
select j.id as job_id, j.tenant_id, j.provider_slug, j.error_code
from integration_jobs j
where j.lease_token > 0 and j.status = 'error' and (coalesce(j.error_code, '') = '' or coalesce(j.error_message, '') = '')
limit $1;

-- name: doctor_attempt_open
-- Attempts that began and that no line closes: the next one began over them, or the job is no longer running (I2). A
-- cancellation that ended the job itself, because no node held it, closes its attempt too.
with life as (
    select l.tenant_id, l.job_id, l.id, l.attempt, l.fields ->> 'event' as event,
           lead(l.fields ->> 'event') over (partition by l.tenant_id, l.job_id order by l.id) as next_event
    from drena.job_logs l
    where l.fields ->> 'event' in ('attempt.started', 'attempt.finished', 'attempt.canceled', 'attempt.retry',
                                   'job.released', 'job.rescued', 'job.healed')
)
select l.job_id, l.tenant_id, j.provider_slug, l.attempt, j.status
from life l join integration_jobs j on j.id = l.job_id
where l.event = 'attempt.started'
  and (l.next_event = 'attempt.started'
       or (l.next_event is null and j.status <> 'running'
           and not (j.status = 'canceled' and exists (
               select from drena.job_logs c
               where c.tenant_id = l.tenant_id and c.job_id = l.job_id and c.id > l.id
                 and c.fields ->> 'event' = 'job.cancel_requested'))))
limit $1;

-- name: doctor_attempt_closed_twice
-- Lines that close an attempt while none was open: a second end of the same attempt (I2).
with life as (
    select l.tenant_id, l.job_id, l.id, l.attempt, l.fields ->> 'event' as event,
           lag(l.fields ->> 'event') over (partition by l.tenant_id, l.job_id order by l.id) as before_event
    from drena.job_logs l
    where l.fields ->> 'event' in ('attempt.started', 'attempt.finished', 'attempt.canceled', 'attempt.retry',
                                   'job.released', 'job.rescued')
)
select l.job_id, l.tenant_id, j.provider_slug, l.attempt, l.event
from life l join integration_jobs j on j.id = l.job_id
where l.event <> 'attempt.started' and l.before_event is distinct from 'attempt.started'
limit $1;

-- name: doctor_ended_twice
-- Jobs whose log tells of more than one end (I2).
select l.job_id, l.tenant_id, j.provider_slug, count(*) as ends
from drena.job_logs l join integration_jobs j on j.id = l.job_id
where l.fields ->> 'event' in ('attempt.finished', 'attempt.canceled', 'job.healed')
   or (l.fields ->> 'event' = 'job.rescued' and l.fields ->> 'status' in ('error', 'canceled'))
group by l.job_id, l.tenant_id, j.provider_slug
having count(*) > 1
limit $1;

-- name: doctor_line_after_end
-- Lines written after a job's end (I2): any that tells of its life, and a provider's own once five seconds have passed (one
-- that was on its way while the job was taken may come a moment late).
with ends as (
    select l.tenant_id, l.job_id, min(l.id) as id
    from drena.job_logs l
    where l.fields ->> 'event' in ('attempt.finished', 'attempt.canceled', 'job.healed')
       or (l.fields ->> 'event' = 'job.rescued' and l.fields ->> 'status' in ('error', 'canceled'))
    group by l.tenant_id, l.job_id
)
select j.id as job_id, j.tenant_id, j.provider_slug, l.at, l.message
from integration_jobs j
join drena.job_logs l on l.tenant_id = j.tenant_id and l.job_id = j.id
left join ends e on e.tenant_id = j.tenant_id and e.job_id = j.id
where j.status in ('success', 'error', 'canceled')
  and ((l.id > e.id and l.fields ->> 'event' ~ '^(attempt|job)\.') or l.at > j.finished_at + interval '5 seconds')
order by l.at
limit $1;

-- name: doctor_token
-- Attempts whose lease token is not above the one before, and jobs whose token is below their last attempt's (I2).
with tokens as (
    select l.tenant_id, l.job_id, l.attempt, (l.fields ->> 'lease_token')::bigint as token,
           lag((l.fields ->> 'lease_token')::bigint) over (partition by l.tenant_id, l.job_id order by l.id) as before
    from drena.job_logs l
    where l.fields ->> 'event' = 'attempt.started'
)
select t.job_id, t.tenant_id, j.provider_slug, t.attempt, t.token, t.before, j.lease_token
from tokens t join integration_jobs j on j.id = t.job_id
where t.token <= t.before or t.token > j.lease_token
limit $1;

-- name: doctor_holder
-- Running jobs that the log says are somebody else's: the node or token of the last attempt is another (I2).
select j.id as job_id, j.tenant_id, j.provider_slug, j.node_id, l.node as node_of_log, j.lease_token, l.token as token_of_log
from integration_jobs j
cross join lateral (
    select (l.fields ->> 'node')::uuid as node, (l.fields ->> 'lease_token')::bigint as token
    from drena.job_logs l
    where l.tenant_id = j.tenant_id and l.job_id = j.id and l.fields ->> 'event' = 'attempt.started'
    order by l.id desc limit 1
) l
where j.status = 'running' and j.node_id is not null and (l.node, l.token) is distinct from (j.node_id, j.lease_token)
limit $1;

-- name: doctor_attempts
-- Jobs whose count of attempts is not what their log tells: released and rescued attempts do not count (I5, I6).
with life as (
    select l.tenant_id, l.job_id, l.id, l.attempt,
           l.fields ->> 'event' in ('job.released', 'job.rescued')
               or coalesce((l.fields ->> 'counted')::boolean, true) = false as uncounted,
           row_number() over (partition by l.tenant_id, l.job_id order by l.id desc) as place
    from drena.job_logs l
    where l.fields ->> 'event' in ('attempt.started', 'attempt.finished', 'attempt.canceled', 'attempt.retry',
                                   'job.released', 'job.rescued')
)
select l.job_id, l.tenant_id, j.provider_slug, j.attempts, l.attempt - l.uncounted::integer as told
from life l join integration_jobs j on j.id = l.job_id
where l.place = 1 and j.attempts <> l.attempt - l.uncounted::integer
limit $1;

-- name: doctor_rescues
-- Jobs whose count of rescues is not what their log tells (I5).
select j.id as job_id, j.tenant_id, j.provider_slug, j.rescues, l.told
from integration_jobs j
cross join lateral (
    select count(*) filter (where l.fields ->> 'event' = 'job.rescued') as told, count(*) as lines
    from drena.job_logs l
    where l.tenant_id = j.tenant_id and l.job_id = j.id
      and l.fields ->> 'event' in ('attempt.started', 'job.rescued')
) l
where (l.lines > 0 or j.rescues > 0) and j.rescues <> l.told
limit $1;

-- name: doctor_poison
-- Active jobs that have brought down their node three times or more without moving between (I5).
select j.id as job_id, j.tenant_id, j.provider_slug, j.rescues
from integration_jobs j
where j.status in ('pending', 'running') and j.rescues - j.rescues_outlived >= 3
limit $1;

-- name: doctor_attempts_over
-- Jobs that were tried more often than they may be (I6).
select j.id as job_id, j.tenant_id, j.provider_slug, j.attempts, j.max_attempts
from integration_jobs j
where j.lease_token > 0 and j.attempts > j.max_attempts
limit $1;

-- name: doctor_retry_never
-- Pending jobs whose next run is so far ahead that nobody will see it (I6).
select j.id as job_id, j.tenant_id, j.provider_slug, j.run_at
from integration_jobs j
where j.status = 'pending' and j.run_at > now() + interval '7 days'
limit $1;

-- name: doctor_node_gone
-- Running jobs of a node that has no row any more: no rescue will find them (I5, I11).
select j.id as job_id, j.tenant_id, j.provider_slug, j.node_id, j.started_at
from integration_jobs j
where j.status = 'running' and j.node_id is not null and not exists (select from drena.nodes n where n.id = j.node_id)
limit $1;

-- name: doctor_lease_over
-- Nodes whose lease ran out longer ago than the patience and that nobody has buried, with their jobs (I5). Right after a
-- start of the database nobody rescues, on purpose (I4). $2 patience.
select n.id as node_id, n.name, n.lease_until,
       (select count(*) from integration_jobs j where j.status = 'running' and j.node_id = n.id) as jobs
from drena.nodes n
where greatest(n.lease_until, pg_postmaster_start_time()) < now() - make_interval(secs => $2)
order by n.lease_until
limit $1;

-- name: doctor_lease_far
-- Nodes whose lease ends so far ahead that their death would not be noticed (I5).
select n.id as node_id, n.name, n.lease_until from drena.nodes n where n.lease_until > now() + interval '1 hour' limit $1;

-- name: doctor_overdue
-- The first due job of a tenant and provider, due for longer than the patience though nothing hinders it: it is not paused, a
-- live node that offers the provider has room within all caps, and no job of the tenant began lately (I5, I6, I7). $2 patience.
with heads as (
    select distinct on (j.tenant_id, j.provider_slug) j.id, j.tenant_id, j.provider_slug, j.run_at
    from integration_jobs j
    where j.status = 'pending' and j.run_at < now() - make_interval(secs => $2)
    order by j.tenant_id, j.provider_slug, j.priority, j.run_at, j.id
), busy as materialized (
    select r.node_id, r.tenant_id, r.provider_slug, count(*) as n
    from integration_jobs r where r.status = 'running'
    group by r.node_id, r.tenant_id, r.provider_slug
)
select h.id as job_id, h.tenant_id, h.provider_slug, h.run_at
from heads h
where pg_postmaster_start_time() < now() - make_interval(secs => $2)
  and not drena.is_paused(h.tenant_id, h.provider_slug)
  and not exists (select from integration_jobs r
                  where r.tenant_id = h.tenant_id and r.started_at > now() - make_interval(secs => $2))
  and exists (
      select from drena.nodes n
      where n.lease_until > now() and n.started_at < now() - make_interval(secs => $2) and h.provider_slug = any (n.providers)
        and coalesce((select sum(b.n) from busy b where b.node_id = n.id) < n.max_jobs, true)
        and coalesce((select sum(b.n) from busy b where b.tenant_id = h.tenant_id) < n.tenant_max_jobs, true)
        and coalesce((select sum(b.n) from busy b where b.node_id = n.id and b.provider_slug = h.provider_slug)
                     < (n.provider_max_jobs ->> h.provider_slug)::integer, true))
limit $1;

-- name: doctor_residue
-- Active jobs that nobody can run and that the sweep would end (I10, I11).
select j.id as job_id, j.tenant_id, j.provider_slug, j.status, drena.stale_code(j) as stale_code
from integration_jobs j
where j.status in ('pending', 'running') and drena.stale_code(j) is not null
limit $1;

-- name: doctor_cancel_ignored
-- Running jobs whose cancellation was asked for more than ten seconds ago.
select j.id as job_id, j.tenant_id, j.provider_slug, j.node_id, j.cancel_requested_at
from integration_jobs j
where j.status = 'running' and j.cancel_requested_at < now() - interval '10 seconds'
limit $1;

-- name: doctor_old_writer
-- Running jobs that no node holds: the old functions still write.
select j.id as job_id, j.tenant_id, j.provider_slug, j.started_at
from integration_jobs j
where j.status = 'running' and j.node_id is null and drena.stale_code(j) is null
limit $1;

-- name: doctor_time_ahead
-- Times of a job that lie ahead of the database's clock: somebody wrote with a clock of their own.
select j.id as job_id, j.tenant_id, j.provider_slug, greatest(j.created_at, j.started_at, j.finished_at, j.lease_kept_at) as at
from integration_jobs j
where greatest(j.created_at, j.started_at, j.finished_at, j.lease_kept_at) > now() + interval '60 seconds'
limit $1;

-- name: doctor_feed_gap
-- Holes in a tenant's feed log (I9).
select f.tenant_id, f.before + 1 as gap_from, f."offset" - 1 as gap_to
from (select l.tenant_id, l."offset", lag(l."offset") over (partition by l.tenant_id order by l."offset") as before
      from drena.feed_log l) f
where f."offset" <> f.before + 1
limit $1;

-- name: doctor_feed_head
-- Tenants whose feed log does not end where its head says (I9).
select l.tenant_id, l.last, h."offset" as head
from (select l.tenant_id, max(l."offset") as last from drena.feed_log l group by l.tenant_id) l
left join drena.feed_head h using (tenant_id)
where h."offset" is distinct from l.last
limit $1;

-- name: doctor_ghost_integration
-- Integrations that say running or pending while no job of theirs is active (I12).
select t.tenant_id, t.provider as provider_slug, t.id as integration_id, t.last_status
from tenant_integrations t
where t.last_status in ('running', 'pending')
  and not exists (select from integration_jobs j where j.tenant_id = t.tenant_id and j.provider_slug = t.provider
                                                   and j.status in ('pending', 'running'))
limit $1;

-- name: doctor_ghost_sync
-- Syncs that say running while their job has ended, or that have none and began long ago (I12).
select s.tenant_id, s.provider as provider_slug, s.id as sync_id, s.job_id, s.entity, s.started_at
from sync_jobs s
where s.status = 'running'
  and (case when s.job_id is null then s.started_at < now() - drena.setting_s('heal.running_after_s', 2700)
            else not exists (select from integration_jobs j
                             where j.id = s.job_id and j.status in ('pending', 'running')) end)
limit $1;

-- name: doctor_log_row
-- Jobs that Drena ended and that have no line of integration_logs, or several (I12).
select j.id as job_id, j.tenant_id, j.provider_slug, j.status, coalesce(l.n, 0) as rows
from integration_jobs j
left join (select l.execution_id, count(*) as n from integration_logs l group by l.execution_id) l on l.execution_id = j.id
where j.lease_token > 0 and j.status in ('success', 'error', 'canceled') and coalesce(l.n, 0) <> 1
limit $1;
