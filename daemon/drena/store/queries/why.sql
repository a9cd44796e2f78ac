-- Why a job is not running: the facts, of which drena.waiting tells the one that counts.

-- name: why_facts
-- All that bears on one job, in one snapshot, as a JSON document; nothing comes back when there is no such job (I6, I10). $1 id.
with job as (
    select * from integration_jobs where id = $1
), running as materialized (
    select r.id, r.tenant_id, r.provider_slug, r.lane, r.node_id from integration_jobs r where r.status = 'running'
)
select jsonb_build_object(
    'now', now(),
    'job', jsonb_build_object(
        'id', j.id, 'tenant_id', j.tenant_id, 'tenant', coalesce(o.slug, j.tenant_id::text), 'provider', j.provider_slug,
        'lane', j.lane, 'status', j.status, 'attempts', j.attempts, 'max_attempts', j.max_attempts, 'rescues', j.rescues,
        'run_at', case when isfinite(j.run_at) then j.run_at end, 'created_at', j.created_at, 'started_at', j.started_at,
        'finished_at', j.finished_at, 'error_code', j.error_code, 'error_message', j.error_message,
        'cancel_requested_at', j.cancel_requested_at, 'node_id', j.node_id),
    'enabled', t.is_enabled,
    'pauses', (select coalesce(jsonb_agg(to_jsonb(p)), '[]') from drena.pauses p
               where p.tenant_id in (j.tenant_id, '00000000-0000-0000-0000-000000000000')
                 and p.provider_slug in (j.provider_slug, '*')),
    'nodes', (select coalesce(jsonb_agg(jsonb_build_object(
                  'id', n.id, 'name', n.name, 'providers', n.providers, 'max_jobs', n.max_jobs,
                  'tenant_max_jobs', n.tenant_max_jobs, 'provider_max_jobs', n.provider_max_jobs -> j.provider_slug,
                  'running', (select count(*) from running r where r.node_id = n.id),
                  'running_of_provider', (select count(*) from running r
                                          where r.node_id = n.id and r.provider_slug = j.provider_slug))
                  order by n.started_at, n.id), '[]')
              from drena.nodes n where n.lease_until > now()),
    'tenant_running', (select coalesce(jsonb_agg(jsonb_build_object('id', r.id, 'provider', r.provider_slug, 'lane', r.lane)
                                                 order by r.id), '[]')
                       from running r where r.tenant_id = j.tenant_id),
    'ahead', (select count(*) from (
                  select from integration_jobs a
                  where a.status = 'pending' and a.tenant_id = j.tenant_id and a.run_at <= now()
                    and a.provider_slug in (select unnest(n.providers) from drena.nodes n where n.lease_until > now())
                    and not drena.is_paused(a.tenant_id, a.provider_slug)
                    and (a.priority, a.run_at, a.id) < (j.priority, j.run_at, j.id)
                  limit 1000) a),
    'lane_active_id', (select a.id from integration_jobs a
                       where a.tenant_id = j.tenant_id and a.provider_slug = j.provider_slug and a.lane = j.lane
                         and a.status in ('pending', 'running') and a.id <> j.id limit 1),
    'pending_after_s', extract(epoch from drena.setting_s('heal.pending_after_s', 900))
)::text as facts
from job j
left join organizacoes o on o.id = j.tenant_id
left join tenant_integrations t on t.tenant_id = j.tenant_id and t.provider = j.provider_slug;
