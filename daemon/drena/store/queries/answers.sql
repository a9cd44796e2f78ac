-- Jobs and integrations as clients see them: what `drena.operations` answers with. Every statement that can return more
-- than one tenant's rows takes the tenants it may return; null stands for all.

-- name: run_for
-- Asks for a job through the one way there is (I1). $1 tenant, $2 provider, $3 lane, $4 payload as JSON text, $5 who.
select r.outcome, r.healed_job_id,
       case when (r.job).id is not null then drena.job_view(r.job)::text end as job
from drena.request_job($1, $2, $3, $4::jsonb, $5) r;

-- name: retry_for
-- Asks for a job like this one again, or pulls it forward (I1, I6). $1 id, $2 who.
select r.outcome, r.healed_job_id,
       case when (r.job).id is not null then drena.job_view(r.job)::text end as job
from drena.retry_job($1, $2) r;

-- name: cancel_for
-- Asks for the end of a job (I2). $1 id, $2 who.
select c.outcome, case when (c.job).id is not null then drena.job_view(c.job)::text end as job
from drena.cancel_job($1, $2) c;

-- name: provider_outlook
-- Whether the tenant has the integration, and whether some live node could run it (I10). $1 tenant, $2 provider.
select (select t.is_enabled from tenant_integrations t where t.tenant_id = $1 and t.provider = $2) as enabled,
       exists (select from drena.nodes n where n.lease_until > now() and $2 = any (n.providers)) as offered;

-- name: job_view
-- One job. $1 id.
select drena.job_view(j)::text as job from integration_jobs j where j.id = $1;

-- name: job_views
-- A page of jobs, the newest first. $1 tenants, $2 provider, $3 statuses, each null for all; $4 and $5 are the last
-- row's created_at and id of the page before, or null; $6 how many.
select drena.job_view(j)::text as job, j.created_at, j.id
from integration_jobs j
where ($1::uuid[] is null or j.tenant_id = any ($1)) and ($2::text is null or j.provider_slug = $2)
  and ($3::text[] is null or j.status = any ($3))
  and ($4::timestamptz is null or (j.created_at, j.id) < ($4, $5::uuid))
order by j.created_at desc, j.id desc
limit $6;

-- name: job_lines
-- A page of a job's log in the order it was written; tracebacks are for operators alone. $1 tenant, $2 job, $3 the last
-- id of the page before, $4 how many.
select l.id, l.attempt, drena.rfc3339(l.at) as at, l.level, l.message, (l.fields - 'traceback')::text as fields
from drena.job_logs l
where l.tenant_id = $1 and l.job_id = $2 and l.id > $3
order by l.id
limit $4;

-- name: integration_view
-- One integration. $1 id.
select drena.integration_view(t)::text as integration from tenant_integrations t where t.id = $1;

-- name: integration_views
-- A page of integrations. $1 tenants or null for all; $2 and $3 are the last row's tenant and provider of the page
-- before, or null; $4 how many.
select drena.integration_view(t)::text as integration, t.tenant_id, t.provider
from tenant_integrations t
where ($1::uuid[] is null or t.tenant_id = any ($1))
  and ($2::uuid is null or (t.tenant_id, t.provider) > ($2, $3::text))
order by t.tenant_id, t.provider
limit $4;

-- name: enable_integration
-- Lets an integration be run, or not. $1 id, $2 whether.
update tenant_integrations set is_enabled = $2, updated_at = now() where id = $1 and is_enabled is distinct from $2;
