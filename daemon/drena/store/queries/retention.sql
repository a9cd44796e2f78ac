-- Retention: what is deleted, in small batches, when. No statement touches an active job; rows another node is deleting are
-- skipped, so any number of nodes may prune at once.

-- name: integrations_after
-- The next integrations that have jobs, in order; a loose index scan, one probe each. $1 tenant and $2 provider to go on
-- after, $3 how many.
with recursive hop(tenant_id, provider_slug, n) as (
    (select j.tenant_id, j.provider_slug, 1
     from integration_jobs j
     where (j.tenant_id, j.provider_slug) > ($1::uuid, $2::text)
     order by j.tenant_id, j.provider_slug
     limit 1)
    union all
    select f.tenant_id, f.provider_slug, h.n + 1
    from hop h
    cross join lateral (
        select j.tenant_id, j.provider_slug
        from integration_jobs j
        where (j.tenant_id, j.provider_slug) > (h.tenant_id, h.provider_slug)
        order by j.tenant_id, j.provider_slug
        limit 1
    ) f
    where h.n < $3
)
select tenant_id, provider_slug from hop order by n;

-- name: outlived_jobs
-- The oldest ended jobs of these integrations that are too old or too many, never an integration's last ended job nor its
-- last success. $1 tenants and $2 providers, in pairs; $3 days, $4 ended jobs an integration, $5 how many. Whether an
-- integration has more jobs than that at all, the index says alone; only then its ended ones are counted.
with integration as (
    select * from unnest($1::uuid[], $2::text[]) as g(tenant_id, provider_slug)
), outlived as materialized (
    select g.tenant_id, g.provider_slug, c.id
    from integration g
    left join lateral (
        select true as found
        from integration_jobs n
        where n.tenant_id = g.tenant_id and n.provider_slug = g.provider_slug
        order by n.created_at desc, n.id desc
        offset $4 limit 1
    ) many on true
    left join lateral ( -- the newest that is one too many
        select n.created_at, n.id
        from integration_jobs n
        where many.found and n.tenant_id = g.tenant_id and n.provider_slug = g.provider_slug
          and n.status in ('success', 'error', 'canceled')
        order by n.created_at desc, n.id desc
        offset $4 limit 1
    ) surplus on true
    cross join lateral (
        select j.id
        from integration_jobs j
        where j.tenant_id = g.tenant_id and j.provider_slug = g.provider_slug
          and j.created_at <= greatest(surplus.created_at, now() - make_interval(days => $3))
          and j.status in ('success', 'error', 'canceled')
          and (coalesce(j.finished_at, j.created_at) < now() - make_interval(days => $3)
               or (j.created_at, j.id) <= (surplus.created_at, surplus.id))
        order by j.created_at, j.id
        limit $5 + 2 -- the two that may have to stay
    ) c
), kept as materialized (
    select l.id
    from (select distinct o.tenant_id, o.provider_slug from outlived o) g
    cross join lateral (
        (select l.id from integration_jobs l
         where l.tenant_id = g.tenant_id and l.provider_slug = g.provider_slug
           and l.status in ('success', 'error', 'canceled')
         order by l.created_at desc, l.id desc limit 1)
        union all
        (select l.id from integration_jobs l
         where l.tenant_id = g.tenant_id and l.provider_slug = g.provider_slug and l.status = 'success'
         order by l.created_at desc, l.id desc limit 1)
    ) l
)
select o.id from outlived o where not exists (select from kept k where k.id = o.id) limit $5;

-- name: prune_lines_of_jobs
-- Empties the logs of jobs that are about to go of what providers wrote, so that the last delete is a small one. $1 ids,
-- $2 how many.
with old as (
    select l.tenant_id, l.job_id, l.id
    from drena.job_logs l
    join integration_jobs j on j.tenant_id = l.tenant_id and j.id = l.job_id
    where j.id = any ($1::uuid[]) and j.status in ('success', 'error', 'canceled') and not l.fields ? 'event'
    limit $2
    for update of l skip locked
)
delete from drena.job_logs l using old o where l.tenant_id = o.tenant_id and l.job_id = o.job_id and l.id = o.id;

-- name: prune_jobs
-- Deletes ended jobs, and with them in one statement the log of their lives, so that no history is ever half told. $1 ids.
with old as (
    select j.tenant_id, j.id
    from integration_jobs j
    where j.id = any ($1::uuid[]) and j.status in ('success', 'error', 'canceled')
    order by j.id
    for update of j skip locked
), lines as (
    delete from drena.job_logs l using old o where l.tenant_id = o.tenant_id and l.job_id = o.id
)
delete from integration_jobs j using old o where j.id = o.id;

-- name: prune_job_lines
-- Deletes the oldest lines providers wrote to logs of jobs that have ended; the lines of a job's life stay as long as it.
-- $1 days, $2 how many.
with old as (
    select l.tenant_id, l.job_id, l.id
    from drena.job_logs l
    where not l.fields ? 'event' and l.at < now() - make_interval(days => $1)
      and not exists (select from integration_jobs j where j.id = l.job_id and j.status in ('pending', 'running'))
    order by l.at
    limit $2
    for update of l skip locked
)
delete from drena.job_logs l using old o where l.tenant_id = o.tenant_id and l.job_id = o.job_id and l.id = o.id;

-- name: prune_feed
-- Deletes the oldest entries of some tenants' feed logs: always a log's beginning, so that no hole appears (I9). Rows are
-- taken in one order and waited for, not skipped, for the same reason. $1 tenant to go on after, $2 how many tenants,
-- $3 hours, $4 how many. Says how many went, and the last of these tenants.
with tenants as materialized (
    select h.tenant_id from drena.feed_head h where h.tenant_id > $1 order by h.tenant_id limit $2
), first as (
    select t.tenant_id, l."offset",
           bool_and(l.at < now() - make_interval(hours => $3)) over (partition by t.tenant_id order by l."offset") as old
    from tenants t
    cross join lateral (
        select f."offset", f.at from drena.feed_log f where f.tenant_id = t.tenant_id order by f."offset" limit $4
    ) l
), held as (
    select l.tenant_id, l."offset"
    from drena.feed_log l join first f on f.tenant_id = l.tenant_id and f."offset" = l."offset" and f.old
    order by l.tenant_id, l."offset"
    limit $4
    for update of l
), gone as (
    delete from drena.feed_log l using held h where l.tenant_id = h.tenant_id and l."offset" = h."offset" returning 1
)
select (select count(*) from gone) as gone, (select max(t.tenant_id::text)::uuid from tenants t) as last;

-- name: prune_integration_logs
-- Deletes lines of runs whose job retention has deleted. $1 days, $2 how many.
with old as (
    select l.id
    from integration_logs l
    where l.created_at < now() - make_interval(days => $1) and l.execution_id is not null
      and not exists (select from integration_jobs j where j.id = l.execution_id)
    limit $2
    for update of l skip locked
)
delete from integration_logs l using old o where l.id = o.id;

-- name: prune_sync_jobs
-- Deletes ended syncs, with their log, of runs whose job retention has deleted. $1 days, $2 how many.
with old as (
    select s.id
    from sync_jobs s
    where s.started_at < now() - make_interval(days => $1) and s.status <> 'running' and s.job_id is not null
      and not exists (select from integration_jobs j where j.id = s.job_id)
    limit $2
    for update of s skip locked
)
delete from sync_jobs s using old o where s.id = o.id;

-- name: prune_idempotency_keys
-- Keys of requests that nobody will repeat any more. $1 hours, $2 how many at once.
delete from drena.idempotency_keys k
using (
    select tenant_id, principal, key
    from drena.idempotency_keys
    where at < now() - make_interval(hours => $1)
    order by at
    limit $2
    for update skip locked
) old
where (k.tenant_id, k.principal, k.key) = (old.tenant_id, old.principal, old.key);
