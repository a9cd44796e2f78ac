-- Steering the queue: cancel, retry by hand, pause and resume; and what a node tells of itself so that anybody can say why a
-- job waits. All of it is a row or a function, so that HTTP, feed, CLI and a Supabase rpc() call do the same.

alter table drena.nodes
    add column if not exists max_jobs integer,        -- null: a node of the release before this one, which does not say
    add column if not exists tenant_max_jobs integer,
    add column if not exists provider_max_jobs jsonb not null default '{}',
    add column if not exists refused bigint not null default 0; -- writes of this node that a lost token refused

-- A pause holds for every tenant (all zeros) or one, and every provider ('*') or one. Running attempts go on.
create table if not exists drena.pauses (
    tenant_id uuid not null default '00000000-0000-0000-0000-000000000000',
    provider_slug text not null default '*',
    reason text not null default '',
    created_by uuid,
    created_at timestamptz not null default now(),
    primary key (tenant_id, provider_slug)
);

create or replace function drena.is_paused(tenant uuid, provider text) returns boolean
language sql stable as $$
    select exists (select from drena.pauses p
                   where p.tenant_id in (tenant, '00000000-0000-0000-0000-000000000000')
                     and p.provider_slug in (provider, '*'))
$$;

-- Ask for the end of a job. One row always comes back; outcome is
--   canceled           it was waiting and has ended
--   cancel_requested   it is running; its node ends it within two seconds, a dead node's rescuer when it takes it back
--   ended              it had ended before; nothing changed
--   not_found          there is no such job, job is null
create or replace function drena.cancel_job(wanted uuid, canceled_by uuid default null)
returns table (outcome text, job public.integration_jobs)
language plpgsql volatile set search_path = public, pg_temp as $$
declare
    found_job public.integration_jobs;
begin
    select j.* into found_job from public.integration_jobs j where j.id = wanted for no key update;
    if not found then
        return query select 'not_found', null::public.integration_jobs;
        return;
    elsif found_job.status not in ('pending', 'running') then
        return query select 'ended', found_job;
        return;
    end if;

    insert into drena.job_logs (tenant_id, job_id, attempt, level, message, fields)
    values (found_job.tenant_id, found_job.id, found_job.attempts, 'info', 'cancel requested',
            jsonb_strip_nulls(jsonb_build_object('event', 'job.cancel_requested', 'by', canceled_by)));

    if found_job.status = 'pending' or found_job.node_id is null
       or not exists (select from drena.nodes n where n.id = found_job.node_id) then
        update public.integration_jobs j
        set status = 'canceled', cancel_requested_at = now(), lease_token = j.lease_token + 1, error_code = 'canceled',
            error_message = 'Cancelado.', finished_at = now()
        where j.id = wanted
        returning j.* into found_job;
        return query select 'canceled', found_job;
        return;
    end if;

    update public.integration_jobs j set cancel_requested_at = coalesce(j.cancel_requested_at, now())
    where j.id = wanted
    returning j.* into found_job;
    perform pg_notify('drena_work', '');
    return query select 'cancel_requested', found_job;
end
$$;

-- Do it again by hand: a new job like an ended one, or at once what is backing off. Outcomes of drena.request_job, and
-- `not_found`. The new job starts from the beginning; its attempts count anew.
create or replace function drena.retry_job(wanted uuid, retried_by uuid default null)
returns table (outcome text, job public.integration_jobs, healed_job_id uuid)
language plpgsql volatile set search_path = public, pg_temp as $$
declare
    old_job public.integration_jobs;
begin
    select j.* into old_job from public.integration_jobs j where j.id = wanted;
    if not found then
        return query select 'not_found', null::public.integration_jobs, null::uuid;
        return;
    end if;
    return query select * from drena.request_job(old_job.tenant_id, old_job.provider_slug, old_job.lane, old_job.payload,
                                                 retried_by, old_job.priority, old_job.max_attempts);
end
$$;

create or replace function drena.pause(
    tenant uuid default null, provider text default null, reason text default '', paused_by uuid default null
) returns void
language sql volatile as $$
    insert into drena.pauses (tenant_id, provider_slug, reason, created_by)
    values (coalesce(tenant, '00000000-0000-0000-0000-000000000000'), coalesce(provider, '*'), reason, paused_by)
    on conflict (tenant_id, provider_slug) do update set reason = excluded.reason
$$;

-- Takes back exactly the pause of the same tenant and provider; true when there was one.
create or replace function drena.resume(tenant uuid default null, provider text default null) returns boolean
language sql volatile as $$
    with gone as (
        delete from drena.pauses p
        where p.tenant_id = coalesce(tenant, '00000000-0000-0000-0000-000000000000')
          and p.provider_slug = coalesce(provider, '*')
        returning 1
    )
    select pg_notify('drena_work', '') is not null and exists (select from gone)
$$;

-- A pending job that is paused waits for a person, not for a node: it is no residue.
create or replace function drena.stale_code(job public.integration_jobs) returns text
language sql stable as $$
    select case
        when job.status = 'pending'
             and greatest(job.created_at, job.run_at) < now() - drena.setting_s('heal.pending_after_s', 900)
             and (job.created_at < (select min(applied_at) from drena.migrations)
                  or not exists (select from drena.nodes n
                                 where n.lease_until > now() and job.provider_slug = any (n.providers)))
             and not drena.is_paused(job.tenant_id, job.provider_slug)
            then 'stale_pending'
        when job.status = 'running' and job.node_id is null and job.started_at is null
             and job.created_at < now() - drena.setting_s('heal.pending_after_s', 900)
            then 'never_started'
        when job.status = 'running' and job.node_id is null
             and greatest(job.started_at, job.lease_kept_at) < now() - drena.setting_s('heal.running_after_s', 2700)
            then 'stale_running'
    end
$$;
