-- The tables of BomControle and OneCode once more: an old system's may name companies and contacts by text or by number,
-- so they are compared as text, and found by it. Where `resolved` was added by 0015, what people resolved before counts.
drop index if exists public.drena_bc_contracts, public.drena_bc_invoice_map, public.drena_onecode_log,
    public.drena_onecode_review;
create index drena_bc_contracts on public.bc_contracts ((tenant_id::text), (portal_company_id::text));
create index drena_bc_invoice_map on public.bc_invoice_map
    ((tenant_id::text), (portal_company_id::text), (competencia::text));
create index drena_onecode_log on public.onecode_contact_match_log ((tenant_id::text), (contact_id::text));
create index drena_onecode_review on public.onecode_contact_review ((tenant_id::text), (contact_id::text));

update public.onecode_contact_review set resolved = true where resolved_at is not null and resolved is distinct from true;
