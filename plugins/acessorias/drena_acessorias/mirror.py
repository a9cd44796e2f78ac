"""The one statement that writes a page of companies into `empresas`.

**Which row a company is.** First the row linked to its `ID` (`external_source`, `external_key`): a company whose
document was corrected keeps its row. Else the row with the same document in any formatting: of several, one that is
linked already before one that is not, one of another source last, then the oldest, then the smallest `id`. The other
duplicates are never touched, and a company that matches any row never gets another one.

**Two IDs with one document.** The newer registration (the greater ID) owns the row, whatever the order of the pages:
the older one is reported as a duplicate and written nowhere. The rule needs no memory of the run, so a resumed run
decides the same. A row whose key is the document itself, as an import may have left it, is no registration.

**What people typed is kept.** A column follows the source only while it holds what the last sync made of it, and that
is worked out again from the stored `raw_payload` by the same expressions (`_MADE`). Whatever differs was typed by a
person. A row that was never synced has no payload, so only its empty columns are filled. The comparison is made
against the row as locked, so an edit that commits in the middle of a sync is seen. `socios`, `meses`, `obrigacoes`,
`emite_nota_fiscal` and `data_abertura` are not in the statement at all.

**Masks.** A masked key, or a mapped key that the payload lacks (a section not asked for), keeps its stored value in
`raw_payload`, so what was once visible stays what the columns are made of. At the top level only: lists are replaced
whole.

A row linked to another `external_source` belongs to somebody else: it is left alone and reported.

The page travels as two texts, one with the little that is judged by and one with the payloads, because each element of
an array would be encoded by itself. A payload stays text until its row turns out to be new or changed: to parse the
payloads costs more than all else that is done for companies that did not change. The hash is of the text as it came, so
a row may differ in it that says the same in another order of keys or another spacing. `jsonb` compares what is said:
such a row gets the new hash, keeps its stamps, and counts as unchanged. No JSON codec of the connection matters.
Lookups are LATERAL with a LIMIT, which leaves the planner the index or nothing: a plan made while
the table was empty stays right when it has grown.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from drena_acessorias.masks import MASK
from drena_acessorias.regimes import sql_code

if TYPE_CHECKING:
    from uuid import UUID

    from drena.api import Transaction
    from drena_acessorias.rows import Company

SOURCE: Final = "acessorias"
SEPARATOR: Final = "\x1e"
"""Between payloads. JSON has it neither in a text nor between two (RFC 8259, section 7)."""


def _normalised(column: str) -> str:
    """SQL for `documents.normalise`. The index `idx_empresas_documento` is on this very expression."""
    return f"upper(regexp_replace({column}, '[^0-9A-Za-z]', '', 'g'))"


def _visible(payload: str, key: str) -> str:
    """SQL for the trimmed text under `key`; null when it is empty or masked."""
    text = f"{payload} ->> '{key}'"
    return rf"case when strpos({text}, '{MASK}') = 0 then nullif(btrim({text}, E' \t\r\n\u00a0'), '') end"


_MADE: Final = f"""
    select
        coalesce(t.razao, t.fantasia, t.identificador, 'Empresa ' || (p.payload ->> 'ID')) as nome,
        case when regexp_replace(t.telefone, '[^0-9]', '', 'g') ~ '^(0|55)?[1-9][0-9]9[0-9]{{8}}$'
             then t.telefone end as whatsapp,
        {sql_code("t.regime")} as regime,
        case when not starts_with(t.cadastro, '0000') then t.cadastro end as cadastro,
        t.identificador as cnpj
    from (select
        {_visible("p.payload", "Razao")} as razao,
        {_visible("p.payload", "Fantasia")} as fantasia,
        {_visible("p.payload", "Identificador")} as identificador,
        {_visible("p.payload", "Telefone")} as telefone,
        upper({_visible("p.payload", "Regime")}) as regime,
        {_visible("p.payload", "DataDoCadastro")} as cadastro
        offset 0 -- each worked out once, not once for each use
    ) t
"""  # noqa: S608 - of constants alone, like all SQL here
"""What the columns are made of, from one payload `p.payload`. A name there always is. Only a mobile number is taken for
a WhatsApp number. An unknown regime is null. `0000-00-00` is no date."""


def _follow(column: str, made: str) -> str:
    """SQL: the source's new value while the column holds the last sync's, else what the column holds."""
    held = f"nullif(btrim(e.{column}), '')"
    return f"{column} = case when {held} is not distinct from m.old_{made} then m.new_{made} else e.{column} end"


_CANDIDATE: Final = f"""c.id, nullif(c.external_source, '') as source,
            case when c.external_source = '{SOURCE}' then c.external_key end as key,
            case when c.external_source = '{SOURCE}' then c.hash_payload end as hash,
            {_normalised("c.cnpj")} as document"""
"""What is asked of a row that a company may be."""

WRITE_PAGE: Final = f"""
with page as materialized (
    select c ->> 0 as external_key, c ->> 1 as document, c ->> 2 as cnpj, (c -> 3)::boolean as hidden, c ->> 4 as hash,
        c -> 5 as kept, place::int
    from jsonb_array_elements($2::text::jsonb) with ordinality as p (c, place)
),
payloads as materialized (
    select string_to_array($3, '{SEPARATOR}') as texts
),
matched as materialized (
    select p.*, e.id, e.source, e.key, e.hash as held_hash, e.by_key,
        coalesce(e.source, '') = '{SOURCE}' as linked,
        e.by_key and e.document is distinct from p.document as corrected,
        length(p.external_key) as key_length
    from page p
    left join lateral (
        select {_CANDIDATE}
        from public.empresas c
        where c.organizacao_id = $1 and c.external_source = '{SOURCE}' and c.external_key = p.external_key
        order by c.created_at, c.id
        limit 1
    ) k on true
    left join lateral (
        select {_CANDIDATE}
        from public.empresas c
        where c.organizacao_id = $1 and {_normalised("c.cnpj")} = p.document and k.id is null
        order by case coalesce(c.external_source, '') when '{SOURCE}' then 1 when '' then 2 else 3 end,
            c.created_at, c.id
        limit 1
    ) d on true
    cross join lateral (
        select coalesce(k.id, d.id) as id, k.id is not null as by_key, coalesce(k.source, d.source) as source,
            case when k.id is null then d.key else k.key end as key,
            case when k.id is null then d.hash else k.hash end as hash,
            case when k.id is null then d.document else k.document end as document
    ) e
),
judged as materialized (
    select m.*,
        case
            when m.source <> '{SOURCE}' then 'foreign'
            when m.linked and not m.by_key and m.external_key is not null and m.key <> m.document
                and (m.key_length, m.external_key) < (length(m.key), m.key) then 'duplicate'
            when row_number() over (
                partition by coalesce(m.id::text, m.document, m.external_key)
                order by m.corrected desc, m.key_length desc nulls last, m.external_key desc) > 1
                then 'duplicate'
            when m.id is null and m.hidden then 'hidden'
            when m.id is null then 'new'
            when m.linked and m.held_hash = m.hash and m.key is not distinct from coalesce(m.external_key, m.key)
                then 'same'
            else 'changed'
        end as verdict
    from matched m
),
merged as (
    select j.id, j.external_key, j.document, j.hash, v.payload,
        j.key is not distinct from coalesce(j.external_key, j.key) and v.payload is not distinct from stored.payload
            as reworded,
        new.nome as new_nome, new.whatsapp as new_whatsapp, new.regime as new_regime, new.cadastro as new_cadastro,
        old.nome as old_nome, old.whatsapp as old_whatsapp, old.regime as old_regime, old.cadastro as old_cadastro,
        j.cnpj as new_cnpj, old.cnpj as old_cnpj
    from judged j
    cross join lateral (
        select case when j.linked then c.raw_payload end as payload
        from public.empresas c
        where c.id = j.id
        offset 0
    ) stored
    cross join lateral (
        select (select texts from payloads)[j.place]::jsonb || coalesce(
            (select jsonb_object_agg(k.key, stored.payload -> k.key)
             from jsonb_array_elements_text(j.kept) k (key)
             where stored.payload ? k.key), '{{}}') as payload
        offset 0 -- once, not once for each use
    ) v
    cross join lateral (select made.* from (select v.payload) p cross join lateral ({_MADE}) made) new
    cross join lateral (select made.* from (select stored.payload) p cross join lateral ({_MADE}) made) old
    where j.verdict = 'changed'
),
updated as (
    update public.empresas e
    set external_source = '{SOURCE}',
        external_key = coalesce(m.external_key, e.external_key),
        raw_payload = m.payload,
        hash_payload = m.hash,
        synced_at = case when m.reworded then e.synced_at else now() end,
        updated_at = case when m.reworded then e.updated_at else now() end,
        {_follow("nome", "nome")},
        {_follow("whatsapp", "whatsapp")},
        {_follow("regime_tributario", "regime")},
        {_follow("data_cadastro", "cadastro")},
        cnpj = case
            when m.new_cnpj is null or {_normalised("e.cnpj")} = m.document then e.cnpj
            when coalesce({_normalised("e.cnpj")}, '') <> coalesce({_normalised("m.old_cnpj")}, '') then e.cnpj
            when m.document is null and {_normalised("e.cnpj")} ~ '^([0-9]{{11}}|[0-9A-Z]{{12}}[0-9]{{2}})$' then e.cnpj
            else m.new_cnpj
        end
    from merged m
    where e.id = m.id
    returning m.reworded
),
created as (
    insert into public.empresas (organizacao_id, nome, cnpj, whatsapp, regime_tributario, data_cadastro,
        external_source, external_key, raw_payload, hash_payload, synced_at)
    select $1, made.nome, coalesce(p.cnpj, ''), made.whatsapp, made.regime, made.cadastro,
        '{SOURCE}', p.external_key, p.payload, p.hash, now()
    from (
        select j.external_key, j.key_length, j.cnpj, j.hash, (select texts from payloads)[j.place]::jsonb as payload
        from judged j
        where j.verdict = 'new'
        offset 0
    ) p
    cross join lateral ({_MADE}) made
    order by p.key_length, p.external_key
    returning 1
)
select
    (select count(*) from created)::int as created,
    (select count(*) from updated where not reworded)::int as updated,
    (count(*) filter (where verdict = 'same') + (select count(*) from updated where reworded))::int as unchanged,
    coalesce(array_agg(coalesce(external_key, document)) filter (where verdict = 'duplicate'), '{{}}') as duplicates,
    coalesce(array_agg(coalesce(external_key, document)) filter (where verdict = 'foreign'), '{{}}') as foreign_rows,
    coalesce(array_agg(external_key) filter (where verdict = 'hidden'), '{{}}') as hidden
from judged
"""  # noqa: S608
"""Write companies: $1 the tenant, $2 a JSON list with a list for each company, $3 their payloads. Written twice they
change nothing more."""

COUNT_KNOWN: Final = f"""
select count(*)::int from public.empresas where organizacao_id = $1 and external_source = '{SOURCE}'
"""  # noqa: S608
"""How many companies of the tenant were ever synced from here: what a new list is measured against."""


NOT_YET_ON_DISK: Final = "set local synchronous_commit = off"
"""For transactions of pages: their commit does not wait for the disk. Rows, counters and checkpoint are of one
transaction, so a server that crashes in the next moments forgets them together, and the job reads those pages again.
The transaction that ends a reading waits, and with it all before it is on the disk."""


class Written(msgspec.Struct, frozen=True):
    """What became of a page's companies. The six sum up to all of them."""

    created: int
    updated: int
    unchanged: int
    duplicates: list[str]
    """Companies whose document a newer registration owns."""
    foreign_rows: list[str]
    """Companies whose row is linked to another source."""
    hidden: list[str]
    """Companies of unknown ID whose identifier is masked."""


async def write_page(tx: Transaction, tenant_id: UUID, companies: list[Company]) -> Written:
    """Bring the rows of these companies up to date, in one round trip.

    Args:
        companies: no two with the same `external_key`; at least one.
    """
    known = [(each.external_key, each.document, each.cnpj, each.hidden, each.hash, each.row.kept) for each in companies]
    payloads = SEPARATOR.encode().join([each.row.text for each in companies])
    row = await tx.fetchrow(WRITE_PAGE, tenant_id, msgspec.json.encode(known).decode(), payloads.decode())
    assert row is not None, "a select of aggregates has one row"
    return Written(**dict(row))


async def count_known(tx: Transaction, tenant_id: UUID) -> int:
    """How many companies of this tenant are linked to Acessórias."""
    return int(await tx.fetchval(COUNT_KNOWN, tenant_id))
