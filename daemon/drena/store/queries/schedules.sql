-- Schedules: exactly one job an occurrence, by the database's clock, however many nodes look.

-- name: schedule_clock
-- The database's time, and the jitter the daemon was set to.
select now() as now, coalesce((select (value #>> '{}')::double precision from drena.settings
                               where name = 'schedule.jitter_s'), 0) as jitter_s;

-- name: due_schedules
-- Which schedules are due, the longest first. $1 how many at most. Nothing is locked: whoever takes one looks again.
select tenant_id, provider_slug, lane from drena.schedules where next_at <= now() order by next_at limit $1;

-- name: next_schedule
-- Seconds until the next schedule is due; below zero when it is over, null when there is none.
select extract(epoch from min(next_at) - clock_timestamp())::double precision as in_s
from drena.schedules where next_at < 'infinity';

-- name: hold_schedule
-- Takes one that is still due; nothing comes back when another node has it or had it. $1 tenant, $2 provider, $3 lane.
select cron, timezone, next_at, occurrence, now() as now,
       coalesce((select (value #>> '{}')::double precision from drena.settings where name = 'schedule.jitter_s'), 0)
       as jitter_s
from drena.schedules
where tenant_id = $1 and provider_slug = $2 and lane = $3 and next_at <= now()
for update skip locked;

-- name: request_scheduled
-- Asks for the job of the occurrence that is held. $1 tenant, $2 provider, $3 lane.
select drena.request_scheduled($1, $2, $3) as outcome;

-- name: move_schedule
-- Moves a held schedule on, in the transaction of its job. $1 tenant, $2 provider, $3 lane, $4 next moment, $5 its nominal
-- moment.
update drena.schedules set next_at = $4, occurrence = $5, problem = null
where tenant_id = $1 and provider_slug = $2 and lane = $3;

-- name: halt_schedule
-- Lets a held schedule that makes no sense stand still until somebody sets it anew. $4 why.
update drena.schedules set next_at = 'infinity', problem = $4
where tenant_id = $1 and provider_slug = $2 and lane = $3;

-- name: set_schedule
-- Sets or replaces a schedule. $1 tenant, $2 provider, $3 lane, $4 cron, $5 zone, $6 next moment, $7 its nominal moment.
insert into drena.schedules as s (tenant_id, provider_slug, lane, cron, timezone, next_at, occurrence)
values ($1, $2, $3, $4, $5, $6, $7)
on conflict (tenant_id, provider_slug, lane) do update
set cron = excluded.cron, timezone = excluded.timezone, next_at = excluded.next_at, occurrence = excluded.occurrence,
    problem = null, updated_at = now();

-- name: get_schedule
-- One schedule. $1 tenant, $2 provider, $3 lane.
select cron, timezone, next_at, occurrence, problem from drena.schedules
where tenant_id = $1 and provider_slug = $2 and lane = $3;

-- name: clear_schedule
-- Removes a schedule; one row when there was one.
delete from drena.schedules where tenant_id = $1 and provider_slug = $2 and lane = $3 returning true as gone;

-- name: list_schedules
-- All schedules, or a tenant's; the next to come first. $1 tenant or null.
select s.tenant_id, coalesce(o.slug, s.tenant_id::text) as tenant, s.provider_slug as provider, s.lane, s.cron, s.timezone,
       nullif(s.next_at, 'infinity') as next_at, s.problem, coalesce(t.is_enabled, false) as enabled,
       drena.is_paused(s.tenant_id, s.provider_slug) as paused
from drena.schedules s
left join organizacoes o on o.id = s.tenant_id
left join tenant_integrations t on t.tenant_id = s.tenant_id and t.provider = s.provider_slug
where $1::uuid is null or s.tenant_id = $1
order by s.next_at, tenant, provider, s.lane;

-- name: has_integration
-- Whether a tenant has this integration. $1 tenant, $2 provider.
select true from tenant_integrations where tenant_id = $1 and provider = $2;
