-- What an integration is doing, in one word, as the status page sorts cards: for whoever looks after so many offices that
-- they cannot all be followed at once. A job that runs, or waits without a pause, is `active`; then `idle` is what nothing
-- is to be expected of; else how the last run ended.
--
-- All of it is written so that the whole table is hashed and joined at once; `drena.is_paused`, which says the same, would be
-- called for every row.
create or replace view drena.integration_states as
with paused as materialized (
    select p.tenant_id, p.provider_slug from drena.pauses p
), seen as (
    select t.id, t.tenant_id, t.provider, t.is_enabled, t.last_status,
           exists (select from public.integration_jobs j
                   where j.tenant_id = t.tenant_id and j.provider_slug = t.provider and j.status = 'running') as runs,
           exists (select from public.integration_jobs j
                   where j.tenant_id = t.tenant_id and j.provider_slug = t.provider and j.status = 'pending') as waits,
           exists (select from paused p where p.tenant_id = t.tenant_id and p.provider_slug = t.provider)
           or exists (select from paused p where p.tenant_id = t.tenant_id and p.provider_slug = '*')
           or exists (select from paused p
                      where p.tenant_id = '00000000-0000-0000-0000-000000000000' and p.provider_slug = t.provider)
           or exists (select from paused p
                      where p.tenant_id = '00000000-0000-0000-0000-000000000000' and p.provider_slug = '*') as paused
    from public.tenant_integrations t
)
select s.id, s.tenant_id, s.provider,
       case
           when s.runs or s.waits and not s.paused then 'active'
           when s.paused or not s.is_enabled then 'idle'
           when s.last_status in ('success', 'error') then s.last_status
           else 'idle'
       end as state
from seen s;

-- Text without accents and case, as people type when they search.
create or replace function drena.folded(written text) returns text
language sql immutable parallel safe as $$
    select lower(regexp_replace(normalize(written, NFD), '[\u0300-\u036f]', '', 'g'))
$$;
