"""The tables of BomControle and OneCode as an old system may have them: three ways, each with rows."""

from __future__ import annotations

from typing import Final

from support.provider_jobs import company_id, document

AS_KNOWN: Final = """
create table bc_contracts (
    id uuid primary key default gen_random_uuid(), tenant_id text not null, portal_company_id uuid not null,
    bc_contract_id integer not null, active boolean not null default true,
    created_at timestamptz not null default now());
create table bc_invoice_map (
    id uuid primary key default gen_random_uuid(), tenant_id text not null, portal_company_id uuid not null,
    competencia text not null, bc_contract_id integer not null, bc_invoice_id integer not null, due_date text,
    last_synced_value numeric, synced_at timestamptz, status text not null default 'synced', message text,
    paid boolean not null default false, payment_date text, payment_value numeric, last_payment_sync_at timestamptz,
    unique (tenant_id, portal_company_id, competencia));
create table bc_sync_log (
    id uuid primary key default gen_random_uuid(), tenant_id text not null, competencia text, portal_company_id uuid,
    action text not null, ok boolean not null default true, request_json jsonb, response_json jsonb,
    created_at timestamptz not null default now());
create table onecode_contact_match_log (
    id uuid primary key default gen_random_uuid(), tenant_id text not null, contact_id text not null,
    contact_name text not null, company_id uuid, similarity_score numeric not null, status text not null,
    processed_at timestamptz, contact_phone text, created_at timestamptz not null default now());
create table onecode_contact_review (
    id uuid primary key default gen_random_uuid(), tenant_id text not null, contact_id text not null,
    contact_name text not null, contact_phone text, similarity_score numeric not null,
    suggested_company_id uuid not null, suggested_company_name text not null, resolved boolean not null default false,
    resolved_action text, resolved_at timestamptz, created_at timestamptz not null default now());
"""
"""As public code of such systems has them."""

AS_OUTLINED: Final = """
create table bc_contracts (
    id bigserial primary key, tenant_id uuid not null, empresa_id uuid not null, bc_contract_id text not null);
create table bc_invoice_map (
    id bigserial primary key, tenant_id uuid not null, empresa_id uuid not null, competencia varchar(7) not null,
    bc_invoice_id text);
create table bc_sync_log (id bigserial primary key, tenant_id uuid not null, empresa_id uuid, status text);
create table onecode_contact_match_log (
    id bigserial primary key, tenant_id uuid not null, contact_id text not null, contact_name text, empresa_id uuid,
    similarity_score real, status text, created_at timestamptz default now());
create table onecode_contact_review (
    id bigserial primary key, tenant_id uuid not null, contact_id text not null, contact_name text,
    empresa_id uuid not null, similarity_score real, status text default 'pending', resolved_at timestamptz);
"""
"""With the company under another name, and no more than the least of columns."""

AS_NUMBERS: Final = """
create table bc_contracts (
    id bigserial primary key, tenant_id text not null, portal_company_id text not null, bc_contract_id bigint not null,
    active boolean, created_at timestamp not null default now());
create table bc_invoice_map (
    id bigserial primary key, tenant_id text not null, portal_company_id text not null, competencia char(7) not null,
    bc_contract_id bigint, bc_invoice_id bigint, due_date date, last_synced_value double precision,
    synced_at timestamp, status varchar(20) not null, message varchar(400), paid boolean not null, payment_date date,
    payment_value double precision);
create table bc_sync_log (
    id bigserial primary key, tenant_id text not null, portal_company_id text, action text not null, request_json json,
    response_json json);
create table onecode_contact_match_log (
    id bigserial primary key, tenant_id text not null, contact_id bigint not null, contact_name text not null,
    company_id text, similarity_score double precision not null, status text not null,
    created_at timestamp not null default now());
create table onecode_contact_review (
    id bigserial primary key, tenant_id text not null, contact_id bigint not null, contact_name text not null,
    similarity_score double precision not null, suggested_company_id text not null,
    suggested_company_name text not null, resolved boolean not null default false,
    created_at timestamp not null default now());
"""
"""Contacts by number, companies by text, days as dates, money as floats."""

TABLES: Final = {"as known": AS_KNOWN, "as outlined": AS_OUTLINED, "as numbers": AS_NUMBERS}
LINKED, REFUSED = 1, 3
"""Companies: one linked to its contract by the old system, one that a person refused for contact 12."""
COMPANIES: Final = {LINKED: "Padaria Alfa", 2: "Oficina Beta", REFUSED: "Farmacia Sigmatoide Geral"}


def rows(tables: str, tenant: str, month: str) -> str:
    """SQL that puts a contract, its invoice of a month, a log line and a refused match into such tables."""
    outlined = tables is AS_OUTLINED
    company, suggested = ("empresa_id", "empresa_id") if outlined else ("portal_company_id", "suggested_company_id")
    named = "" if outlined else ", suggested_company_name"
    status = ", status, paid" if tables is AS_NUMBERS else ""
    contract = "" if outlined else ", bc_contract_id"
    return f"""
    insert into bc_contracts (tenant_id, {company}, bc_contract_id) values ('{tenant}', '{company_id(LINKED)}', 1);
    insert into bc_invoice_map (tenant_id, {company}, competencia{contract}, bc_invoice_id{status})
        values ('{tenant}', '{company_id(LINKED)}', '{month}'{", 1" if contract else ""}, 101
                {", 'synced', false" if status else ""});
    insert into bc_sync_log (tenant_id{"" if outlined else ", action"})
        values ('{tenant}'{"" if outlined else ", 'push_fee'"});
    insert into onecode_contact_match_log (tenant_id, contact_id, contact_name, similarity_score, status)
        values ('{tenant}', 12, 'Zilda', 0.1, 'ignored');
    insert into onecode_contact_review (tenant_id, contact_id, contact_name, similarity_score, {suggested}{named},
            {"resolved_at" if outlined else "resolved"})
        values ('{tenant}', 12, 'Farmácia Sigma', 0.8, '{company_id(REFUSED)}'{", 'Farmacia'" if named else ""},
            {"now()" if outlined else "true"});
    """


def companies(tenant: str) -> str:
    """SQL that puts the companies into `empresas`."""
    values = ", ".join(
        f"('{company_id(number)}', '{tenant}', '{name}', '{document(number)}')" for number, name in COMPANIES.items()
    )
    return f"insert into empresas (id, organizacao_id, nome, cnpj) values {values}"
