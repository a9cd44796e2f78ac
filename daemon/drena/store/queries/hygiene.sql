-- The sweep: residues of the old system, and ghosts that no active job stands behind. Conservative thresholds by
-- timestamps.

-- name: heal_jobs
-- Ends active jobs that nobody can run, and says which and why (S1, S6, I11).
select h.job_id, h.tenant_id, h.provider_slug, h.was, h.code, h.message, extract(epoch from h.age)::double precision as
age_s from drena.heal_jobs() h;

-- name: settle_ghost_integrations
-- An integration that says running or pending while no job of it is active takes the status of its last ended job (S2,
-- I12).
with ghosts as (
    select t.id, t.last_status as was
    from tenant_integrations t
    where t.last_status in ('running', 'pending')
      and coalesce(t.last_run, t.updated_at) < now() - drena.setting_s('heal.pending_after_s', 900)
      and not exists (select from integration_jobs j where j.tenant_id = t.tenant_id and j.provider_slug = t.provider
                                                       and j.status in ('pending', 'running'))
    order by t.id
    for no key update of t skip locked
), last as (
    select g.id, g.was, j.status, j.error_message, j.finished_at
    from ghosts g
    join tenant_integrations t using (id)
    left join lateral (
        select * from integration_jobs j
        where j.tenant_id = t.tenant_id and j.provider_slug = t.provider
          and j.status in ('success', 'error', 'canceled')
        order by j.finished_at desc nulls last, j.created_at desc limit 1
    ) j on true
)
update tenant_integrations t
set last_status = coalesce(l.status, 'error'),
    last_error = case when l.status is null
                      then 'Limpeza: constava como em execução, mas nenhum job estava ativo.' else l.error_message end,
    last_run = coalesce(t.last_run, l.finished_at),
    updated_at = now()
from last l
where t.id = l.id
returning t.id, t.tenant_id, t.provider as provider_slug, l.was, t.last_status as status;

-- name: settle_ghost_syncs
-- A sync that says running while its job has ended, or that has no job and began long ago, ends as error (S3, I12).
with ghosts as (
    select s.id
    from sync_jobs s
    where s.status = 'running'
      and (case when s.job_id is null
                then s.started_at < now() - drena.setting_s('heal.running_after_s', 2700)
                else not exists (select from integration_jobs j where j.id = s.job_id and j.status in ('pending',
                'running'))
           end)
    order by s.id
    for no key update of s skip locked
)
update sync_jobs s
set status = 'error', finished_at = now(),
    error_message = coalesce(s.error_message, 'Limpeza: a sincronização morreu sem registrar o fim.')
from ghosts g
where s.id = g.id
returning s.id, s.tenant_id, s.provider as provider_slug, s.entity, s.job_id,
          extract(epoch from now() - s.started_at)::double precision as age_s;

-- name: save_setting
-- Lets SQL functions use this node's thresholds. $1 name, $2 value as JSON text.
insert into drena.settings (name, value) values ($1, $2::jsonb)
on conflict (name) do update set value = excluded.value where settings.value is distinct from excluded.value;
