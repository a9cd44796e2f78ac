-- The queue: integration_jobs gains lanes, lease tokens and checkpoints; what the old system left doubled is ended, so
-- that I1 (one active job a lane) can become an index. Writers wait for the length of this migration, readers do not.

lock table public.integration_jobs in share row exclusive mode;

alter table public.integration_jobs
    add column if not exists lane text not null default '',
    add column if not exists priority smallint not null default 0,
    add column if not exists run_at timestamptz not null default now(),
    add column if not exists lease_token bigint not null default 0,
    add column if not exists node_id uuid,
    add column if not exists lease_kept_at timestamptz,
    add column if not exists rescues integer not null default 0,
    add column if not exists error_code text,
    add column if not exists checkpoint jsonb,
    add column if not exists progress_detail jsonb,
    add column if not exists cancel_requested_at timestamptz,
    add column if not exists version bigint not null default 0,
    set (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.01);

-- A job of the old system has been due since it was created, not since this migration: residues are told by their age.
update public.integration_jobs set run_at = created_at where status = 'pending' and node_id is null;

alter table public.sync_jobs add column if not exists job_id uuid;

comment on column public.integration_jobs.priority is 'within a tenant the smaller number runs first';
comment on column public.integration_jobs.lease_token is 'only grows; every write of an attempt presents it';

-- Of several active jobs of a lane the oldest live one stays (design section 6): one that is really running, else one
-- asked for just now, else the oldest. started_at tells a run that began; one without it never did.
with ranked as (
    select id,
           row_number() over (
               partition by tenant_id, provider_slug, lane
               order by (status = 'running' and started_at > now() - interval '45 minutes') desc nulls last,
               (status = 'pending' and created_at > now() - interval '15 minutes') desc, created_at, id
           ) as place
    from public.integration_jobs
    where status in ('pending', 'running')
), ended as (
    update public.integration_jobs j
    set status = 'error',
        error_code = 'duplicate',
        error_message = 'Encerrado na limpeza da fila: outro job da mesma integração já estava ativo.',
        finished_at = now()
    from ranked r
    where r.id = j.id and r.place > 1
    returning j.id, j.tenant_id, j.provider_slug, j.attempts, j.started_at, j.error_message, j.payload
), logged as (
    insert into drena.job_logs (tenant_id, job_id, attempt, level, message, fields)
    select tenant_id, id, attempts, 'warning', error_message, '{"event": "job.healed", "code": "duplicate"}'
    from ended
)
insert into public.integration_logs
    (tenant_id, integration, provider_slug, execution_id, status, execution_time_ms, error_message, payload)
select tenant_id::text, provider_slug, provider_slug, id, 'error', 0, error_message, payload
from ended;

create unique index if not exists integration_jobs_one_active_per_lane
    on public.integration_jobs (tenant_id, provider_slug, lane) where status in ('pending', 'running');

-- The claim walks this one from lane group to lane group; nothing in it changes while a job runs.
create index if not exists integration_jobs_due
    on public.integration_jobs (tenant_id, provider_slug, priority, run_at, id) where status = 'pending';
create index if not exists integration_jobs_next_due
    on public.integration_jobs (run_at) where status = 'pending';
create index if not exists integration_jobs_running
    on public.integration_jobs (tenant_id, provider_slug) where status = 'running';
create index if not exists integration_jobs_newest
    on public.integration_jobs (tenant_id, provider_slug, created_at desc, id desc);

create unique index if not exists sync_jobs_one_per_job_and_entity
    on public.sync_jobs (job_id, entity) where job_id is not null;
create index if not exists sync_jobs_running
    on public.sync_jobs (tenant_id, provider) where status = 'running';
