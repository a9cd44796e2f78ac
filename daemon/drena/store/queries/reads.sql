-- What commands and pages read. Nothing here locks or changes anything.

-- name: find_tenant
-- A tenant by slug, or by id written as text.
select id, slug, nome as name from organizacoes where slug = $1 or id::text = $1;

-- name: tenant_slugs
-- All slugs, for saying which one was meant.
select slug from organizacoes order by slug limit 1000;

-- name: list_jobs
-- The newest jobs first; each filter may be null. $1 tenant, $2 provider, $3 statuses, $4 how many.
select j.id, j.tenant_id, coalesce(o.slug, j.tenant_id::text) as tenant, j.provider_slug as provider, j.lane, j.status,
       j.progress, j.progress_detail::text as progress_detail, j.attempts, j.max_attempts, j.rescues, j.error_code,
       j.error_message, j.run_at, j.created_at, j.started_at, j.finished_at, j.execution_time_ms, j.result::text as result,
       j.status = 'pending' and drena.is_paused(j.tenant_id, j.provider_slug) as paused
from integration_jobs j left join organizacoes o on o.id = j.tenant_id
where ($1::uuid is null or j.tenant_id = $1) and ($2::text is null or j.provider_slug = $2)
  and ($3::text[] is null or j.status = any ($3))
order by j.created_at desc, j.id desc
limit $4;

-- name: get_job
-- One job by id.
select j.id, j.tenant_id, coalesce(o.slug, j.tenant_id::text) as tenant, j.provider_slug as provider, j.lane, j.status,
       j.progress, j.progress_detail::text as progress_detail, j.attempts, j.max_attempts, j.rescues, j.error_code,
       j.error_message, j.run_at, j.created_at, j.started_at, j.finished_at, j.execution_time_ms, j.result::text as result,
       j.status = 'pending' and drena.is_paused(j.tenant_id, j.provider_slug) as paused
from integration_jobs j left join organizacoes o on o.id = j.tenant_id
where j.id = $1;

-- name: get_job_logs
-- The lines of one job in the order they were written.
select attempt, at, level, message, fields::text as fields from drena.job_logs where tenant_id = $1 and job_id = $2 order by id;

-- name: list_integrations
-- Every integration with its last outcome, its active job and its next run; $1 tenant or null.
select t.id, o.slug as tenant, t.provider, t.is_enabled as enabled,
       drena.is_paused(t.tenant_id, t.provider) as paused, t.last_status, t.last_error, t.last_run,
       j.id as active_job_id, j.status as active_status, j.progress as active_progress,
       nullif(s.next_at, 'infinity') as next_at, s.cron, s.timezone
from tenant_integrations t
join organizacoes o on o.id = t.tenant_id
left join drena.schedules s on s.tenant_id = t.tenant_id and s.provider_slug = t.provider and s.lane = ''
left join lateral (
    select * from integration_jobs j
    where j.tenant_id = t.tenant_id and j.provider_slug = t.provider and j.status in ('pending', 'running')
    order by j.created_at limit 1
) j on true
where $1::uuid is null or t.tenant_id = $1
order by o.slug, t.provider;

-- name: get_integration
-- One integration as a provider's check needs it.
select t.base_url, t.config::text as config, t.is_enabled as enabled
from tenant_integrations t where t.tenant_id = $1 and t.provider = $2;

-- name: integration_names
-- Every integration's provider and its tenant's slug.
select t.provider, o.slug as tenant from tenant_integrations t join organizacoes o on o.id = t.tenant_id;
