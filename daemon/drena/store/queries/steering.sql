-- Operators' hands on the queue: each statement calls the SQL function that HTTP, feed and a Supabase rpc() call use too.

-- name: pause
-- Nothing within the pause is claimed from here on. $1 tenant or null for all, $2 provider or null for all, $3 reason, $4 who.
select drena.pause($1, $2, $3, $4);

-- name: resume
-- Takes back exactly one pause, and wakes the nodes; says whether there was one. $1 tenant or null, $2 provider or null.
select drena.resume($1, $2) as resumed;

-- name: list_pauses
-- Every pause, widest first. A tenant or provider of null stands for all of them.
select p.tenant_id, coalesce(o.slug, p.tenant_id::text) as tenant, p.provider, p.reason, p.created_by, p.created_at
from (select nullif(p.tenant_id, '00000000-0000-0000-0000-000000000000') as tenant_id,
             nullif(p.provider_slug, '*') as provider, p.reason, p.created_by, p.created_at
      from drena.pauses p) p
left join organizacoes o on o.id = p.tenant_id
order by 2 nulls first, 3 nulls first;

-- name: list_nodes
-- Every node that has joined and not left, with what it runs now; one whose lease is over is lost (I5).
select n.id, n.name, n.version, n.lease_until > now() as live, count(j.id) as running, n.max_jobs, n.refused, n.providers, n.started_at,
       extract(epoch from n.lease_until - now())::double precision as lease_left_s
from drena.nodes n left join integration_jobs j on j.status = 'running' and j.node_id = n.id
group by n.id
order by n.name, n.started_at;

-- name: known_providers
-- Every provider that some tenant has an integration with, or some node offers.
select t.provider from tenant_integrations t union select unnest(n.providers) from drena.nodes n order by 1;
