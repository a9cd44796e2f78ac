"""The statements of the webhook, on Drena's table `drena.observer_changes`."""

from __future__ import annotations

from typing import Final

BEGIN: Final = """
-- The first time a webhook is set up: one node begins, once. $1 observer.
insert into drena.observer_changes (observer, tenant_id, provider_slug, number, state, body, told_at)
values ($1, '00000000-0000-0000-0000-000000000000', '', 1, 'began', '{}', now())
on conflict do nothing
returning true
"""

NOTE: Final = """
-- Notes what has changed since the last change of each integration: what its last ended job says, against what was
-- noted. Two nodes that notice the same give it the same number, and one of them notes nothing. $1 observer, $2 tenants
-- and $3 providers, or null for all; $4 whether it is only remembered and not told.
with wanted as (
    select t.tenant_id, t.provider from tenant_integrations t
    where case when $2::uuid[] is null then t.last_status in ('success', 'error')
               else (t.tenant_id, t.provider) in (select * from unnest($2::uuid[], $3::text[])) end
), seen as (
    select w.tenant_id, w.provider, j.id, j.finished_at, j.error_code, j.error_message,
           case when j.status = 'error' then 'failing' else 'recovered' end as state,
           coalesce(c.state, 'recovered') as known, coalesce(c.number, 0) as number
    from wanted w
    cross join lateral (
        select j.id, j.status, j.finished_at, j.error_code, j.error_message from integration_jobs j
        where j.tenant_id = w.tenant_id and j.provider_slug = w.provider and j.status in ('success', 'error')
        order by j.created_at desc, j.id desc limit 1
    ) j
    left join lateral (
        select c.state, c.number from drena.observer_changes c
        where c.tenant_id = w.tenant_id and c.provider_slug = w.provider and c.observer = $1
        order by c.number desc limit 1
    ) c on true
)
insert into drena.observer_changes (observer, tenant_id, provider_slug, number, state, body, next_try_at, told_at)
select $1, s.tenant_id, s.provider, s.number + 1, s.state,
       jsonb_build_object(
           'tenant', jsonb_build_object('id', o.id, 'slug', o.slug, 'name', o.nome), 'provider', s.provider,
           'job', jsonb_build_object('id', s.id, 'finished_at', drena.rfc3339(s.finished_at), 'code', s.error_code,
                                     'message', s.error_message)),
       case when not $4 then now() end, case when $4 then now() end
from seen s join organizacoes o on o.id = s.tenant_id
where s.state <> s.known
on conflict do nothing
"""

TAKE: Final = """
-- Takes the notice that is due the longest, for $2 seconds: nobody else posts it meanwhile. Notices of an integration
-- go in their order. $1 observer.
with due as (
    select c.tenant_id, c.provider_slug, c.observer, c.number from drena.observer_changes c
    where c.observer = $1 and c.next_try_at <= now()
      and not exists (select from drena.observer_changes e
                      where e.tenant_id = c.tenant_id and e.provider_slug = c.provider_slug and e.observer = c.observer
                        and e.number < c.number and e.next_try_at is not null)
    order by c.next_try_at
    limit 1
    for update skip locked
)
update drena.observer_changes c
set tries = c.tries + 1, next_try_at = now() + make_interval(secs => $2)
from due d
where (c.tenant_id, c.provider_slug, c.observer, c.number) = (d.tenant_id, d.provider_slug, d.observer, d.number)
returning c.id, c.state, c.body::text as body, drena.rfc3339(c.at) as at, c.tries
"""

TOLD: Final = """
-- The notice was taken. $1 observer, $2 its id, $3 the try.
update drena.observer_changes set told_at = now(), next_try_at = null, problem = null
where observer = $1 and id = $2 and tries = $3 and next_try_at is not null
"""

AGAIN: Final = """
-- The try failed: another one after $4 seconds, none when that is null. $1 observer, $2 its id, $3 the try, $5 why.
update drena.observer_changes set next_try_at = now() + make_interval(secs => $4), problem = $5
where observer = $1 and id = $2 and tries = $3 and next_try_at is not null
"""

NEXT: Final = """
-- Seconds until a notice is due, null when none is; and lets go of what was told long ago and is not the newest.
with gone as (
    delete from drena.observer_changes c
    where c.observer = $1 and c.next_try_at is null and c.at < now() - interval '90 days'
      and exists (select from drena.observer_changes n
                  where n.tenant_id = c.tenant_id and n.provider_slug = c.provider_slug and n.observer = c.observer
                    and n.number > c.number)
)
select extract(epoch from min(next_try_at) - now())::double precision
from drena.observer_changes where observer = $1 and next_try_at is not null
"""
