-- The tables of BomControle and OneCode, adopted with the old system's names. Where they are the old system's own, nothing
-- of them changes but columns that are missing; where 0001 made them from an outline, their columns get those names. Types
-- stay as they are: the providers' statements cast to whatever type a column has.

create or replace function pg_temp.called(relation text, new_name text, old_name text) returns void language plpgsql as $$
begin
    if exists (select from information_schema.columns
               where table_schema = 'public' and table_name = relation and column_name = new_name) then
        return;
    end if;
    if exists (select from information_schema.columns
               where table_schema = 'public' and table_name = relation and column_name = old_name) then
        execute format('alter table public.%I rename column %I to %I', relation, old_name, new_name);
    else
        execute format('alter table public.%I add column %I uuid', relation, new_name);
    end if;
end
$$;

select pg_temp.called('bc_contracts', 'portal_company_id', 'empresa_id');
select pg_temp.called('bc_invoice_map', 'portal_company_id', 'empresa_id');
select pg_temp.called('bc_sync_log', 'portal_company_id', 'empresa_id');
select pg_temp.called('onecode_contact_match_log', 'company_id', 'empresa_id');
select pg_temp.called('onecode_contact_review', 'suggested_company_id', 'empresa_id');

alter table public.bc_contracts
    add column if not exists active boolean not null default true,
    add column if not exists created_at timestamptz not null default now();

alter table public.bc_invoice_map
    add column if not exists bc_contract_id text,
    add column if not exists bc_invoice_id text,
    add column if not exists due_date text,
    add column if not exists last_synced_value numeric,
    add column if not exists synced_at timestamptz,
    add column if not exists status text not null default 'synced',
    add column if not exists message text,
    add column if not exists paid boolean not null default false,
    add column if not exists payment_date text,
    add column if not exists payment_value numeric,
    add column if not exists last_payment_sync_at timestamptz;

alter table public.bc_sync_log
    add column if not exists competencia text,
    add column if not exists action text,
    add column if not exists ok boolean not null default true,
    add column if not exists request_json jsonb,
    add column if not exists response_json jsonb;

alter table public.onecode_contact_match_log
    add column if not exists contact_phone text,
    add column if not exists processed_at timestamptz;

alter table public.onecode_contact_review
    add column if not exists contact_phone text,
    add column if not exists suggested_company_name text,
    add column if not exists resolved boolean not null default false,
    add column if not exists resolved_action text,
    add column if not exists resolved_at timestamptz;

-- Looked up as text, because the old system's tenant_id is text, in some tables the office's slug.
create index if not exists drena_bc_contracts on public.bc_contracts ((tenant_id::text), portal_company_id);
create index if not exists drena_bc_invoice_map on public.bc_invoice_map ((tenant_id::text), portal_company_id, competencia);
create index if not exists drena_onecode_log on public.onecode_contact_match_log ((tenant_id::text), contact_id);
create index if not exists drena_onecode_review on public.onecode_contact_review ((tenant_id::text), contact_id);
create index if not exists drena_empresas_onecode on public.empresas (organizacao_id, onecode_contact_id)
    where onecode_contact_id is not null;
