"""The statement that writes a page of matches.

* A contact that is a company's already is left alone, but for a telephone that this provider wrote and that changed.
* `link`: the company gets the contact, unless it has one, or a person said no to the two (a resolved row of
  `onecode_contact_review`). Of several contacts of a page for one company the most similar counts. `whatsapp` is filled
  when it is empty and never overwritten.
* `review`: one row in `onecode_contact_review` for the contact as long as that is open, and never again for the same
  two.
* Whatever was decided is a row in `onecode_contact_match_log`, unless the last run decided the same.

The two tables are the old system's and may be older than Drena: rows are built by `jsonb_populate_record`, which casts
to whatever type a column has, and compared as text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from drena_onecode.matching import Company

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from drena.api import Transaction
    from drena_onecode.matching import Match

COMPANIES: Final = """
select id::text as id, nome from public.empresas where organizacao_id = $1 order by created_at, id
"""

WRITE: Final = """
with page as materialized (
    select * from jsonb_to_recordset($2::text::jsonb) as p (
        contact_id text, name text, phone text, company_id uuid, company_name text, score numeric, wish text)
),
owned as materialized (
    select p.*, h.id as holder, h.whatsapp as held_number, c.id as candidate,
        coalesce(c.onecode_contact_id, '') <> '' as taken,
        exists (
            select from public.onecode_contact_review r
            where r.tenant_id::text = $1::uuid::text and r.contact_id::text = p.contact_id
                and r.suggested_company_id::text = p.company_id::text and r.resolved
        ) as judged
    from page p
    left join lateral (
        select e.id, e.whatsapp from public.empresas e
        where e.organizacao_id = $1 and e.onecode_contact_id = p.contact_id
        order by e.created_at, e.id limit 1
    ) h on true
    left join public.empresas c on c.id = p.company_id and c.organizacao_id = $1
),
ranked as materialized (
    select o.*, row_number() over (
        partition by o.company_id, o.holder is null and o.wish = 'link' and not o.taken and not o.judged
        order by o.score desc, o.contact_id) as place
    from owned o
),
decided as materialized (
    select r.*, case
        when r.holder is not null then 'known'
        when r.candidate is null or r.judged then 'ignored'
        when r.wish = 'link' and not r.taken and r.place = 1 then 'matched'
        when r.wish = 'review' then 'review'
        else 'ignored' end as verdict
    from ranked r
),
linked as (
    update public.empresas e
    set onecode_contact_id = d.contact_id, whatsapp_synced_at = now(), updated_at = now(),
        whatsapp = coalesce(nullif(btrim(e.whatsapp), ''), d.phone, e.whatsapp)
    from decided d
    where d.verdict = 'matched' and e.id = d.company_id and coalesce(e.onecode_contact_id, '') = ''
    returning d.contact_id, case when e.whatsapp = d.phone then d.phone end as written
),
followed as (
    update public.empresas e
    set whatsapp = d.phone, whatsapp_synced_at = now(), updated_at = now()
    from decided d
    cross join lateral (
        select l.contact_phone from public.onecode_contact_match_log l
        where l.tenant_id::text = $1::uuid::text and l.contact_id::text = d.contact_id and l.status = 'matched'
        order by l.created_at desc, l.id limit 1
    ) last
    where d.verdict = 'known' and e.id = d.holder and d.phone is not null and d.phone <> e.whatsapp
        and e.whatsapp = last.contact_phone
    returning d.contact_id, d.phone as written
),
asked as (
    insert into public.onecode_contact_review (tenant_id, contact_id, contact_name, contact_phone, suggested_company_id,
        suggested_company_name, similarity_score)
    select g.tenant_id, g.contact_id, g.contact_name, g.contact_phone, g.suggested_company_id,
        g.suggested_company_name, g.similarity_score
    from decided d
    cross join lateral jsonb_populate_record(null::public.onecode_contact_review, jsonb_build_object(
        'tenant_id', $1::uuid, 'contact_id', d.contact_id, 'contact_name', d.name, 'contact_phone', d.phone,
        'suggested_company_id', d.company_id, 'suggested_company_name', d.company_name,
        'similarity_score', d.score)) g
    where d.verdict = 'review' and not exists (
        select from public.onecode_contact_review r
        where r.tenant_id::text = $1::uuid::text and r.contact_id::text = d.contact_id
            and (not r.resolved or r.suggested_company_id::text = d.company_id::text))
    returning 1
),
told as (
    insert into public.onecode_contact_match_log (tenant_id, contact_id, contact_name, contact_phone, company_id,
        similarity_score, status, processed_at)
    select g.tenant_id, g.contact_id, g.contact_name, g.contact_phone, g.company_id, g.similarity_score, g.status, now()
    from decided d
    left join linked l on l.contact_id = d.contact_id
    left join followed f on f.contact_id = d.contact_id
    cross join lateral jsonb_populate_record(null::public.onecode_contact_match_log, jsonb_build_object(
        'tenant_id', $1::uuid, 'contact_id', d.contact_id, 'contact_name', d.name,
        'contact_phone', coalesce(l.written, f.written), 'company_id', coalesce(d.holder, d.company_id),
        'similarity_score', d.score,
        'status', case when f.contact_id is not null then 'matched' else d.verdict end)) g
    left join lateral (
        select o.status, o.company_id from public.onecode_contact_match_log o
        where o.tenant_id::text = $1::uuid::text and o.contact_id::text = d.contact_id
        order by o.created_at desc, o.id limit 1
    ) before on true
    where (d.verdict <> 'known' or f.contact_id is not null)
        and (f.contact_id is not null or before.status is distinct from g.status
            or before.company_id is distinct from g.company_id)
    returning 1
)
select
    (select count(*) from linked)::int as linked,
    (select count(*) from followed)::int as followed,
    (select count(*) from asked)::int as asked,
    (select count(*) from told)::int as told,
    (select count(*) from decided where verdict = 'known')::int as known,
    (select count(*) from decided where verdict = 'review')::int as review,
    (select count(*) from decided where verdict = 'ignored')::int as ignored
"""
"""Write one page: $1 the tenant, $2 the matches as JSON text. A page written twice changes nothing more."""


class Written(msgspec.Struct, frozen=True):
    """What became of a page."""

    linked: int
    followed: int
    """Telephones that changed at the source and were ours to change."""
    asked: int
    """New rows for a person to review."""
    told: int
    known: int
    review: int
    ignored: int


async def write_matches(tx: Transaction, tenant_id: UUID, matches: Sequence[Match]) -> Written:
    """Bring these contacts to their verdicts, in one round trip; no two with one id."""
    row = await tx.fetchrow(WRITE, tenant_id, msgspec.json.encode(matches).decode())
    assert row is not None, "a select of aggregates has one row"
    return Written(**dict(row))


async def companies_of(tx: Transaction, tenant_id: UUID) -> list[Company]:
    """Every company of the office."""
    return [Company(row["id"], row["nome"]) for row in await tx.fetch(COMPANIES, tenant_id)]
