"""The statement that writes a page: which row a company is."""

from __future__ import annotations

import random
import string
from datetime import UTC, datetime
from typing import Any

import pytest

from drena_acessorias.documents import document, normalise
from drena_acessorias.mirror import Written

CNPJ = "11.222.333/0001-81"
OTHER = "12.ABC.345/01DE-35"
CPF = "529.982.247-25"
OLD, OLDER = datetime(2020, 1, 1, tzinfo=UTC), datetime(2019, 1, 1, tzinfo=UTC)


def source(key: str | None = "101", cnpj: str | None = CNPJ, **fields: Any) -> dict[str, Any]:
    return {"ID": key, "Identificador": cnpj, "Razao": "COMERCIO EXEMPLO LTDA"} | fields


def done(created: int = 0, updated: int = 0, unchanged: int = 0, **lists: list[str]) -> Written:
    empty: dict[str, list[str]] = {"duplicates": [], "foreign_rows": [], "hidden": []}
    return Written(created=created, updated=updated, unchanged=unchanged, **(empty | lists))


@pytest.mark.parametrize(
    "written", ["12.ABC.345/01DE-35", "12abc34501de35", " 12 abc 345 01de 35 ", "12-ABC.345/01de-35"]
)
async def test_a_row_in_any_formatting_is_found(quiet_office: Any, written: str) -> None:
    await quiet_office.insert(nome="Da casa", cnpj=written)
    assert await quiet_office.write(source(cnpj=OTHER)) == done(updated=1)
    assert (await quiet_office.row("101"))["cnpj"] == written


async def test_a_company_whose_document_was_corrected_keeps_its_row(quiet_office: Any) -> None:
    await quiet_office.write(source(cnpj=CNPJ))
    (before,) = await quiet_office.rows()
    assert await quiet_office.write(source(cnpj=OTHER)) == done(updated=1)
    (after,) = await quiet_office.rows()
    assert (after["id"], after["cnpj"]) == (before["id"], OTHER)


async def test_a_document_typed_by_a_person_survives_a_correction_at_the_source(quiet_office: Any) -> None:
    await quiet_office.write(source(cnpj=CNPJ))
    await quiet_office.sql("update empresas set cnpj = $1", CPF)
    await quiet_office.write(source(cnpj=OTHER))
    assert (await quiet_office.row("101"))["cnpj"] == CPF


async def test_a_document_is_not_replaced_by_something_that_is_none(quiet_office: Any) -> None:
    await quiet_office.write(source(cnpj=CNPJ))
    await quiet_office.write(source(cnpj="isento"))
    assert (await quiet_office.row("101"))["cnpj"] == CNPJ
    await quiet_office.write(source("102", "isento"), source("103", ""))
    await quiet_office.write(source("102", OTHER), source("103", CPF))
    assert (await quiet_office.row("102"))["cnpj"] == OTHER
    assert (await quiet_office.row("103"))["cnpj"] == CPF


async def test_of_duplicates_the_oldest_is_linked_and_the_others_are_never_touched(quiet_office: Any) -> None:
    await quiet_office.insert(nome="nova", cnpj="11222333000181")
    await quiet_office.insert(nome="velha", cnpj="11.222333/0001-81", created_at=OLD)
    await quiet_office.insert(nome="mais velha", cnpj=CNPJ, created_at=OLDER)
    before = await quiet_office.stamps()
    assert await quiet_office.write(source()) == done(updated=1)
    assert (await quiet_office.row("101"))["nome"] == "mais velha"
    assert await quiet_office.write(source(UF="SP")) == done(updated=1)
    rows = await quiet_office.rows()
    after = await quiet_office.stamps()
    assert len(rows) == 3
    assert [row["nome"] for row in rows if after[str(row["id"])] != before[str(row["id"])]] == ["mais velha"]


async def test_a_linked_duplicate_is_preferred_to_an_older_one(quiet_office: Any) -> None:
    await quiet_office.write(source())
    await quiet_office.insert(nome="velha", cnpj="11222333000181", created_at=OLD)
    assert await quiet_office.write(source("202")) == done(updated=1)
    assert (await quiet_office.row("202"))["nome"] == "COMERCIO EXEMPLO LTDA"


@pytest.mark.parametrize("order", [("101", "1002"), ("1002", "101")])
@pytest.mark.parametrize("together", [True, False])
async def test_of_two_registrations_with_one_document_the_newer_owns_the_row(
    quiet_office: Any, order: tuple[str, str], together: bool
) -> None:
    pages = [[source(key, Razao=f"RAZAO {key}") for key in order]]
    pages = pages if together else [[each] for each in pages[0]]
    for page in pages:
        await quiet_office.write(*page)
    (row,) = await quiet_office.rows()
    assert (row["external_key"], row["nome"]) == ("1002", "RAZAO 1002")
    before = await quiet_office.stamps()
    outcomes = [await quiet_office.write(*page) for page in pages]
    assert sum(each.unchanged for each in outcomes) == 1
    assert [key for each in outcomes for key in each.duplicates] == ["101"]
    assert await quiet_office.stamps() == before


async def test_a_company_registered_anew_takes_over_its_row(quiet_office: Any) -> None:
    await quiet_office.write(source("101"))
    assert await quiet_office.write(source("150")) == done(updated=1)
    assert [row["external_key"] for row in await quiet_office.rows()] == ["150"]


async def test_a_row_of_another_source_is_left_alone_and_named(quiet_office: Any) -> None:
    await quiet_office.insert(nome="x", cnpj=CNPJ, external_source="outra", external_key="101", raw_payload="{}")
    before = await quiet_office.stamps()
    assert await quiet_office.write(source()) == done(foreign_rows=["101"])
    assert await quiet_office.stamps() == before


async def test_a_row_of_another_source_is_the_last_choice(quiet_office: Any) -> None:
    await quiet_office.insert(nome="alheia", cnpj=CNPJ, external_source="outra", created_at=OLDER)
    await quiet_office.insert(nome="da casa", cnpj=CNPJ)
    assert await quiet_office.write(source()) == done(updated=1)
    assert (await quiet_office.row("101"))["nome"] == "da casa"


async def test_a_row_that_an_import_keyed_by_its_document_is_taken_over(quiet_office: Any) -> None:
    await quiet_office.insert(nome="x", cnpj=CNPJ, external_source="acessorias", external_key="11222333000181")
    assert await quiet_office.write(source()) == done(updated=1)
    assert (await quiet_office.row("101"))["nome"] == "x"


async def test_a_company_without_id_is_found_by_its_document(quiet_office: Any) -> None:
    assert await quiet_office.write(source(None)) == done(created=1)
    assert await quiet_office.write(source(None)) == done(unchanged=1)
    assert await quiet_office.write(source("101")) == done(updated=1)
    assert await quiet_office.write(source(None)) == done(updated=1)
    assert (await quiet_office.row("101"))["cnpj"] == CNPJ


async def test_a_masked_company_of_unknown_id_is_not_stored_twice(quiet_office: Any) -> None:
    await quiet_office.insert(nome="Da casa", cnpj=CNPJ)
    assert await quiet_office.write(source(cnpj="********")) == done(hidden=["101"])
    assert len(await quiet_office.rows()) == 1


async def test_postgresql_normalises_as_python_does(quiet_office: Any) -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    alphabet = string.printable + "ßıſéÇº１Ａ\u00a0" * 3
    texts = ["".join(chance.choices(alphabet, k=chance.randrange(24))) for _ in range(3000)]
    found = await quiet_office.sql(
        "select upper(regexp_replace(t, '[^0-9A-Za-z]', '', 'g')) as kept"
        " from unnest($1::text[]) with ordinality u (t, n) order by n",
        texts,
    )
    assert [row["kept"] for row in found] == [normalise(each) for each in texts]


async def test_no_history_makes_a_duplicate_loses_what_was_typed_or_is_told_twice(quiet_office: Any) -> None:
    """Random pages and random edits by people, with few documents and IDs, so that everything collides."""
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    spellings = [CNPJ, "11222333000181", OTHER, "12abc34501de35", CPF, "isento", "", "********"]
    typed: dict[str, str] = {}
    for number in range(80):
        if chance.random() < 0.3:
            name = f"Digitado {number}"
            for row in await quiet_office.sql(
                "update empresas set nome = $1 where id ="
                " (select id from empresas order by md5(id::text || $1) limit 1) returning id",
                name,
            ):
                typed[str(row["id"])] = name
        if chance.random() < 0.1:
            await quiet_office.insert(nome=f"Da casa {number}", cnpj=chance.choice(spellings[:5]))
        before = await quiet_office.rows()
        page = [
            source(key, chance.choice(spellings), Razao=f"RAZAO {chance.randrange(4)}", UF=chance.choice(["SP", "RJ"]))
            for key in chance.sample(["1", "2", "3", "10", "11"], chance.randrange(1, 5))
        ]
        outcome = await quiet_office.write(*page)
        named = len(outcome.duplicates) + len(outcome.foreign_rows) + len(outcome.hidden)
        assert outcome.created + outcome.updated + outcome.unchanged + named == len(page)
        rows = await quiet_office.rows()
        assert len(rows) == len(before) + outcome.created
        linked = [row["external_key"] for row in rows if row["external_key"]]
        assert len(linked) == len(set(linked))
        assert {str(row["id"]): row["nome"] for row in rows if str(row["id"]) in typed} == typed
        known = {document(row["cnpj"]) for row in before} - {None}
        fresh = [document(row["cnpj"]) for row in rows if row["id"] not in {each["id"] for each in before}]
        assert not known & set(fresh) - {None}
        settled = await quiet_office.stamps()
        again = await quiet_office.write(*page)
        if again.created + again.updated == 0:
            assert await quiet_office.stamps() == settled


async def test_the_same_company_in_other_words_is_unchanged_and_known_at_once_the_next_time(quiet_office: Any) -> None:
    company = {"ID": "150", "Identificador": "11.222.333/0001-81", "Contatos": [{"Nome": "Ana Teste", "Celular": "1"}]}
    await quiet_office.write(company)
    (before,) = await quiet_office.rows()
    reordered = {**dict(reversed(company.items())), "Contatos": [{"Celular": "1", "Nome": "Ana Teste"}]}
    written = await quiet_office.write(reordered)
    assert (written.updated, written.unchanged) == (0, 1)
    (after,) = await quiet_office.rows()
    assert {name for name in after if after[name] != before[name]} == {"hash_payload"}
    stamps = await quiet_office.stamps()
    assert (await quiet_office.write(reordered)).unchanged == 1
    assert await quiet_office.stamps() == stamps
    reordered["Contatos"] = [{"Celular": "2", "Nome": "Ana Teste"}]
    assert (await quiet_office.write(reordered)).updated == 1
