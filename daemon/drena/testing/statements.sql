-- What tests of providers ask of their databases.

-- name: lock_template
-- One test run at a time makes the template; held until the connection closes.
select pg_advisory_lock(478810464611);

-- name: list_databases
-- The databases whose name is like $1.
select datname::text from pg_database where datname like $1;

-- name: has_database
-- Whether there is a database named $1.
select exists (select from pg_database where datname = $1);

-- name: open_office
-- A tenant: $1 its name, $2 its slug.
insert into organizacoes (nome, slug) values ($1, $2) returning id;

-- name: find_office
-- The tenant with the slug $1.
select id from organizacoes where slug = $1;

-- name: drop_integration
-- What the tenant $1 set up for the provider $2 before; an adopted database need not have an index to say so.
delete from tenant_integrations where tenant_id = $1 and provider = $2;

-- name: add_integration
-- What the tenant set up: $1 tenant, $2 provider, $3 base URL, $4 settings as JSON text.
insert into tenant_integrations (tenant_id, provider, base_url, config, is_enabled) values ($1, $2, coalesce($3, ''), $4::jsonb, true);

-- name: set_checkpoint
-- Where an earlier attempt is to have left off: $1 job, $2 JSON text.
update integration_jobs set checkpoint = $2::jsonb where id = $1;

-- name: pull_forward
-- A retry need not be waited for.
update integration_jobs set run_at = now() where id = $1 and status = 'pending';

-- name: take_over
-- What a rescue by another node does to an attempt that still runs: its lease token is no longer the job's.
update integration_jobs set lease_token = lease_token + 1 where id = $1;

-- name: read_job
-- How a job stands.
select status, error_code, error_message, result::text as result, checkpoint::text as checkpoint, attempts,
       progress_detail::text as progress, lease_token,
       greatest(extract(epoch from run_at - clock_timestamp()), 0)::double precision as wait_s
from integration_jobs where id = $1;

-- name: read_counters
-- A job's counters by entity.
select entity, total_read as read, total_created as created, total_updated as updated, total_skipped as skipped,
       total_errors as errors
from sync_jobs where job_id = $1;

-- name: read_log
-- A job's log, without the lines of its life that the queue writes.
select level, message, fields::text as fields from drena.job_logs
where job_id = $1 and not fields ? 'event'
order by id;

-- name: list_tables
-- Every table with rows of its own, to look for what must not be there.
select quote_ident(table_schema) || '.' || quote_ident(table_name) as name
from information_schema.tables
where table_type = 'BASE TABLE' and table_schema not in ('pg_catalog', 'information_schema')
order by 1;

-- name: find_text
-- How many rows of a table, whose name is put in place of a_table, hold the text $1.
select count(*)::int as n from a_table t where strpos(t::text, $1) > 0;
