-- What holds for every writer of integration_jobs, also the old functions and the browser: impossible transitions are
-- refused (I2), and whoever ends a job settles the integration, its syncs and the log with it (I12).

create or replace function drena.guard_job() returns trigger
language plpgsql set search_path = public, pg_temp as $$
begin
    if new.status is distinct from old.status then
        if old.status not in ('pending', 'running') then
            raise exception 'job % has ended as %, it cannot become %', old.id, old.status, new.status
                using errcode = 'check_violation', hint = 'Request a new job instead.';
        end if;
        if new.status not in ('pending', 'running', 'success', 'error', 'canceled')
           or (old.status = 'pending' and new.status = 'success') then
            raise exception 'job % cannot go from % to %', old.id, old.status, new.status
                using errcode = 'check_violation',
                      hint = 'pending -> running -> success | error | canceled; running -> pending.';
        end if;
        if new.status in ('success', 'error', 'canceled') then
            new.finished_at := coalesce(new.finished_at, now());
            new.execution_time_ms := coalesce(
                new.execution_time_ms,
                least(greatest(extract(epoch from new.finished_at - new.started_at) * 1000, 0), 2147483647)::integer);
        end if;
    end if;
    if new.lease_token < old.lease_token then
        raise exception 'the lease token of job % cannot shrink from % to %', old.id, old.lease_token, new.lease_token
            using errcode = 'check_violation';
    end if;
    new.version := old.version + 1;
    return new;
end
$$;

create or replace trigger drena_guard_job before update on public.integration_jobs
    for each row execute function drena.guard_job();

-- One statement for all rows an UPDATE touched. Integrations are locked in the order of their ids, so that two batches
-- that end jobs of the same tenants cannot lock each other out.
create or replace function drena.settle_jobs() returns trigger
language plpgsql set search_path = public, pg_temp as $$
begin
    if not exists (select from before b join after a using (id) where a.status is distinct from b.status) then
        return null;
    end if;

    with moved as (
        select distinct on (a.tenant_id, a.provider_slug) a.tenant_id, a.provider_slug, a.status, a.error_message,
        a.finished_at from before b join after a using (id)
        where a.status is distinct from b.status
        order by a.tenant_id, a.provider_slug, (a.status in ('pending', 'running')), a.finished_at desc nulls last
    ), held as (
        select t.id, m.status, m.error_message, m.finished_at
        from public.tenant_integrations t
        join moved m on m.tenant_id = t.tenant_id and m.provider_slug = t.provider
        order by t.id
        for no key update of t
    )
    update public.tenant_integrations t
    set last_status = h.status,
        last_error = case when h.status in ('error', 'pending') then h.error_message
                          when h.status = 'running' then t.last_error end,
        last_run = coalesce(h.finished_at, t.last_run),
        updated_at = now()
    from held h
    where t.id = h.id;

    with ended as (
        select a.* from before b join after a using (id)
        where a.status in ('success', 'error', 'canceled') and b.status in ('pending', 'running')
    ), synced as (
        update public.sync_jobs s
        set status = e.status, finished_at = e.finished_at, error_message = coalesce(e.error_message, s.error_message)
        from ended e
        where s.job_id = e.id and s.status = 'running'
        returning s.job_id
    ), totals as (
        select s.job_id, sum(s.total_read) as n_read, sum(s.total_created + s.total_updated) as n_matched,
               sum(s.total_skipped) as n_ignored
        from public.sync_jobs s join ended e on e.id = s.job_id
        group by s.job_id
    )
    insert into public.integration_logs
        (tenant_id, integration, provider_slug, execution_id, status, total_processados, total_matched, total_ignored,
         execution_time_ms, error_message, payload, response)
    select e.tenant_id::text, e.provider_slug, e.provider_slug, e.id, e.status, coalesce(t.n_read, 0),
           coalesce(t.n_matched, 0), coalesce(t.n_ignored, 0), coalesce(e.execution_time_ms, 0), e.error_message,
           e.payload, e.result
    from ended e left join totals t on t.job_id = e.id;
    return null;
end
$$;

create or replace trigger drena_settle_jobs after update on public.integration_jobs
    referencing old table as before new table as after
    for each statement execute function drena.settle_jobs();

-- The wake of an enqueue: constant payload, folded within a transaction, never once a row. `set drena.notify = off`
-- silences it for bulk loads; the poll finds the jobs all the same.
create or replace function drena.wake() returns trigger
language plpgsql as $$
begin
    if coalesce(current_setting('drena.notify', true), 'on') <> 'off' then
        perform pg_notify('drena_work', '');
    end if;
    return null;
end
$$;

create or replace trigger drena_wake after insert on public.integration_jobs
    for each statement execute function drena.wake();

create or replace function drena.setting_s(wanted text, otherwise double precision) returns interval
language sql stable as $$
    select make_interval(secs => coalesce((select (value #>> '{}')::double precision from drena.settings where name =
    wanted),
                                          otherwise))
$$;

-- Why an active job can be ended as a residue, or null when it must be left alone (S6, S8, S15). Conservative: a job
-- that a live node holds, or that a live node has the plugin for and simply has not reached yet, is never named.
-- The thresholds are heal.pending_after_s and heal.running_after_s.
create or replace function drena.stale_code(job public.integration_jobs) returns text
language sql stable as $$
    select case
        when job.status = 'pending'
             and greatest(job.created_at, job.run_at) < now() - drena.setting_s('heal.pending_after_s', 900)
             and (job.created_at < (select min(applied_at) from drena.migrations)
                  or not exists (select from drena.nodes n
                                 where n.lease_until > now() and job.provider_slug = any (n.providers)))
            then 'stale_pending'
        when job.status = 'running' and job.node_id is null and job.started_at is null
             and job.created_at < now() - drena.setting_s('heal.pending_after_s', 900)
            then 'never_started'
        when job.status = 'running' and job.node_id is null
             and greatest(job.started_at, job.lease_kept_at) < now() - drena.setting_s('heal.running_after_s', 2700)
            then 'stale_running'
    end
$$;

-- What an office's user reads. Kept beside the codes so that SQL and the daemon say the same.
create or replace function drena.stale_message(code text) returns text
language sql immutable as $$
    select case code
        when 'stale_pending' then
            'Encerrado na limpeza da fila: o job ficou parado em "pending" sem nenhum processamento.'
        when 'never_started' then
            'Encerrado na limpeza da fila: o job constava como "running", mas nunca começou.'
        when 'stale_running' then
            'Encerrado na limpeza da fila: o job ficou em "running" sem dar sinal de vida.'
    end
$$;

-- End the residues among the given active jobs (all of them when null), and say which and why. The caller's transaction
-- holds the rows; a job somebody else is writing at this moment is alive and skipped.
create or replace function drena.heal_jobs(only_ids uuid[] default null)
returns table (job_id uuid, tenant_id uuid, provider_slug text, was text, code text, message text, age interval)
language sql volatile as $$
    with stale as (
        select j.id, j.status as was, drena.stale_code(j) as code, now() - j.created_at as age
        from public.integration_jobs j
        where j.status in ('pending', 'running')
          and (only_ids is null or j.id = any (only_ids))
          and drena.stale_code(j) is not null
        order by j.id
        for no key update of j skip locked
    ), ended as (
        update public.integration_jobs j
        set status = 'error', error_code = s.code, error_message = drena.stale_message(s.code),
            lease_token = j.lease_token + 1, finished_at = now()
        from stale s
        where j.id = s.id
        returning j.id, j.tenant_id, j.provider_slug, j.attempts, s.was, s.code, j.error_message, s.age
    ), logged as (
        insert into drena.job_logs (tenant_id, job_id, attempt, level, message, fields)
        select e.tenant_id, e.id, e.attempts, 'warning', e.error_message,
               jsonb_build_object('event', 'job.healed', 'code', e.code, 'was', e.was,
                                  'age_s', round(extract(epoch from e.age)))
        from ended e
    )
    select e.id, e.tenant_id, e.provider_slug, e.was, e.code, e.error_message, e.age from ended e order by e.age desc
$$;

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
                0::smallint), coalesce(request_job.max_attempts, 3))
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
