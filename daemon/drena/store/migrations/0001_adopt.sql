-- The tables of the database Drena moves into. Where they exist they are adopted as they are; on an empty database the
-- same ones are created. `migrate.py` checks afterwards that every column Drena relies on is there.

do $$
begin
    if not exists (select from pg_type t join pg_namespace n on n.oid = t.typnamespace
                   where t.typname = 'app_role' and n.nspname = 'public') then
        create type public.app_role as enum ('admin', 'user');
    end if;
end
$$;

create table if not exists public.organizacoes (
    id uuid primary key default gen_random_uuid(),
    nome text not null,
    slug text not null unique,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now()
);

create table if not exists public.user_tenants (
    id uuid primary key default gen_random_uuid(),
    user_id uuid not null,
    tenant_id uuid not null references public.organizacoes (id) on delete cascade,
    role text not null default 'staff',
    unique (user_id, tenant_id)
);

create table if not exists public.user_roles (
    user_id uuid not null,
    role public.app_role not null,
    unique (user_id, role)
);

create table if not exists public.integration_providers (
    id uuid primary key default gen_random_uuid(),
    name text not null,
    slug text not null unique,
    description text,
    category text not null default 'general',
    is_global boolean not null default true,
    config_schema jsonb not null default '[]',
    created_at timestamptz not null default now()
);

create table if not exists public.tenant_integrations (
    id uuid primary key default gen_random_uuid(),
    tenant_id uuid not null references public.organizacoes (id) on delete cascade,
    provider text not null,
    provider_id uuid references public.integration_providers (id),
    base_url text not null default 'https://api.acessorias.com',
    is_enabled boolean not null default true,
    last_run timestamptz,
    last_status text,
    last_error text,
    plan_feature_code text,
    config jsonb not null default '{}',
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    unique (tenant_id, provider)
);

create table if not exists public.integration_jobs (
    id uuid primary key default gen_random_uuid(),
    tenant_id uuid not null,
    provider_slug text not null,
    status text not null default 'pending',
    progress integer not null default 0,
    attempts integer not null default 0,
    max_attempts integer not null default 3,
    started_at timestamptz,
    finished_at timestamptz,
    execution_time_ms integer,
    error_message text,
    payload jsonb not null default '{}',
    result jsonb,
    created_by uuid,
    created_at timestamptz not null default now()
);
create index if not exists idx_integration_jobs_tenant_provider on public.integration_jobs (tenant_id, provider_slug);
create index if not exists idx_integration_jobs_status on public.integration_jobs (status);

create table if not exists public.sync_jobs (
    id uuid primary key default gen_random_uuid(),
    tenant_id uuid not null references public.organizacoes (id) on delete cascade,
    provider text not null,
    entity text not null default 'companies',
    status text not null default 'running',
    total_read integer not null default 0,
    total_created integer not null default 0,
    total_updated integer not null default 0,
    total_skipped integer not null default 0,
    total_errors integer not null default 0,
    started_at timestamptz not null default now(),
    finished_at timestamptz,
    created_by_user_id uuid,
    error_message text
);

create table if not exists public.sync_logs (
    id uuid primary key default gen_random_uuid(),
    sync_job_id uuid not null references public.sync_jobs (id) on delete cascade,
    level text not null default 'info',
    message text,
    payload jsonb,
    created_at timestamptz not null default now()
);

create table if not exists public.integration_logs (
    id uuid primary key default gen_random_uuid(),
    tenant_id text, -- text here, uuid everywhere else: kept as found
    integration text,
    provider_slug text,
    execution_id uuid,
    status text,
    total_processados integer not null default 0,
    total_matched integer not null default 0,
    total_review integer not null default 0,
    total_ignored integer not null default 0,
    execution_time_ms integer,
    error_message text,
    payload jsonb,
    response jsonb,
    created_at timestamptz not null default now()
);

create table if not exists public.empresas (
    id uuid primary key default gen_random_uuid(),
    numero serial,
    nome text not null,
    cnpj text,
    data_abertura text,
    data_cadastro text,
    regime_tributario text default 'simples_nacional',
    emite_nota_fiscal boolean not null default true,
    socios jsonb not null default '[]',
    meses jsonb not null default '{}',
    obrigacoes jsonb not null default '{}',
    organizacao_id uuid references public.organizacoes (id) on delete cascade,
    whatsapp text,
    external_source text,
    external_key text,
    raw_payload jsonb,
    hash_payload text,
    synced_at timestamptz,
    onecode_contact_id text,
    whatsapp_synced_at timestamptz,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now()
);
create index if not exists idx_empresas_organizacao_cnpj on public.empresas (organizacao_id, cnpj);

-- The two providers that follow keep their facts in tables whose columns are known only in outline. They are created
-- when missing so that an empty database has the whole schema, and adopted as they are otherwise.
create table if not exists public.onecode_contact_match_log (
    id uuid primary key default gen_random_uuid(),
    tenant_id uuid not null,
    contact_id text not null,
    contact_name text,
    empresa_id uuid,
    similarity_score numeric,
    status text not null default 'matched',
    created_at timestamptz not null default now()
);

create table if not exists public.onecode_contact_review (
    id uuid primary key default gen_random_uuid(),
    tenant_id uuid not null,
    contact_id text not null,
    contact_name text,
    empresa_id uuid,
    similarity_score numeric,
    status text not null default 'pending',
    resolved_at timestamptz,
    resolved_by uuid,
    created_at timestamptz not null default now()
);

create table if not exists public.bc_contracts (
    id uuid primary key default gen_random_uuid(),
    tenant_id uuid not null,
    empresa_id uuid,
    bc_contract_id text not null,
    raw_payload jsonb,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now()
);

create table if not exists public.bc_invoice_map (
    id uuid primary key default gen_random_uuid(),
    tenant_id uuid not null,
    empresa_id uuid,
    competencia text not null,
    bc_invoice_id text,
    raw_payload jsonb,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now()
);

create table if not exists public.bc_sync_log (
    id uuid primary key default gen_random_uuid(),
    tenant_id uuid not null,
    empresa_id uuid,
    action text,
    status text,
    message text,
    payload jsonb,
    created_at timestamptz not null default now()
);
