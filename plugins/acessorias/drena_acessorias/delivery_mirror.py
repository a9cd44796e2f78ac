"""The statements that write deliveries into `drena.deliveries`.

A row is written when its hash changed or its company is known now and was not; else it is not touched. Masked values do
not replace visible ones in the payload. Nothing is deleted because it was absent.

The company is the row of `empresas` linked to the group's `ID`, else the one with its document. It is looked up once a
company and not once a delivery.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from drena_acessorias.delivery_plan import Watermark
from drena_acessorias.documents import document
from drena_acessorias.masks import MASK
from drena_acessorias.mirror import SOURCE

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any
    from uuid import UUID

    from drena.api import Transaction
    from drena_acessorias.delivery_plan import Reach
    from drena_acessorias.delivery_rows import Delivery

WRITE: Final = f"""
with page as materialized (
    select *
    from jsonb_to_recordset($2::text::jsonb) as p (
        external_key text, company_key text, document text, name text, competence date, due_on date, delivered_on date,
        status text, label text, hash text, payload jsonb, masked jsonb)
),
owner as materialized (
    select w.company_key, w.document, coalesce(k.id, d.id) as empresa_id
    from (select distinct company_key, document from page) w
    left join lateral (
        select c.id
        from public.empresas c
        where c.organizacao_id = $1 and c.external_source = '{SOURCE}' and c.external_key = w.company_key
        order by c.created_at, c.id
        limit 1
    ) k on true
    left join lateral (
        select c.id
        from public.empresas c
        where c.organizacao_id = $1 and upper(regexp_replace(c.cnpj, '[^0-9A-Za-z]', '', 'g')) = w.document
            and k.id is null
        order by c.created_at, c.id
        limit 1
    ) d on true
),
written as (
    insert into drena.deliveries as d (tenant_id, provider_slug, external_key, empresa_id, document, name, competence,
        due_on, delivered_on, status, label, payload, hash, synced_at)
    select $1, '{SOURCE}', p.external_key, o.empresa_id, p.document, p.name, p.competence, p.due_on, p.delivered_on,
        p.status, p.label, p.payload || coalesce(
            (select jsonb_object_agg(m.key, s.payload -> m.key)
             from jsonb_array_elements_text(p.masked) m (key) where s.payload ? m.key), '{{}}'),
        p.hash, now()
    from page p
    join owner o on (o.company_key, o.document) is not distinct from (p.company_key, p.document)
    left join drena.deliveries s
        on s.tenant_id = $1 and s.provider_slug = '{SOURCE}' and s.external_key = p.external_key
    order by p.external_key
    on conflict (tenant_id, provider_slug, external_key) do update
    set empresa_id = coalesce(excluded.empresa_id, d.empresa_id),
        document = coalesce(excluded.document, d.document),
        name = case when excluded.name = '' then d.name else excluded.name end,
        competence = excluded.competence,
        due_on = excluded.due_on,
        delivered_on = excluded.delivered_on,
        status = excluded.status,
        label = case when strpos(excluded.label, '{MASK}') > 0 then d.label else excluded.label end,
        payload = excluded.payload,
        hash = excluded.hash,
        synced_at = excluded.synced_at
    where d.hash <> excluded.hash or d.empresa_id is distinct from coalesce(excluded.empresa_id, d.empresa_id)
    returning (xmax = 0) as fresh
)
select count(*) filter (where fresh)::int as created, count(*) filter (where not fresh)::int as updated from written
"""  # noqa: S608 - of constants alone, like all SQL here
"""$1 the tenant, $2 the deliveries as JSON text, no two with one key. Written twice it changes nothing more."""

COMPANIES: Final = f"""
select distinct on (length(external_key), external_key) external_key, cnpj
from public.empresas
where organizacao_id = $1 and external_source = '{SOURCE}' and external_key is not null
order by length(external_key), external_key, created_at, id
"""  # noqa: S608
"""The companies to ask for, in the order of their IDs: a new one comes after those that were asked for already."""

COUNT_WITHIN: Final = f"""
select count(*)::int
from drena.deliveries
where tenant_id = $1 and provider_slug = '{SOURCE}' and due_on between $2 and $3
"""  # noqa: S608

WATERMARK: Final = f"""
select watermark::text from drena.sync_state
where tenant_id = $1 and provider_slug = '{SOURCE}' and entity = $2
"""  # noqa: S608

SET_WATERMARK: Final = f"""
insert into drena.sync_state (tenant_id, provider_slug, entity, watermark)
values ($1, '{SOURCE}', $2, $3::text::jsonb)
on conflict (tenant_id, provider_slug, entity) do update
set watermark = excluded.watermark, updated_at = now()
"""  # noqa: S608


async def write_deliveries(tx: Transaction, tenant_id: UUID, deliveries: Iterable[Delivery]) -> tuple[int, int]:
    """Bring these rows up to date, in one round trip; returns how many were created and how many updated."""
    text = msgspec.json.encode(list(deliveries)).decode()
    row = await tx.fetchrow(WRITE, tenant_id, text)
    assert row is not None, "a select of aggregates has one row"
    return row["created"], row["updated"]


async def linked_companies(tx: Transaction, tenant_id: UUID) -> list[tuple[str, str | None]]:
    """Each linked company's external key and document; None when it has no usable one."""
    rows = await tx.fetch(COMPANIES, tenant_id)
    return [(row["external_key"], document(row["cnpj"] or "")) for row in rows]


async def count_within(tx: Transaction, tenant_id: UUID, reach: Reach) -> int:
    """How many deliveries with a deadline within `reach` the mirror holds."""
    return int(await tx.fetchval(COUNT_WITHIN, tenant_id, reach.first, reach.last))


async def read_watermark(tx: Transaction, tenant_id: UUID) -> Watermark | None:
    """What the last complete reading of deliveries left; None for none, or one of another form."""
    text = await tx.fetchval(WATERMARK, tenant_id, "deliveries")
    try:
        return None if text is None else msgspec.json.decode(text, type=Watermark)
    except msgspec.DecodeError:
        return None


async def set_watermark(tx: Transaction, tenant_id: UUID, entity: str, watermark: Any) -> None:
    """Remember how far this entity was read."""
    await tx.execute(SET_WATERMARK, tenant_id, entity, msgspec.json.encode(watermark).decode())
