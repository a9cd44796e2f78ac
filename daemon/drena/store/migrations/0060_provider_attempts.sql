-- A request that says nothing of attempts gets as many as the provider's plugin asks for (`Limits.max_attempts`), which each
-- node tells at its start; 3, as the old system had it, for a provider that no node has had yet. Otherwise as in 0004.
-- The one way to create a job (I1). One row always comes back:
--   created                the job is new (`healed_job_id` names the residue it replaced, if any)
--   active                 another job of the lane is active; it is returned and nothing was created
--   integration_not_found, integration_disabled   nothing was created, job is null
-- A request for a lane whose job is backing off pulls that job's run_at forward.
create or replace function drena.request_job(
    tenant uuid,
    provider text,
    lane text default '',
    payload jsonb default '{}',
    created_by uuid default null,
    priority smallint default 0,
    max_attempts integer default null
) returns table (outcome text, job public.integration_jobs, healed_job_id uuid)
language plpgsql volatile set search_path = public, pg_temp as $$
#variable_conflict use_column
declare
    enabled boolean;
    fresh public.integration_jobs;
    active public.integration_jobs;
    healed uuid;
begin
    select t.is_enabled into enabled from public.tenant_integrations t
    where t.tenant_id = request_job.tenant and t.provider = request_job.provider;
    if not found then
        return query select 'integration_not_found', null::public.integration_jobs, null::uuid;
        return;
    elsif not enabled then
        return query select 'integration_disabled', null::public.integration_jobs, null::uuid;
        return;
    end if;

    -- Another round only when somebody ended the active job, or it was healed here, between the two statements.
    loop
        insert into public.integration_jobs as j (tenant_id, provider_slug, lane, payload, created_by, priority,
        max_attempts) values (request_job.tenant, request_job.provider, coalesce(request_job.lane, ''),
                coalesce(request_job.payload, '{}'), request_job.created_by, coalesce(request_job.priority,
                0::smallint), coalesce(request_job.max_attempts, (select (s.value #>> '{}')::integer from
                drena.settings s where s.name = 'providers.' || request_job.provider || '.max_attempts'), 3))
        on conflict (tenant_id, provider_slug, lane) where status in ('pending', 'running') do nothing
        returning j.* into fresh;
        if found then
            insert into drena.job_logs (tenant_id, job_id, attempt, level, message, fields)
            values (fresh.tenant_id, fresh.id, 0, 'info', 'job requested',
                    jsonb_strip_nulls(jsonb_build_object('event', 'job.requested', 'healed_job_id', healed)));
            return query select 'created', fresh, healed;
            return;
        end if;

        select j.* into active from public.integration_jobs j
        where j.tenant_id = request_job.tenant and j.provider_slug = request_job.provider
          and j.lane = coalesce(request_job.lane, '') and j.status in ('pending', 'running');
        if found then
            select h.job_id into healed from drena.heal_jobs(array[active.id]) h;
            exit when not found;
        end if;
    end loop;

    if active.status = 'pending' and active.run_at > now() then
        update public.integration_jobs j set run_at = now()
        where j.id = active.id and j.status = 'pending' and j.run_at > now()
        returning j.* into fresh;
        if found then
            active := fresh;
            perform pg_notify('drena_work', '');
        end if;
    end if;
    return query select 'active', active, null::uuid;
end
$$;
