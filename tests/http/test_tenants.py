"""The tenants somebody sees, when they are many: pages, search, states, counts."""

from __future__ import annotations

import msgspec
import pytest
import trio

from drena.http import shapes
from drena.http.tenants import TOLD_AT_ONCE

NAMES = ["Ábaco Contábil", "Ação & Cia", "Contabilidade São João", "contabilidade sao jose", "Zênite"]

FOUND = """
insert into organizacoes (nome, slug)
select name, $1 || '-' || n from unnest($2::text[]) with ordinality as t(name, n) returning id
"""


async def add_offices(db, office, names):
    """Offices of these names, which the office's member sees, too."""
    ids = [row["id"] for row in await db.fetch(FOUND, office.slug, names)]
    await db.execute(
        "insert into user_tenants (user_id, tenant_id) select m.user_id, t from user_tenants m, unnest($2::uuid[]) t "
        "where m.tenant_id = $1 and m.role = 'staff'",
        office.id,
        ids,
    )
    return ids


async def ask(api, path, kind, **params):
    answer = await api.get(path, params=params)
    assert answer.status_code == 200, answer.text
    return msgspec.json.decode(answer.content, type=kind)


async def everybody(api, limit, **params):
    """All pages."""
    found, cursor = [], None
    while True:
        wanted = params | {"limit": limit} | ({} if cursor is None else {"cursor": cursor})
        page = await ask(api, "/v1/tenants", shapes.TenantPage, **wanted)
        found += page.items
        cursor = page.next_cursor
        if cursor is None:
            return found


async def test_tenants_come_in_pages_by_name_and_each_once(api, office, db):
    await add_offices(db, office, [*NAMES, *["Igual"] * 5])
    whole = await everybody(api, 1000)
    assert len({t.id for t in whole}) == len(whole) == len(NAMES) + 6
    assert [t.id for t in await everybody(api, 2)] == [t.id for t in whole]
    assert whole[0].role == "staff"
    me = await ask(api, "/v1/me", shapes.Me)
    assert ([t.id for t in me.tenants], me.next_cursor) == ([t.id for t in whole], None)


@pytest.mark.parametrize(
    "search,found",
    [
        ("sao jo", {"Contabilidade São João", "contabilidade sao jose"}),
        ("SÃO joão", {"Contabilidade São João"}),
        ("abaco", {"Ábaco Contábil"}),
        ("acao", {"Ação & Cia"}),
        ("  ", set(NAMES)),
        ("nada disso", set()),
    ],
)
async def test_search_heeds_neither_accents_nor_case_nor_the_order_of_words(api, office, db, search, found):
    await add_offices(db, office, NAMES)
    told = await everybody(api, 50, search=search)
    assert {t.name for t in told if t.id != office.id} == found


async def test_tenants_are_found_by_what_their_integrations_do_and_counted(api, office, db):
    ids = await add_offices(db, office, ["a", "b", "c", "d", "e", "f", "none"])
    states = {"a": "success", "b": "error", "c": "error", "d": None, "e": None, "f": None}
    for tenant, status in zip(ids, states.values(), strict=False):
        await db.execute(
            "insert into tenant_integrations (tenant_id, provider, last_status) values ($1, 'elsewhere', $2)",
            tenant, status,
        )  # fmt: skip
    job = "insert into integration_jobs (tenant_id, provider_slug) values ($1, 'elsewhere')"
    await db.execute(job, ids[2])  # c waits, whatever happened before
    await db.execute(job, ids[4])
    await db.execute("select drena.pause($1, 'elsewhere', '')", ids[4])  # e waits for somebody
    await db.execute(job, ids[5])
    await db.execute("select drena.pause($1, null, '')", ids[5])  # f, as all there is of its office
    wanted = {
        "any": "abcdef", "success": "a", "error": "b", "active": "c", "idle": "def",
    }  # fmt: skip
    for state, names in wanted.items():
        told = await everybody(api, 2, state=state)
        assert "".join(t.name for t in told if t.id != office.id) == names, state
    counts = await ask(api, "/v1/counts", shapes.Counts)
    mine = await db.fetchval("select count(*) from tenant_integrations where tenant_id = $1", office.id)
    assert (counts.tenants, counts.active, counts.error, counts.success, counts.idle) == (7, 1, 1, 1, 3 + mine)
    assert (await ask(api, "/v1/counts", shapes.Counts, search="nowhere")).tenants == 0


async def test_nobody_is_told_of_tenants_he_does_not_see(api, office, db):
    (theirs,) = [row["id"] for row in await db.fetch(FOUND, f"{office.slug}-theirs", ["Fechado"])]
    await db.execute("insert into tenant_integrations (tenant_id, provider) values ($1, 'elsewhere')", theirs)
    assert await everybody(api, 50, search="fechado") == []
    assert (await ask(api, "/v1/counts", shapes.Counts, search="fechado")).tenants == 0


async def test_oneself_says_where_the_rest_of_very_many_tenants_is(api, office, db):
    ids = await add_offices(db, office, [f"Escritório {n:04}" for n in range(TOLD_AT_ONCE + 5)])
    try:
        me = await ask(api, "/v1/me", shapes.Me)
        assert len(me.tenants) == TOLD_AT_ONCE
        assert me.next_cursor is not None
        rest = await ask(api, "/v1/tenants", shapes.TenantPage, cursor=me.next_cursor)
        assert (len({t.id for t in [*me.tenants, *rest.items]}), rest.next_cursor) == (TOLD_AT_ONCE + 6, None)
    finally:  # the other tests' daemon is the same
        with trio.move_on_after(10, shield=True):
            await db.execute("delete from organizacoes where id = any ($1)", ids)


async def test_a_cursor_that_is_none_is_named(api):
    answer = await api.get("/v1/tenants?cursor=x")
    assert (answer.status_code, answer.json()["code"]) == (400, "cursor_invalid")
