"""The old system's database as it was before Drena came, made by hand; and its writers."""

from __future__ import annotations

from typing import Final

TABLES: Final = """
create type public.app_role as enum ('admin', 'user');
create table organizacoes (
    id uuid primary key default gen_random_uuid(), nome text not null, slug text unique,
    created_at timestamptz default now(), updated_at timestamptz default now());
create table user_tenants (
    id uuid primary key default gen_random_uuid(), user_id uuid not null, tenant_id uuid references organizacoes,
    role text default 'staff', unique (user_id, tenant_id));
create table user_roles (user_id uuid, role app_role, unique (user_id, role));
create table integration_providers (
    id uuid primary key default gen_random_uuid(), name text not null, slug text unique, description text,
    category text default 'general', is_global boolean default true, config_schema jsonb default '[]',
    created_at timestamptz default now());
create table tenant_integrations (
    id uuid primary key default gen_random_uuid(), tenant_id uuid references organizacoes on delete cascade,
    provider text not null, provider_id uuid references integration_providers,
    base_url text default 'https://api.acessorias.com', is_enabled boolean default true, last_run timestamptz,
    last_status text, last_error text, plan_feature_code text, config jsonb default '{}',
    created_at timestamptz default now(), updated_at timestamptz default now(), unique (tenant_id, provider));
create table integration_jobs (
    id uuid primary key default gen_random_uuid(), tenant_id uuid not null, provider_slug text not null,
    status text default 'pending', progress int default 0, attempts int default 0, max_attempts int default 3,
    started_at timestamptz, finished_at timestamptz, execution_time_ms int, error_message text,
    payload jsonb default '{}', result jsonb, created_by uuid, created_at timestamptz default now());
create index on integration_jobs (tenant_id, provider_slug);
create index on integration_jobs (status);
create table sync_jobs (
    id uuid primary key default gen_random_uuid(), tenant_id uuid references organizacoes on delete cascade,
    provider text not null, entity text default 'companies', status text default 'running',
    total_read int default 0, total_created int default 0, total_updated int default 0, total_skipped int default 0,
    total_errors int default 0, started_at timestamptz default now(), finished_at timestamptz,
    created_by_user_id uuid, error_message text);
create table sync_logs (
    id uuid primary key default gen_random_uuid(), sync_job_id uuid references sync_jobs on delete cascade,
    level text default 'info', message text, payload jsonb, created_at timestamptz default now());
create table integration_logs (
    id uuid primary key default gen_random_uuid(), tenant_id text, integration text, provider_slug text,
    execution_id uuid, status text, total_processados int default 0, total_matched int default 0,
    total_review int default 0, total_ignored int default 0, execution_time_ms int, error_message text, payload jsonb,
    response jsonb, created_at timestamptz default now());
create table empresas (
    id uuid primary key default gen_random_uuid(), numero serial, nome text not null, cnpj text, data_abertura text,
    data_cadastro text, regime_tributario text default 'simples_nacional', emite_nota_fiscal boolean default true,
    socios jsonb default '[]', meses jsonb default '{}', obrigacoes jsonb default '{}',
    organizacao_id uuid references organizacoes, whatsapp text, external_source text, external_key text,
    raw_payload jsonb, hash_payload text, synced_at timestamptz, onecode_contact_id text,
    whatsapp_synced_at timestamptz, created_at timestamptz default now(), updated_at timestamptz default now());
create index on empresas (organizacao_id, cnpj);
"""

OFFICES: Final = """
insert into organizacoes (nome, slug) select 'Escritório ' || n, 'office-' || n from generate_series(1, 6) n;
insert into tenant_integrations (tenant_id, provider, last_status, updated_at)
    select id, 'acessorias', 'running', now() - interval '2 days' from organizacoes;
"""

RESIDUES: Final = """
-- stuck in pending for days: office-1, twice
insert into integration_jobs (tenant_id, provider_slug, status, created_at)
    select id, 'acessorias', 'pending', now() - interval '3 days' - n * interval '1 hour'
    from organizacoes, generate_series(1, 2) n where slug = 'office-1';
-- stuck in running: office-2 with a start, office-3 without
insert into integration_jobs (tenant_id, provider_slug, status, started_at, created_at)
    select id, 'acessorias', 'running', now() - interval '5 hours', now() - interval '5 hours'
    from organizacoes where slug = 'office-2';
insert into integration_jobs (tenant_id, provider_slug, status, created_at)
    select id, 'acessorias', 'running', now() - interval '1 day' from organizacoes where slug = 'office-3';
-- two active jobs of one lane, of which one is alive: office-4
insert into integration_jobs (tenant_id, provider_slug, status, started_at, created_at, payload)
    select id, 'acessorias', 'running', now() - interval '5 minutes', now() - interval '6 minutes', '{"alive": true}'
    from organizacoes where slug = 'office-4';
insert into integration_jobs (tenant_id, provider_slug, status, created_at)
    select id, 'acessorias', 'pending', now() - interval '9 minutes' from organizacoes where slug = 'office-4';
-- a ghost: office-5 says running, its last job ended; office-6 never had one
insert into integration_jobs (tenant_id, provider_slug, status, error_message, started_at, finished_at, created_at)
    select id, 'acessorias', 'error', 'Token expirado', now() - interval '2 days', now() - interval '2 days',
           now() - interval '2 days'
    from organizacoes where slug = 'office-5';
-- syncs of runs that died
insert into sync_jobs (tenant_id, provider, started_at)
    select id, 'acessorias', now() - interval '2 days' from organizacoes where slug in ('office-2', 'office-6');
-- a sync that is alive
insert into sync_jobs (tenant_id, provider, started_at)
    select id, 'acessorias', now() - interval '4 minutes' from organizacoes where slug = 'office-4';
-- lines of ended runs, with the tenant as text
insert into integration_logs (tenant_id, integration, provider_slug, execution_id, status, total_processados)
    select tenant_id::text, provider_slug, provider_slug, id, status, 7 from integration_jobs where status = 'error';
insert into integration_logs (tenant_id, integration, status) values ('not-even-a-uuid', 'acessorias', 'success');
-- companies as people typed them, one twice
insert into empresas (nome, cnpj, organizacao_id)
    select 'Padaria', c, id from organizacoes, unnest(array['11.222.333/0001-81', '11222333000181']) c
    where slug = 'office-1';
"""

OLD_INSERT: Final = """
insert into integration_jobs (tenant_id, provider_slug, status, payload, created_by)
values ($1, 'acessorias', 'pending', '{}', null) returning id
"""
OLD_START: Final = """
update integration_jobs set status = 'running', started_at = now(), attempts = attempts + 1, progress = 10
where id = $1
"""
OLD_END: Final = """
update integration_jobs set status = 'success', finished_at = now(), progress = 100, result = '{"old": true}'
where id = $1
"""
OLD_LOG: Final = """
insert into integration_logs (tenant_id, integration, provider_slug, execution_id, status, total_processados)
values ($1::text, 'acessorias', 'acessorias', $2, 'success', 3)
"""
