-- What the demo reads back as proof. Nothing here changes anything.

-- name: version
-- The server's version, as people say it.
select split_part(current_setting('server_version'), ' ', 1);

-- name: joined
-- Whether a daemon has joined and still holds its lease.
select exists (select from drena.nodes where lease_until > now());

-- name: old_jobs
-- What became of these jobs. $1 ids.
select id, status, error_code, error_message, finished_at is not null as finished,
       exists (select from drena.job_logs l where l.tenant_id = j.tenant_id and l.job_id = j.id) as logged
from integration_jobs j where id = any ($1);

-- name: last_status
-- What an integration says. $1 tenant, $2 provider.
select last_status from tenant_integrations where tenant_id = $1 and provider = $2;

-- name: ghosts
-- How many integrations say running or pending while no job of theirs is.
select count(*) from tenant_integrations t
where t.last_status in ('running', 'pending')
  and not exists (select from integration_jobs j
                  where j.tenant_id = t.tenant_id and j.provider_slug = t.provider and j.status in ('pending', 'running'));

-- name: syncs
-- How many syncs have this status. $1 status.
select count(*) from sync_jobs where status = $1;

-- name: mirrored
-- A tenant's companies as they came from the source. $1 tenant.
select external_key, raw_payload::text as payload from empresas
where organizacao_id = $1 and external_source = 'acessorias';

-- name: typed_rows
-- These rows as they are now. $1 ids.
select id, organizacao_id, nome, cnpj, whatsapp, regime_tributario, data_abertura, socios::text as socios,
       meses::text as meses, obrigacoes::text as obrigacoes, external_key
from empresas where id = any ($1) order by nome;

-- name: row_versions
-- Which row of a tenant was written last by which transaction. $1 tenant.
select coalesce(external_key, id::text) as key, xmin::text as version from empresas where organizacao_id = $1;

-- name: counts
-- What the database holds of a tenant in the end. $1 tenant.
select (select count(*) from empresas e where e.organizacao_id = $1) as companies,
       (select count(*) from empresas e where e.organizacao_id = $1 and e.external_source = 'acessorias') as linked,
       (select count(*) from integration_jobs j where j.tenant_id = $1 and j.status = 'success'
            and j.provider_slug = 'acessorias') as succeeded,
       (select count(*) from integration_jobs j where j.tenant_id = $1 and j.status = 'error') as failed,
       (select count(*) from integration_jobs j where j.tenant_id = $1 and j.status in ('pending', 'running')
            and j.provider_slug = 'acessorias') as active;

-- name: new_jobs
-- How many jobs of a tenant's Acessórias integration were created since Drena came. $1 tenant.
select count(*) from integration_jobs j
where j.tenant_id = $1 and j.provider_slug = 'acessorias'
  and j.created_at >= (select min(applied_at) from drena.migrations);
