-- The feed's log: whoever changes what a client can see of a job or an integration (the daemon, the old functions, a
-- person with SQL), one row a change is added to drena.feed_log in the same transaction, and the tenant's counter in
-- drena.feed_head moves on by as many.
--
-- What is guaranteed (I9):
--   * Offsets of a tenant have no hole and no repeat, and are visible in their order: a transaction takes the tenant's
--     head, numbers its changes and commits; the next one waits for that. Whoever sees offset n sees all before it.
--   * Only what a client can see counts. Progress, checkpoints, leases and versions alone add nothing.
--   * The log says which thing changed, not what it became: a reader takes the value as it is when he reads, and so
--     never an older one than the log promises. Writers pay for no value that nobody may read, and `payload` stays null.
--
-- How it is done. Statement triggers, one call a statement however many rows, note in the transaction's own setting
-- `drena.feed_pending` what has changed. The first note of a transaction leaves a row in drena.feed_ticks, whose deferred
-- trigger is called when the transaction commits; it takes the heads, writes the log and removes the row.
--
-- Why nothing can deadlock with it. A head is locked in one place only: at the commit, after everything else the
-- transaction does, all heads in one statement, in the order of tenants. Who holds a head therefore waits for nothing
-- but heads of higher tenants, and no circle can close, whatever rows of jobs, integrations, syncs or schedules claims,
-- finishes, rescues, sweeps and people hold, in whatever order, in however many statements. It does not matter either
-- whether these triggers fire before or after drena_settle_jobs (they fire before it, by name; the change of the
-- integration that it makes is noted by the trigger on tenant_integrations and written in the same go). A head is held
-- only for the length of the commit itself, not for the length of the transaction. The triggers of schedules and pauses
-- touch integrations with `skip locked`, since their writers may hold those rows in the other order.
-- A writer in REPEATABLE READ can be refused with a serialisation failure, as with every counter.
--
-- The functions run with their owner's rights: who may write jobs need not know that there is a feed.

alter table drena.feed_log alter column payload drop not null;
alter table drena.feed_head set (fillfactor = 50);
alter table public.tenant_integrations add column if not exists version bigint not null default 0;

comment on column drena.feed_log.payload is 'null: a reader takes the value as it is now';
comment on column public.tenant_integrations.version is 'grows whenever what a client sees of it changes';

-- Empty for everybody: a row lives from the first change of a transaction to its commit. No log is written for it.
create unlogged table if not exists drena.feed_ticks (id bigint generated always as identity primary key);

-- Nodes that have readers. Without one nobody is notified; a lost row costs a reader the time of a poll.
create unlogged table if not exists drena.feed_watch (
    node_id uuid primary key,
    until timestamptz not null
);

-- RFC 3339 in UTC, whatever the session's time zone; null where there is no such moment.
create or replace function drena.rfc3339(moment timestamptz) returns text
language sql immutable as $$
    select case when isfinite(moment) then (to_jsonb(moment at time zone 'UTC') #>> '{}') || 'Z' end
$$;

-- A job as every client sees it: feed, HTTP, page. Never its payload, never its checkpoint.
create or replace function drena.job_view(job public.integration_jobs) returns jsonb
language sql stable as $$
    select jsonb_build_object(
        'id', job.id, 'tenant_id', job.tenant_id, 'provider_slug', job.provider_slug, 'lane', job.lane,
        'status', job.status, 'priority', job.priority, 'run_at', drena.rfc3339(job.run_at),
        'created_at', drena.rfc3339(job.created_at), 'started_at', drena.rfc3339(job.started_at),
        'finished_at', drena.rfc3339(job.finished_at), 'execution_time_ms', job.execution_time_ms,
        'attempts', coalesce(job.attempts, 0), 'max_attempts', coalesce(job.max_attempts, 3), 'rescues', job.rescues,
        'progress', coalesce(job.progress, 0), 'progress_detail', job.progress_detail,
        'error_code', job.error_code, 'error_message', job.error_message,
        'result', case when octet_length(job.result::text) <= 4096 then job.result end,
        'result_omitted', coalesce(octet_length(job.result::text) > 4096, false),
        'created_by', job.created_by, 'cancel_requested_at', drena.rfc3339(job.cancel_requested_at),
        'version', job.version)
$$;

-- An integration as every client sees it. Never its config.
create or replace function drena.integration_view(integration public.tenant_integrations) returns jsonb
language sql stable as $$
    select jsonb_build_object(
        'id', integration.id, 'tenant_id', integration.tenant_id, 'provider_slug', integration.provider,
        'is_enabled', integration.is_enabled, 'paused', drena.is_paused(integration.tenant_id, integration.provider),
        'last_status', integration.last_status, 'last_error', integration.last_error,
        'last_run', drena.rfc3339(integration.last_run),
        'schedule', (select jsonb_build_object('cron', s.cron, 'timezone', s.timezone) from drena.schedules s
                     where s.tenant_id = integration.tenant_id and s.provider_slug = integration.provider
                       and s.lane = ''),
        'next_at', (select drena.rfc3339(s.next_at) from drena.schedules s
                    where s.tenant_id = integration.tenant_id and s.provider_slug = integration.provider
                      and s.lane = ''),
        'version', integration.version)
$$;

-- Notes changes for the commit. `kind` is `job` or `integration`; arrays of equal length, or null when nothing changed.
create or replace function drena.feed_note(kind text, tenants uuid[], ids uuid[], versions bigint[]) returns void
language plpgsql as $$ -- called by the triggers alone, with their rights
declare
    stamp text := pg_current_xact_id()::text || E'\n';
    pending text := current_setting('drena.feed_pending', true);
    fresh boolean := pending is null or not starts_with(pending, stamp);
begin
    perform set_config('drena.feed_pending',
                       case when fresh then stamp else pending || E'\n' end || kind || ' ' || tenants::text || ' '
                       || ids::text || ' ' || versions::text, true);
    if fresh then
        insert into drena.feed_ticks default values;
    end if;
end
$$;

-- At the commit: one head after the other in the order of tenants, then the log.
create or replace function drena.feed_commit() returns trigger
language plpgsql security definer set search_path = public, pg_temp as $$
declare
    pending text := current_setting('drena.feed_pending', true);
begin
    perform set_config('drena.feed_pending', '', true);
    delete from drena.feed_ticks t where t.id = new.id;

    with noted as materialized ( -- at once, so that no later step carries the whole line along
        select split_part(l.line, ' ', 1) || ':' as kind, split_part(l.line, ' ', 2)::uuid[] as tenants,
               split_part(l.line, ' ', 3)::uuid[] as ids, split_part(l.line, ' ', 4)::bigint[] as versions
        from string_to_table(pending, E'\n') with ordinality as l(line, place)
        where l.place > 1
    ), keys as materialized (
        select c.tenant_id, n.kind || c.id as key, c.version
        from noted n cross join lateral unnest(n.tenants, n.ids, n.versions) as c(tenant_id, id, version)
    ), changed as materialized (
        select k.tenant_id, k.key, max(k.version) as version,
               row_number() over (partition by k.tenant_id) as place
        from keys k
        group by k.tenant_id, k.key
    ), heads as (
        insert into drena.feed_head as h (tenant_id, "offset")
        select c.tenant_id, count(*) from changed c group by c.tenant_id order by c.tenant_id
        on conflict (tenant_id) do update set "offset" = h."offset" + excluded."offset"
        returning h.tenant_id, h."offset"
    )
    insert into drena.feed_log (tenant_id, "offset", key, version)
    select c.tenant_id, h."offset" + 1 - c.place, c.key, c.version
    from changed c join heads h using (tenant_id);

    if exists (select from drena.feed_watch w where w.until > now()) then
        perform pg_notify('drena_feed', '');
    end if;
    return null;
end
$$;

drop trigger if exists drena_feed_commit on drena.feed_ticks;
create constraint trigger drena_feed_commit after insert on drena.feed_ticks
    deferrable initially deferred for each row execute function drena.feed_commit();

create or replace function drena.feed_jobs_changed() returns trigger
language plpgsql security definer set search_path = public, pg_temp as $$
declare
    tenants uuid[];
    ids uuid[];
    versions bigint[];
    moved boolean;
begin
    if tg_op = 'UPDATE' then
        -- A full join, here and below: it is never done by nested loops, whatever the first statement of a session made
        -- the planner believe. Nobody compares payload and checkpoint: they can be large, and no client sees them.
        select array_agg(coalesce(a.tenant_id, b.tenant_id)), array_agg(coalesce(a.id, b.id)),
               array_agg(coalesce(a.version, b.version)), bool_or(a.tenant_id is distinct from b.tenant_id)
        into tenants, ids, versions, moved
        from before b full join after a on a.id = b.id
        where (a.status, a.attempts, a.run_at, a.started_at, a.finished_at, a.execution_time_ms, a.error_code,
               a.error_message, a.cancel_requested_at, a.rescues, a.max_attempts, a.priority, a.lane, a.provider_slug,
               a.tenant_id, a.created_at, a.created_by, a.result)
            is distinct from
              (b.status, b.attempts, b.run_at, b.started_at, b.finished_at, b.execution_time_ms, b.error_code,
               b.error_message, b.cancel_requested_at, b.rescues, b.max_attempts, b.priority, b.lane, b.provider_slug,
               b.tenant_id, b.created_at, b.created_by, b.result);
        if moved then -- to another tenant: whoever had it sees it go
            select tenants || array_agg(b.tenant_id), ids || array_agg(b.id), versions || array_agg(b.version)
            into tenants, ids, versions
            from before b where b.id = any (ids);
        end if;
    elsif tg_op = 'INSERT' then
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

create or replace trigger drena_feed_updated after update on public.integration_jobs
    referencing old table as before new table as after
    for each statement execute function drena.feed_jobs_changed();
create or replace trigger drena_feed_inserted after insert on public.integration_jobs
    referencing new table as after for each statement execute function drena.feed_jobs_changed();
create or replace trigger drena_feed_deleted after delete on public.integration_jobs
    referencing old table as before for each statement execute function drena.feed_jobs_changed();

-- An integration's version tells whether a client would see a difference. Who has counted already is left alone.
create or replace function drena.guard_integration() returns trigger
language plpgsql as $$
begin
    new.version := old.version + 1;
    return new;
end
$$;

create or replace trigger drena_guard_integration before update on public.tenant_integrations
    for each row when (new.version <= old.version and
                       (new.is_enabled, new.last_status, new.last_error, new.last_run, new.provider, new.tenant_id)
                       is distinct from
                       (old.is_enabled, old.last_status, old.last_error, old.last_run, old.provider, old.tenant_id))
    execute function drena.guard_integration();

create or replace function drena.feed_integrations_changed() returns trigger
language plpgsql security definer set search_path = public, pg_temp as $$
declare
    tenants uuid[];
    ids uuid[];
    versions bigint[];
begin
    if tg_op = 'UPDATE' then
        select array_agg(a.tenant_id), array_agg(a.id), array_agg(a.version) into tenants, ids, versions
        from before b full join after a on a.id = b.id
        where a.version is distinct from b.version;
    elsif tg_op = 'INSERT' then
        select array_agg(a.tenant_id), array_agg(a.id), array_agg(a.version) into tenants, ids, versions from after a;
    else
        select array_agg(b.tenant_id), array_agg(b.id), array_agg(b.version) into tenants, ids, versions from before b;
    end if;
    if ids is not null then
        perform drena.feed_note('integration', tenants, ids, versions);
    end if;
    return null;
end
$$;

create or replace trigger drena_feed_updated after update on public.tenant_integrations
    referencing old table as before new table as after
    for each statement execute function drena.feed_integrations_changed();
create or replace trigger drena_feed_inserted after insert on public.tenant_integrations
    referencing new table as after for each statement execute function drena.feed_integrations_changed();
create or replace trigger drena_feed_deleted after delete on public.tenant_integrations
    referencing old table as before for each statement execute function drena.feed_integrations_changed();

-- A schedule or a pause shows in the integration: it is noted, and its version grows unless somebody holds the row, who
-- may be waiting for ours. A client takes a value of the same version, so that it sees the change all the same.
create or replace function drena.feed_touch(wanted uuid[]) returns void
language plpgsql as $$
declare
    tenants uuid[];
    ids uuid[];
    versions bigint[];
begin
    with free as (
        select t.id from public.tenant_integrations t where t.id = any (wanted) order by t.id
        for no key update of t skip locked
    )
    update public.tenant_integrations t set version = t.version + 1 from free f where t.id = f.id;
    select array_agg(t.tenant_id), array_agg(t.id), array_agg(t.version) into tenants, ids, versions
    from public.tenant_integrations t where t.id = any (wanted);
    if ids is not null then
        perform drena.feed_note('integration', tenants, ids, versions);
    end if;
end
$$;

create or replace function drena.feed_schedules_changed() returns trigger
language plpgsql security definer set search_path = public, pg_temp as $$
declare
    wanted uuid[];
begin
    if tg_op = 'UPDATE' then
        select array_agg(t.id) into wanted
        from (select tenant_id, provider_slug, lane, cron, timezone, next_at from after
              except select tenant_id, provider_slug, lane, cron, timezone, next_at from before) s
        join public.tenant_integrations t on t.tenant_id = s.tenant_id and t.provider = s.provider_slug
        where s.lane = '';
    elsif tg_op = 'INSERT' then
        select array_agg(t.id) into wanted
        from after s join public.tenant_integrations t on t.tenant_id = s.tenant_id and t.provider = s.provider_slug
        where s.lane = '';
    else
        select array_agg(t.id) into wanted
        from before s join public.tenant_integrations t on t.tenant_id = s.tenant_id and t.provider = s.provider_slug
        where s.lane = '';
    end if;
    if wanted is not null then
        perform drena.feed_touch(wanted);
    end if;
    return null;
end
$$;

create or replace trigger drena_feed_updated after update on drena.schedules
    referencing old table as before new table as after
    for each statement execute function drena.feed_schedules_changed();
create or replace trigger drena_feed_inserted after insert on drena.schedules
    referencing new table as after for each statement execute function drena.feed_schedules_changed();
create or replace trigger drena_feed_deleted after delete on drena.schedules
    referencing old table as before for each statement execute function drena.feed_schedules_changed();

create or replace function drena.feed_pauses_changed() returns trigger
language plpgsql security definer set search_path = public, pg_temp as $$
declare
    wanted uuid[];
begin
    if tg_op = 'INSERT' then
        select array_agg(distinct t.id) into wanted
        from after p join public.tenant_integrations t
            on p.tenant_id in (t.tenant_id, '00000000-0000-0000-0000-000000000000')
               and p.provider_slug in (t.provider, '*');
    else
        select array_agg(distinct t.id) into wanted
        from before p join public.tenant_integrations t
            on p.tenant_id in (t.tenant_id, '00000000-0000-0000-0000-000000000000')
               and p.provider_slug in (t.provider, '*');
    end if;
    if wanted is not null then
        perform drena.feed_touch(wanted);
    end if;
    return null;
end
$$;

create or replace trigger drena_feed_inserted after insert on drena.pauses
    referencing new table as after for each statement execute function drena.feed_pauses_changed();
create or replace trigger drena_feed_deleted after delete on drena.pauses
    referencing old table as before for each statement execute function drena.feed_pauses_changed();
