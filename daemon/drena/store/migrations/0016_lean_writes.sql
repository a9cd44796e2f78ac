-- What every change of a job costs, cut: PostgreSQL spent as much on triggers as on a claim and its end themselves.
-- Nothing of what is guaranteed changes.

-- Two indexes of the old schema that Drena's own make redundant: one leads with the same columns, and of the states
-- only `pending` and `running` are ever looked for, each of which has a smaller index. They had to be written at every
-- change of status. Whoever returns to the old system makes them again: contrib/deployment/supabase.md.
drop index if exists public.idx_integration_jobs_tenant_provider;
drop index if exists public.idx_integration_jobs_status;

create or replace function drena.took_ms(since timestamptz, until timestamptz) returns integer
language sql immutable as $$
    select least(greatest(extract(epoch from until - since) * 1000, 0), 2147483647)::integer
$$;

-- The guard (I2) is called only for a change that needs it: one that counts the version itself, sets what an end needs
-- and goes an allowed way is let through by the condition alone. Whoever does not know of that is helped, as before.
create or replace trigger drena_guard_job before update on public.integration_jobs
    for each row when (
        new.version is distinct from old.version + 1
        or new.lease_token < old.lease_token
        or (new.status is distinct from old.status
            and not (old.status = 'pending' and new.status = 'running'
                     or old.status = 'running' and new.status = 'pending'
                     or old.status = 'running' and new.status in ('success', 'error', 'canceled')
                        and new.finished_at is not null and new.execution_time_ms is not null)))
    execute function drena.guard_job();

-- One trigger for both things an update of jobs has to bring about: the settlement (I12) and the note for the feed (I9).
-- It looks at the rows once. Integrations are locked in the order of their ids, so that two batches that end jobs of the
-- same tenants cannot lock each other out. It runs with its owner's rights: who may write jobs need not be allowed to
-- write what follows from it.
create or replace function drena.settle_jobs() returns trigger
language plpgsql security definer set search_path = public, pg_temp as $$
declare
    tenants uuid[];     -- what a client sees differently: the feed's note
    ids uuid[];
    versions bigint[];
    moved uuid[];       -- whose status changed
    ended uuid[];       -- who ended
    rehoused boolean;   -- somebody gave a job to another tenant
    synced boolean;
begin
    -- A full join is never done by nested loops, whatever the first statement of a session made the planner believe.
    -- Nobody compares payload and checkpoint: they can be large, and no client sees them.
    select array_agg(c.tenant_id) filter (where c.shows), array_agg(c.id) filter (where c.shows),
           array_agg(c.version) filter (where c.shows), array_agg(c.id) filter (where c.moves),
           array_agg(c.id) filter (where c.ends), bool_or(c.rehoused)
    into tenants, ids, versions, moved, ended, rehoused
    from (
        select coalesce(a.tenant_id, b.tenant_id) as tenant_id, coalesce(a.id, b.id) as id,
               coalesce(a.version, b.version) as version, a.tenant_id is distinct from b.tenant_id as rehoused,
               a.status is distinct from b.status as moves,
               a.status in ('success', 'error', 'canceled') and b.status in ('pending', 'running') as ends,
               (a.status, a.attempts, a.run_at, a.started_at, a.finished_at, a.execution_time_ms, a.error_code,
                a.error_message, a.cancel_requested_at, a.rescues, a.max_attempts, a.priority, a.lane, a.provider_slug,
                a.tenant_id, a.created_at, a.created_by, a.result)
               is distinct from
               (b.status, b.attempts, b.run_at, b.started_at, b.finished_at, b.execution_time_ms, b.error_code,
                b.error_message, b.cancel_requested_at, b.rescues, b.max_attempts, b.priority, b.lane, b.provider_slug,
                b.tenant_id, b.created_at, b.created_by, b.result) as shows
        from before b full join after a on a.id = b.id
    ) c;

    if moved is not null then
        with latest as (
            select distinct on (a.tenant_id, a.provider_slug) a.tenant_id, a.provider_slug, a.status, a.error_message,
                   a.finished_at
            from after a
            where a.id = any (moved)
            order by a.tenant_id, a.provider_slug, (a.status in ('pending', 'running')), a.finished_at desc nulls last
        ), held as (
            select t.id, l.status, coalesce(l.finished_at, t.last_run) as last_run,
                   case when l.status in ('error', 'pending') then l.error_message
                        when l.status = 'running' then t.last_error end as last_error
            from public.tenant_integrations t
            join latest l on l.tenant_id = t.tenant_id and l.provider_slug = t.provider
            where (t.last_status, t.last_run, t.last_error)
                  is distinct from (l.status, coalesce(l.finished_at, t.last_run),
                                    case when l.status in ('error', 'pending') then l.error_message
                                         when l.status = 'running' then t.last_error end)
            order by t.id
            for no key update of t
        )
        update public.tenant_integrations t
        set last_status = h.status, last_error = h.last_error, last_run = h.last_run, updated_at = now(),
            version = t.version + 1
        from held h
        where t.id = h.id;
    end if;

    if ended is not null then
        synced := exists (select from public.sync_jobs s where s.job_id = any (ended));
        if synced then
            update public.sync_jobs s
            set status = e.status, finished_at = e.finished_at, error_message = coalesce(e.error_message, s.error_message)
            from after e
            where s.job_id = e.id and s.status = 'running' and e.id = any (ended);
        end if;
        -- A job ends once, so that its own id will do for its line: to make one up costs as much as to write the row.
        insert into public.integration_logs
            (id, tenant_id, integration, provider_slug, execution_id, status, total_processados, total_matched, total_ignored,
             execution_time_ms, error_message, payload, response)
        select e.id, e.tenant_id::text, e.provider_slug, e.provider_slug, e.id, e.status, coalesce(t.n_read, 0),
               coalesce(t.n_matched, 0), coalesce(t.n_ignored, 0), coalesce(e.execution_time_ms, 0), e.error_message,
               e.payload, e.result
        from after e
        left join lateral (
            select sum(s.total_read) as n_read, sum(s.total_created + s.total_updated) as n_matched,
                   sum(s.total_skipped) as n_ignored
            from public.sync_jobs s
            where synced and s.job_id = e.id
        ) t on true
        where e.id = any (ended)
        on conflict do nothing;
    end if;

    if rehoused then -- whoever had it sees it go
        select tenants || array_agg(b.tenant_id), ids || array_agg(b.id), versions || array_agg(b.version)
        into tenants, ids, versions
        from before b where b.id = any (ids);
    end if;
    if ids is not null then
        perform drena.feed_note('job', tenants, ids, versions);
    end if;
    return null;
end
$$;

drop trigger if exists drena_feed_updated on public.integration_jobs;

create or replace function drena.feed_jobs_changed() returns trigger
language plpgsql security definer set search_path = public, pg_temp as $$
declare
    tenants uuid[];
    ids uuid[];
    versions bigint[];
begin
    if tg_op = 'INSERT' then
        select array_agg(a.tenant_id), array_agg(a.id), array_agg(a.version) into tenants, ids, versions from after a;
    else
        select array_agg(b.tenant_id), array_agg(b.id), array_agg(b.version) into tenants, ids, versions from before b;
    end if;
    if ids is not null then
        perform drena.feed_note('job', tenants, ids, versions);
    end if;
    return null;
end
$$;
