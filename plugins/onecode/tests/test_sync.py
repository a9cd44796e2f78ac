"""Contacts against the fake, over real sockets, on the real engine."""

from __future__ import annotations

import time
from typing import Any

import pytest
import trio

from drena_onecode.matching import Directory
from support.provider_jobs import company_id

TOKEN = "synthetic-token"
COMPANIES = {1: "Padaria Bom Dia Ltda", 2: "Auto-Peças São João ME", 3: "Construtora Horizonte S/A", 4: "Mercado Sol"}
CONTACTS = (
    ("c1", "PADARIA BOM DIA - Ana", "11 99999-0001"),
    ("c2", "Auto Pecas Sao Joao - Beto", "11999990002"),
    ("c3", "Casa Horizonte - Caio", "11999990003"),
    ("c4", "Zilda", "11999990004"),
    ("c5", "Padaria Bom Dia - Dora", "11999990005"),
)


async def test_similar_names_are_linked_less_similar_ones_reviewed_others_logged(office: Any) -> None:
    await office.open(COMPANIES)
    await office.lay(*CONTACTS)
    state = await office.sync()
    assert state.status == "success", office.raised
    assert await office.companies() == {
        1: ("c1", "11 99999-0001"),
        2: ("c2", "11999990002"),
        3: (None, None),
        4: (None, None),
    }
    (review,) = await office.sql("select * from onecode_contact_review")
    assert (review["contact_id"], review["suggested_company_id"], review["resolved"]) == ("c3", company_id(3), False)
    assert 0.70 <= review["similarity_score"] < 0.85
    log = await office.sql("select contact_id, status from onecode_contact_match_log order by 1")
    assert [tuple(row.values()) for row in log] == [
        ("c1", "matched"),
        ("c2", "matched"),
        ("c3", "review"),
        ("c4", "ignored"),
        ("c5", "ignored"),  # as alike as c1, but the company has its contact
    ]
    counters = state.counters["contacts"]
    assert (counters.read, counters.created, counters.updated, counters.skipped) == (5, 1, 2, 2)
    assert (
        await office.sql("select 1 from empresas where whatsapp_synced_at is null and onecode_contact_id <> ''") == []
    )


async def test_a_second_run_changes_nothing_and_asks_nobody_again(office: Any) -> None:
    await office.open(COMPANIES)
    await office.lay(*CONTACTS)
    await office.sync()
    before = await office.sql("select id, xmin::text from empresas order by id")
    result = (await office.sync()).result
    assert (result["linked"], result["asked"], result["known"]) == (0, 0, 2)
    assert await office.sql("select id, xmin::text from empresas order by id") == before
    assert len(await office.sql("select from onecode_contact_match_log")) == len(CONTACTS)
    assert len(await office.sql("select from onecode_contact_review")) == 1


async def test_a_dry_run_says_what_a_job_would_do_and_keeps_nothing(office: Any) -> None:
    await office.open(COMPANIES)
    await office.lay(*CONTACTS)
    before = await office.companies()
    said = await office.rehearse(confirm_delay_s=0)
    assert await office.companies() == before
    for table in ("onecode_contact_match_log", "onecode_contact_review", "integration_jobs"):
        assert not await office.sql(f"select from {table}"), table
    done = await office.sync(page_size=100)
    assert done.result == said["result"]
    assert done.result["linked"] == 2


async def test_a_number_that_people_typed_is_kept(office: Any) -> None:
    await office.open(COMPANIES)
    await office.sql("update empresas set whatsapp = '11 3000-0000' where id = $1", company_id(1))
    await office.lay(*CONTACTS)
    await office.sync()
    assert (await office.companies())[1] == ("c1", "11 3000-0000")
    await office.fake.change(TOKEN, {"id": "c1", "phone": "11900000000"})
    await office.sync()
    assert (await office.companies())[1] == ("c1", "11 3000-0000")


async def test_a_number_that_this_provider_wrote_follows_the_contact(office: Any) -> None:
    await office.open(COMPANIES)
    await office.lay(*CONTACTS)
    await office.sync()
    for number in ("11900000000", "11911111111"):
        await office.fake.change(TOKEN, {"id": "c1", "phone": number})
        assert (await office.sync()).result["followed"] == 1
        assert (await office.companies())[1] == ("c1", number)
    await office.sql("update empresas set whatsapp = 'typed' where id = $1", company_id(1))
    await office.fake.change(TOKEN, {"id": "c1", "phone": "11922222222"})
    assert (await office.sync()).result["followed"] == 0
    assert (await office.companies())[1] == ("c1", "typed")


async def test_two_companies_that_are_as_similar_are_for_a_person_to_tell_apart(office: Any) -> None:
    await office.open({1: "Padaria Bom Dia", 2: "PADARIA BOM DIA LTDA"})
    await office.lay(("c1", "Padaria Bom Dia - Ana", "11999990001"))
    assert (await office.sync()).result["asked"] == 1
    assert {contact for contact, _ in (await office.companies()).values()} == {None}


async def test_what_a_person_refused_is_neither_asked_nor_linked_again(office: Any) -> None:
    await office.open(COMPANIES)
    await office.lay(*CONTACTS)
    await office.sync()
    await office.sql("update onecode_contact_review set resolved = true, resolved_action = 'ignored'")
    await office.sql("update empresas set nome = 'Casa Horizonte' where id = $1", company_id(3))
    result = (await office.sync()).result
    assert (result["linked"], result["asked"]) == (0, 0)
    assert (await office.companies())[3] == (None, None)


async def test_another_office_s_companies_are_not_seen(office: Any) -> None:
    await office.open(COMPANIES)
    await office.sql("insert into organizacoes (nome, slug) values ('Outro', 'outro')")
    await office.sql("update empresas set organizacao_id = (select id from organizacoes where slug = 'outro')")
    await office.lay(*CONTACTS)
    assert (await office.sync()).result["ignored"] == len(CONTACTS)


@pytest.mark.parametrize("shape", ["data", "contacts", "list"])
@pytest.mark.parametrize("portuguese", [False, True])
async def test_every_shape_of_an_answer_is_read(office: Any, shape: str, portuguese: bool) -> None:
    await office.open(COMPANIES)
    await office.lay(*CONTACTS)
    await office.fake.set_knobs(shape=shape, portuguese=portuguese, largest_page=2)
    result = (await office.sync()).result
    assert (result["read"], result["pages"], result["linked"]) == (5, 3, 2)


async def test_an_empty_page_that_is_full_when_asked_again_is_not_the_end(office: Any) -> None:
    await office.open(COMPANIES)
    await office.lay(*CONTACTS)
    await office.fake.set_knobs(empty_once_pages=[1, 2])
    assert (await office.sync()).result["read"] == 5


async def test_a_page_that_comes_for_ever_fails_the_run(office: Any) -> None:
    await office.open(COMPANIES)
    await office.lay(*CONTACTS)
    await office.fake.set_knobs(ignore_page=True)
    state = await office.sync()
    assert (state.status, state.code) == ("error", "pagination_repeated")
    assert len(await office.asked("GET")) == 2


@pytest.mark.parametrize(
    "knobs, status, code",
    [
        ({"revoked": True}, "error", "token_invalid"),
        ({"html_next": 99}, "pending", "answer_html"),
        ({"truncate_next": 99}, "pending", "answer_invalid"),
    ],
)
async def test_trouble_is_never_the_end_of_the_list(office: Any, knobs: Any, status: str, code: str) -> None:
    await office.open(COMPANIES)
    await office.lay(*CONTACTS)
    await office.fake.set_knobs(**knobs)
    state = await office.sync()
    assert (state.status, state.code) == (status, code)


async def test_rows_without_id_or_name_are_counted_and_a_bad_number_is_no_number(office: Any) -> None:
    await office.open(COMPANIES)
    await office.fake.lay(
        TOKEN, [{"id": 7, "name": "Mercado Sol - X", "phone": "123"}, {"name": "x"}, {"id": "9", "name": " "}]
    )
    result = (await office.sync()).result
    assert (result["anonymous"], result["errors"], result["linked"]) == (2, 2, 1)
    assert (await office.companies())[4] == ("7", None)


async def test_an_address_nobody_set_is_named(office: Any) -> None:
    await office.open({})
    office.fake.url = "https://api.acessorias.com"
    state = await office.sync()
    assert (state.status, state.code) == ("error", "config_invalid")
    assert "onecode.chat" in state.message


async def test_the_old_system_s_own_tables_are_used_as_they_are(office: Any, drena_database: Any) -> None:
    """Texts for tenants, columns that must not be null."""
    office.database = drena_database
    await office.open(COMPANIES)
    await office.lay(*CONTACTS)
    await office.sql("drop table onecode_contact_match_log, onecode_contact_review")
    columns = "id uuid primary key default gen_random_uuid(), tenant_id text not null, contact_id text not null"
    score = "similarity_score numeric not null, created_at timestamptz not null default now()"
    await office.sql(
        f"create table onecode_contact_match_log ({columns}, contact_name text not null, company_id uuid, {score},"
        " status text not null, processed_at timestamptz, contact_phone text)"
    )
    await office.sql(
        f"create table onecode_contact_review ({columns}, contact_name text not null, contact_phone text, {score},"
        " suggested_company_id uuid not null, suggested_company_name text not null,"
        " resolved boolean not null default false, resolved_action text, resolved_at timestamptz)"
    )
    for linked in (2, 0):
        state = await office.sync()
        assert state.status == "success", office.raised
        assert state.result["linked"] == linked
    assert len(await office.sql("select from onecode_contact_review")) == 1


async def test_matching_does_not_hold_the_event_loop_up(office: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    await office.open(COMPANIES)
    await office.lay(*CONTACTS)
    match = Directory.match

    def slowly(*args: Any) -> Any:
        time.sleep(0.6)  # in a thread, or the ticks below would stand still as long
        return match(*args)

    monkeypatch.setattr(Directory, "match", slowly)
    longest_s = 0.0

    async def tick() -> None:
        nonlocal longest_s
        while True:
            began_s = trio.current_time()
            await trio.sleep(0.001)
            longest_s = max(longest_s, trio.current_time() - began_s)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(tick)
        state = await office.sync(page_size=100)
        nursery.cancel_scope.cancel()
    assert state.result["linked"] == 2
    assert longest_s < 0.5, f"the loop stood for {longest_s:.3f} s"
