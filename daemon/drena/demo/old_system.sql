-- What the demo writes into the old tables before Drena sees them.

-- name: add_office
-- A tenant. $1 id, $2 name, $3 slug.
insert into organizacoes (id, nome, slug) values ($1, $2, $3);

-- name: add_integration
-- One of its integrations. $1 tenant, $2 provider, $3 address, $4 settings as JSON text.
insert into tenant_integrations (tenant_id, provider, base_url, config, last_status, updated_at)
values ($1, $2, $3, $4::jsonb, 'idle', now() - interval '40 days');

-- name: leave_ghost
-- An integration that says running for nine days. $1 tenant, $2 provider.
update tenant_integrations
set last_status = 'running', updated_at = now() - interval '9 days', last_run = now() - interval '9 days'
where tenant_id = $1 and provider = $2;

-- name: add_ended_job
-- A job that ended properly long ago. $1 tenant, $2 provider, $3 status.
insert into integration_jobs
    (tenant_id, provider_slug, status, progress, attempts, started_at, finished_at, execution_time_ms, created_at)
values ($1, $2, $3, 100, 1, now() - interval '9 days', now() - interval '9 days', 4200, now() - interval '9 days');

-- name: leave_job
-- A job that was never ended; its integration says the same. $1 id, $2 tenant, $3 provider, $4 status, $5 age and $6
-- time since its start in seconds, or null.
with left_behind as (
    update tenant_integrations set last_status = $4 where tenant_id = $2 and provider = $3
)
insert into integration_jobs (id, tenant_id, provider_slug, status, attempts, created_at, started_at)
values ($1, $2, $3, $4, case when $6::double precision is null then 0 else 1 end,
        now() - make_interval(secs => $5), now() - make_interval(secs => $6));

-- name: leave_sync
-- A sync whose run died. $1 tenant, $2 age in seconds.
insert into sync_jobs (tenant_id, provider, entity, status, total_read, total_skipped, started_at)
values ($1, 'acessorias', 'companies', 'running', 108580, 108580, now() - make_interval(secs => $2));

-- name: type_row
-- A company as a person typed it, in the order of the columns.
insert into empresas
    (id, organizacao_id, nome, cnpj, whatsapp, regime_tributario, data_abertura, socios, meses, obrigacoes, created_at)
values ($1, $2, $3, $4, $5, $6, $7, $8::jsonb, $9::jsonb, $10::jsonb, now() - interval '200 days');
