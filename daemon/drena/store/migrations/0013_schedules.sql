-- Schedules that run exactly once an occurrence, however many nodes look; and what observers remember.

alter table drena.schedules
    add column if not exists occurrence timestamptz, -- the nominal moment that next_at stands for, without its offset
    add column if not exists problem text,           -- why it stands still: next_at is infinity then
    add column if not exists updated_at timestamptz not null default now();

comment on column drena.schedules.next_at is 'when the next job is asked for; infinity while the schedule has a problem';

-- Whoever sets a schedule wakes the nodes that wait for the next one. Moving on from an occurrence wakes nobody.
create or replace function drena.wake_schedules() returns trigger
language plpgsql as $$
begin
    perform pg_notify('drena_schedules', '');
    return null;
end
$$;

create or replace trigger drena_wake_inserted after insert on drena.schedules
    for each statement execute function drena.wake_schedules();
create or replace trigger drena_wake_updated after update of cron, timezone on drena.schedules
    for each statement execute function drena.wake_schedules();

-- Asks for the job of an occurrence. What comes back is what happened:
--   created       there is a job
--   active        the job of an earlier occurrence, or of a person, has not ended; nothing is wrong with that, and its
--                 backoff is left as it is
--   paused, integration_disabled, integration_not_found   nothing was asked for
create or replace function drena.request_scheduled(tenant uuid, provider text, lane text) returns text
language plpgsql volatile set search_path = public, pg_temp as $$
declare
    answer text;
begin
    if drena.is_paused(tenant, provider) then
        return 'paused';
    end if;
    if exists (select from public.integration_jobs j
               where j.tenant_id = tenant and j.provider_slug = provider and j.lane = request_scheduled.lane
                 and j.status in ('pending', 'running') and drena.stale_code(j) is null) then
        return 'active';
    end if;
    select r.outcome into answer from drena.request_job(tenant, provider, request_scheduled.lane) r;
    return answer;
end
$$;

-- What an observer has decided to tell about an integration, and how far it is with telling. One row a change, made once
-- however many nodes see it; the newest of an integration is also its memory.
create table if not exists drena.observer_changes (
    observer text not null,
    tenant_id uuid not null,
    provider_slug text not null,
    number bigint not null,                 -- 1 for the first change of an integration, without holes
    id uuid not null default gen_random_uuid(),
    state text not null,                    -- what the integration became
    body jsonb not null,                    -- what is to be told, fixed when it was decided
    at timestamptz not null default now(),
    tries integer not null default 0,
    next_try_at timestamptz,                -- null once it is told or given up
    told_at timestamptz,
    problem text,                           -- why the last try failed
    primary key (tenant_id, provider_slug, observer, number)
);
create index if not exists observer_changes_due on drena.observer_changes (observer, next_try_at)
    where next_try_at is not null;
