-- What only the database knows of the whole queue, for Prometheus. Asked at most every ten seconds and only while
-- somebody scrapes; every part is bounded, however long the queue is.

-- name: count_jobs
-- Active jobs by status and provider: an index-only walk that stops at $1 pending ones; those that run are bounded by
-- the nodes' room.
select 'pending' as status, p.provider_slug, count(*) as jobs
from (select j.provider_slug from integration_jobs j where j.status = 'pending' limit $1) p
group by p.provider_slug
union all
select 'running', j.provider_slug, count(*)
from integration_jobs j where j.status = 'running'
group by j.provider_slug;

-- name: oldest_due
-- Seconds since the oldest due job of each provider became due, paused ones left out; seen are the $1 oldest.
select d.provider_slug, extract(epoch from now() - min(d.run_at))::double precision as age_s
from (select j.tenant_id, j.provider_slug, j.run_at from integration_jobs j
      where j.status = 'pending' and j.run_at <= now() order by j.run_at limit $1) d
where not exists (select from drena.pauses p
                  where p.tenant_id in (d.tenant_id, '00000000-0000-0000-0000-000000000000')
                    and p.provider_slug in (d.provider_slug, '*'))
group by d.provider_slug;

-- name: count_integrations
-- Integrations by provider and last status; there is one row a tenant and provider.
select t.provider as provider_slug, case when t.is_enabled then coalesce(t.last_status, 'none') else 'disabled' end as status,
       count(*) as integrations
from tenant_integrations t
group by 1, 2;

-- name: count_nodes
-- Nodes whose lease is good, those whose lease is over, and schedules that nobody has looked at in time.
select (select count(*) from drena.nodes where lease_until > now()) as live,
       (select count(*) from drena.nodes where lease_until <= now()) as lost,
       (select count(*) from drena.schedules where next_at < now() - interval '1 minute') as schedules_late;
