-- Drena's own tables. Every key starts with tenant_id where there is one, so that the tables can be sharded by tenant.

-- One row a boot. A node's lease lives here and not on job rows: one renewal however many jobs it runs.
create table if not exists drena.nodes (
    id uuid primary key,
    name text not null,
    version text not null,
    providers text[] not null default '{}',
    started_at timestamptz not null default now(),
    lease_until timestamptz not null,
    running integer not null default 0
);

-- Settings that SQL functions need as well as the daemon; written by each node at its start.
create table if not exists drena.settings (
    name text primary key,
    value jsonb not null
);

create table if not exists drena.job_logs (
    tenant_id uuid not null,
    job_id uuid not null,
    id bigint generated always as identity,
    attempt integer not null,
    at timestamptz not null default clock_timestamp(),
    level text not null,
    message text not null,
    fields jsonb not null default '{}',
    primary key (tenant_id, job_id, id)
);

create table if not exists drena.feed_head (
    tenant_id uuid primary key,
    epoch uuid not null default gen_random_uuid(),
    "offset" bigint not null default 0
);

create table if not exists drena.feed_log (
    tenant_id uuid not null,
    "offset" bigint not null,
    key text not null,
    version bigint not null,
    payload jsonb not null,
    at timestamptz not null default now(),
    primary key (tenant_id, "offset")
);

create table if not exists drena.schedules (
    tenant_id uuid not null,
    provider_slug text not null,
    lane text not null default '',
    cron text not null,
    timezone text not null default 'America/Sao_Paulo',
    next_at timestamptz not null,
    primary key (tenant_id, provider_slug, lane)
);
create index if not exists schedules_next_at on drena.schedules (next_at);

create table if not exists drena.sync_state (
    tenant_id uuid not null,
    provider_slug text not null,
    entity text not null,
    watermark jsonb not null,
    updated_at timestamptz not null default now(),
    primary key (tenant_id, provider_slug, entity)
);

create table if not exists drena.deliveries (
    tenant_id uuid not null,
    provider_slug text not null,
    external_key text not null,
    empresa_id uuid,
    document text,
    name text not null,
    competence date,
    due_on date,
    delivered_on date,
    status text not null,
    label text,
    payload jsonb not null,
    hash text not null,
    synced_at timestamptz not null default now(),
    primary key (tenant_id, provider_slug, external_key)
);
