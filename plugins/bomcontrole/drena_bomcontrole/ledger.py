"""The statements that read and write `bc_contracts`, `bc_invoice_map` and `bc_sync_log`.

The tables are the old system's and may be older than Drena: there, `tenant_id` is a text (an id, or the office's slug)
and numbers are integers, where Drena's own migration made other types. So rows are built by `jsonb_populate_record`,
which casts to whatever type a column has, compared as text, and written under whatever name of the tenant its rows
have. No unique constraint is relied on; an advisory lock for each tenant stands in for it.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from drena.api import Tenant, Transaction
    from drena_bomcontrole.answers import Invoice
    from drena_bomcontrole.fees import Fee, Month

COMPANIES: Final = """
with fee as (
    select * from jsonb_to_recordset($2::text::jsonb) as p (place int, empresa_id uuid, document text)
)
select p.place, e.id, e.nome, upper(regexp_replace(e.cnpj, '[^0-9A-Za-z]', '', 'g')) as document
from fee p
cross join lateral (
    (select c.* from public.empresas c where c.id = p.empresa_id and c.organizacao_id = $1 limit 1)
    union all
    (select c.* from public.empresas c
     where c.organizacao_id = $1 and p.empresa_id is null
       and upper(regexp_replace(c.cnpj, '[^0-9A-Za-z]', '', 'g')) = p.document
     order by c.created_at, c.id limit 1)
) e
"""
"""The company of each fee that has one: by id, else by document in any formatting; of duplicates the oldest."""

CONTRACT: Final = """
select bc_contract_id::text from public.bc_contracts
where tenant_id::text in ($1::uuid::text, $2) and portal_company_id::text = $3::uuid::text and coalesce(active, true)
order by created_at desc, id limit 1
"""


def _owner(table: str) -> str:
    """SQL: what a table calls the tenant, $1 its id and $2 its slug."""
    return f"""
    case when pg_typeof((null::public.{table}).tenant_id) <> 'uuid'::regtype
            and exists (select from public.bc_contracts where tenant_id::text = $2)
        then $2 else $1::uuid::text end
    """


LINK: Final = f"""
insert into public.bc_contracts (tenant_id, portal_company_id, bc_contract_id, active)
select g.tenant_id, g.portal_company_id, g.bc_contract_id, true
from jsonb_populate_record(null::public.bc_contracts, jsonb_build_object(
    'tenant_id', {_owner("bc_contracts")}, 'portal_company_id', $3::uuid, 'bc_contract_id', $4::text)) g
where not exists (
    select from public.bc_contracts c
    where c.tenant_id::text in ($1::uuid::text, $2) and c.portal_company_id::text = $3::uuid::text
        and coalesce(c.active, true))
"""  # noqa: S608 - of constants alone, like all SQL here

KEEP: Final = f"""
with given as (
    select g.* from jsonb_populate_record(
        null::public.bc_invoice_map, $3::text::jsonb || jsonb_build_object('tenant_id', {_owner("bc_invoice_map")})) g
),
updated as (
    update public.bc_invoice_map m
    set bc_contract_id = g.bc_contract_id, bc_invoice_id = g.bc_invoice_id,
        due_date = coalesce(g.due_date, m.due_date),
        last_synced_value = coalesce(g.last_synced_value, m.last_synced_value),
        synced_at = case when g.last_synced_value is null then m.synced_at else now() end,
        status = g.status, message = g.message
    from given g
    where m.tenant_id::text in ($1::uuid::text, $2) and m.portal_company_id::text = g.portal_company_id::text
        and m.competencia::text = g.competencia::text
    returning 1
)
insert into public.bc_invoice_map (tenant_id, portal_company_id, competencia, bc_contract_id, bc_invoice_id, due_date,
    last_synced_value, synced_at, status, message, paid)
select g.tenant_id, g.portal_company_id, g.competencia, g.bc_contract_id, g.bc_invoice_id, g.due_date,
    g.last_synced_value, case when g.last_synced_value is null then null else now() end, g.status, g.message, false
from given g where not exists (select from updated)
"""  # noqa: S608
"""The invoice of a company and month, and what became of its fee. $1 tenant, $2 slug, $3 the row as JSON."""

LOG: Final = f"""
insert into public.bc_sync_log (tenant_id, competencia, portal_company_id, action, ok, request_json, response_json)
select g.tenant_id, g.competencia, g.portal_company_id, g.action, g.ok, g.request_json, g.response_json
from jsonb_populate_record(
    null::public.bc_sync_log, $3::text::jsonb || jsonb_build_object('tenant_id', {_owner("bc_sync_log")})) g
"""  # noqa: S608

UNPAID: Final = """
select bc_contract_id::text as contract, count(*)::int as invoices
from public.bc_invoice_map
where tenant_id::text in ($1::uuid::text, $2) and not paid and competencia between $3 and $4
    and status not in ('not_found', 'failed') and bc_contract_id is not null
group by 1
order by length(bc_contract_id::text), 1
"""

SETTLE: Final = """
with seen as (
    select * from jsonb_to_recordset($6::text::jsonb) as p (
        invoice text, paid boolean, paid_on text, amount numeric, due text)
),
mine as (
    select m.id, s.*
    from public.bc_invoice_map m
    left join seen s on s.invoice = m.bc_invoice_id::text
    where m.tenant_id::text in ($1::uuid::text, $2) and m.bc_contract_id::text = $3 and not m.paid
        and m.competencia between $4 and $5 and m.status not in ('not_found', 'failed')
),
updated as (
    update public.bc_invoice_map m
    set paid = true, payment_date = g.payment_date, payment_value = g.payment_value,
        due_date = coalesce(g.due_date, m.due_date), last_payment_sync_at = now()
    from mine s
    cross join lateral jsonb_populate_record(null::public.bc_invoice_map, jsonb_build_object(
        'payment_date', s.paid_on, 'payment_value', s.amount, 'due_date', s.due)) g
    where m.id = s.id and s.paid
    returning 1
)
select count(*)::int as read, (select count(*) from updated)::int as paid,
    count(*) filter (where mine.invoice is null)::int as missing
from mine
"""
"""What a contract's invoices say of our unpaid ones. $1 tenant, $2 slug, $3 contract, $4 to $5 months, $6 invoices."""

LOCK: Final = "select pg_advisory_xact_lock(hashtextextended('drena bomcontrole ' || $1::uuid::text, 0))"

_encode: Final = msgspec.json.Encoder(decimal_format="number").encode


class Company(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `empresas`."""

    id: UUID
    name: str
    document: str | None


def _text(value: Any) -> str:
    return _encode(value).decode()


async def companies_of(tx: Transaction, tenant: Tenant, fees: Sequence[Fee]) -> dict[int, Company]:
    """The company of each fee, by the fee's place; those the office does not have are left out."""
    wanted = [{"place": n, "empresa_id": fee.empresa_id, "document": fee.document} for n, fee in enumerate(fees)]
    rows = await tx.fetch(COMPANIES, tenant.id, _text(wanted))
    return {row["place"]: Company(id=row["id"], name=row["nome"], document=row["document"]) for row in rows}


async def contract_of(tx: Transaction, tenant: Tenant, company: Company) -> str | None:
    """The contract that a company is linked to."""
    found = await tx.fetchval(CONTRACT, tenant.id, tenant.slug, company.id)
    return None if found is None else str(found)


async def link(tx: Transaction, tenant: Tenant, company: Company, contract: str) -> None:
    """Link a company to its contract, unless it is linked already."""
    await tx.execute(LOCK, tenant.id)
    await tx.execute(LINK, tenant.id, tenant.slug, company.id, contract)


async def keep_invoice(
    tx: Transaction,
    tenant: Tenant,
    company: Company,
    month: Month,
    *,
    contract: str,
    invoice: Invoice | None,
    synced: Decimal | None,
    status: str,
    message: str,
) -> None:
    """Write the invoice of a company and month."""
    row = {
        "portal_company_id": company.id,
        "competencia": str(month),
        "bc_contract_id": contract,
        "bc_invoice_id": str(invoice.id) if invoice else "0",
        "due_date": str(invoice.due) if invoice and invoice.due else None,
        "last_synced_value": synced,
        "status": status,
        "message": message or None,
    }
    await tx.execute(LOCK, tenant.id)
    await tx.execute(KEEP, tenant.id, tenant.slug, _text(row))


async def write_log(
    tx: Transaction,
    tenant: Tenant,
    *,
    month: Month | None,
    company: UUID | None,
    action: str,
    ok: bool,
    request: Any,
    response: Any,
) -> None:
    """A line for what was asked of BomControle, or could not be."""
    row = {
        "competencia": None if month is None else str(month),
        "portal_company_id": company,
        "action": action,
        "ok": ok,
        "request_json": request,
        "response_json": response,
    }
    await tx.execute(LOG, tenant.id, tenant.slug, _text(row))


async def unpaid_contracts(tx: Transaction, tenant: Tenant, first: Month, last: Month) -> list[tuple[str, int]]:
    """Contracts with invoices that are not known to be paid, in a stable order, and how many each has."""
    rows = await tx.fetch(UNPAID, tenant.id, tenant.slug, str(first), str(last))
    return [(row["contract"], row["invoices"]) for row in rows]


async def settle_invoices(
    tx: Transaction, tenant: Tenant, contract: str, first: Month, last: Month, invoices: Sequence[Invoice]
) -> tuple[int, int, int]:
    """Mark what is paid; returns how many of ours were unpaid, how many are paid now, how many were not shown."""
    seen = [
        {
            "invoice": str(each.id),
            "paid": bool(each.quitado),
            "paid_on": str(each.paid_on) if each.paid_on else None,
            "amount": each.valor_pagamento if each.valor_pagamento is not None else each.valor,
            "due": str(each.due) if each.due else None,
        }
        for each in invoices
    ]
    row = await tx.fetchrow(SETTLE, tenant.id, tenant.slug, contract, str(first), str(last), _text(seen))
    assert row is not None, "a select of aggregates has one row"
    return row["read"], row["paid"], row["missing"]
