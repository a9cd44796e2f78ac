-- A database that was put back from a backup tells offsets a second time: number 118 is another change now, and a client
-- that resumes behind the old 118 would miss it without a word (I9). So an epoch lasts for one run of the database server,
-- and only the log itself carries a client from one epoch into the next.
--
-- How a new run is told: drena.feed_source remembers when the server was started for which the epochs were made, and which
-- database it was. As long as both are what the server says of itself, epochs hold. When they differ, the views below show
-- no epoch at all, whoever wanted to read calls drena.feed_recognise(), and reads again. Nothing has to be called by who
-- restores, and no moment is left open: until it is recognised, the feed tells nobody anything.
--
-- What is kept over it. The same database, started again (a restart, a crash, the files put back as they were copied):
-- all that was committed before the start is what clients were told, or less. Each epoch is kept in drena.feed_eras with
-- the offset up to which it was written before the start; who stopped there or earlier goes on by the log, who has seen
-- more has seen what was lost, and gets a snapshot. Offsets before the start are those that no transaction of this run
-- wrote: `at` is when a transaction began. Another database (restored from a dump, another timeline after recovery to a
-- moment or a failover, tables made anew): nobody can know what it shares with the one before, and everybody gets a
-- snapshot.

create table if not exists drena.feed_source (
    one boolean primary key default true check (one),
    started timestamptz not null,
    place text not null,
    identity text not null
);
comment on table drena.feed_source is 'one row: the run of the database server for which the epochs were made';

create table if not exists drena.feed_eras (
    tenant_id uuid not null,
    epoch uuid not null,
    upto bigint not null,
    ended_at timestamptz not null default now(),
    primary key (tenant_id, epoch)
);
comment on table drena.feed_eras is 'epochs that were, and up to which offset the one that followed goes on from them';

-- Which database this is, as far as can be told in a moment, for every reading; with the moment of the server's start it
-- names one place on earth. A table that was made anew has another file.
create or replace function drena.feed_place() returns text
language sql stable as $$
    select d.oid::text || '/' || 'drena.feed_head'::regclass::oid::text || '/'
           || pg_relation_filenode('drena.feed_head')::text
    from pg_database d where d.datname = current_database()
$$;

-- And which server, over its restarts: its cluster, and the timeline, which changes at every promotion and every recovery
-- to a moment. Where a service does not tell, it is left out, and restoring shows by the place alone.
create or replace function drena.feed_identity() returns text
language plpgsql stable as $$
declare
    cluster text := '';
    timeline text := '';
begin
    begin
        select system_identifier::text into cluster from pg_control_system();
    exception when insufficient_privilege or undefined_function or feature_not_supported then null;
    end;
    begin
        timeline := left(pg_walfile_name(pg_current_wal_insert_lsn()), 8);
    exception when insufficient_privilege or undefined_function or feature_not_supported then null;
    end;
    return cluster || '/' || timeline;
end
$$;

create or replace function drena.feed_is_recognised() returns boolean
language sql stable as $$
    select exists (select from drena.feed_source s
                   where s.started = pg_postmaster_start_time() and s.place = drena.feed_place())
$$;

-- The feeds' heads as readers see them: without an epoch while this run of the server has not been recognised.
create or replace view drena.feed_heads as
select h.tenant_id, case when (select drena.feed_is_recognised()) then h.epoch end as epoch, h."offset"
from drena.feed_head h;

-- Makes the epochs of this run of the server, once. Says what it was: `restarted`, `restored`, or null when somebody else
-- has done it and when there is no feed yet. Heads are locked in the order of tenants, as at every commit.
create or replace function drena.feed_recognise() returns text
language plpgsql security definer set search_path = public, pg_temp as $$
declare
    known drena.feed_source;
    place text := drena.feed_place();
    identity text := drena.feed_identity();
    same boolean;
begin
    perform pg_advisory_xact_lock(hashtextextended('drena.feed_recognise', 0));
    if drena.feed_is_recognised() then
        return null;
    end if;
    select * into known from drena.feed_source;
    same := found and known.place = place and known.identity = identity;
    perform from drena.feed_head h order by h.tenant_id for update;
    delete from drena.feed_eras e where not same or e.ended_at < now() - interval '24 hours';
    if same then
        insert into drena.feed_eras (tenant_id, epoch, upto)
        select h.tenant_id, h.epoch, h."offset" - coalesce(l.later, 0)
        from drena.feed_head h
        left join (select f.tenant_id, count(*) as later from drena.feed_log f
                   where f.at >= pg_postmaster_start_time() group by f.tenant_id) l using (tenant_id);
    end if;
    update drena.feed_head set epoch = gen_random_uuid();
    insert into drena.feed_source (started, place, identity) values (pg_postmaster_start_time(), place, identity)
    on conflict (one) do update
        set started = excluded.started, place = excluded.place, identity = excluded.identity;
    return case when not exists (select from drena.feed_head) then null when same then 'restarted' else 'restored' end;
end
$$;

-- What is there today goes on as it is.
insert into drena.feed_source (started, place, identity)
values (pg_postmaster_start_time(), drena.feed_place(), drena.feed_identity())
on conflict do nothing;
