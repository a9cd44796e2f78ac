-- What Acessórias keeps in payloads, as typed columns. A value that is no date or no number is null in the view and stays
-- in the payload. The views run with the rights of whoever asks, so the policies of their tables hold.

create or replace function drena.acessorias_date(given text) returns date
language plpgsql immutable strict as $$
declare
    found text[];
begin
    found := regexp_match(btrim(given), '^(\d{4})-(\d{2})-(\d{2})([ T].*)?$');
    if found is not null then
        return make_date(found[1]::int, found[2]::int, found[3]::int);
    end if;
    found := regexp_match(btrim(given), '^(\d{2})/(\d{2})/(\d{4})([ T].*)?$');
    if found is not null then
        return make_date(found[3]::int, found[2]::int, found[1]::int);
    end if;
    return null;
exception when datetime_field_overflow then
    return null;
end
$$;

create or replace function drena.acessorias_text(given text) returns text
language sql immutable as $$
    select case when strpos(given, '***') = 0 then nullif(btrim(given), '') end
$$;

create or replace function drena.acessorias_list(given jsonb) returns jsonb
language sql immutable as $$
    select case when jsonb_typeof(given) = 'array' then given else '[]'::jsonb end
$$;

create or replace view drena.acessorias_companies with (security_invoker = true) as
select
    e.organizacao_id as tenant_id,
    e.id as empresa_id,
    e.external_key as acessorias_id,
    drena.acessorias_text(p.payload ->> 'Identificador') as identifier,
    drena.acessorias_text(p.payload ->> 'Razao') as legal_name,
    drena.acessorias_text(p.payload ->> 'Fantasia') as trade_name,
    case p.payload ->> 'Status' when 'Ativa' then true when 'Inativa' then false end as active,
    drena.acessorias_text(p.payload ->> 'Telefone') as phone,
    drena.acessorias_text(p.payload ->> 'UF') as state,
    drena.acessorias_date(p.payload ->> 'ClienteDesde') as client_since,
    drena.acessorias_date(p.payload ->> 'ClienteAte') as client_until,
    drena.acessorias_date(p.payload ->> 'DataDoCadastro') as registered_on,
    case when btrim(p.payload ->> 'Honorario') ~ '^\d{1,12}(\.\d{1,4})?$' then (p.payload ->> 'Honorario')::numeric
        end as monthly_fee,
    drena.acessorias_text(p.payload ->> 'Regime') as regime_label,
    e.regime_tributario as regime,
    drena.acessorias_text(p.payload ->> 'GrupoDeEmpresas') as company_group,
    drena.acessorias_list(p.payload -> 'InscricoesEstaduais') as state_registrations,
    drena.acessorias_list(p.payload -> 'ContatosNaEmpresa') as contacts,
    drena.acessorias_list(p.payload -> 'Departamentos') as departments,
    drena.acessorias_list(p.payload -> 'Obrigacoes') as obligations,
    e.synced_at
from public.empresas e
cross join lateral (select e.raw_payload as payload) p
where e.external_source = 'acessorias';

create or replace view drena.acessorias_deliveries with (security_invoker = true) as
select
    d.tenant_id,
    d.external_key,
    d.empresa_id,
    d.document,
    d.name,
    d.competence,
    d.due_on,
    drena.acessorias_date(d.payload ->> 'EntDtAtraso') as late_from,
    d.delivered_on,
    d.status,
    d.label,
    case d.payload ->> 'EntMulta' when 'S' then true when 'N' then false end as fined,
    drena.acessorias_text(d.payload ->> 'EntGuiaLida') as guide_read,
    drena.acessorias_text(d.payload ->> 'RespEntrega') as delivered_by,
    drena.acessorias_text(d.payload #>> '{Config,DptoNome}') as department,
    drena.acessorias_text(d.payload #>> '{Config,RespPrazo}') as responsible,
    drena.acessorias_text(d.payload ->> 'EntLastDH') as changed_at,
    d.synced_at
from drena.deliveries d
where d.provider_slug = 'acessorias';

create index if not exists deliveries_due on drena.deliveries (tenant_id, due_on);
create index if not exists deliveries_empresa on drena.deliveries (tenant_id, empresa_id);
