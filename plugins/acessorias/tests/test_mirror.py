"""The statement that writes a page: which row a company is, and what of it the source may change."""

from __future__ import annotations

import json
import random
import string
from datetime import UTC, datetime
from typing import Any

import pytest
import trio

from drena_acessorias.documents import document, normalise
from drena_acessorias.mirror import Written
from drena_acessorias.regimes import sql_code

CNPJ = "11.222.333/0001-81"
OTHER = "12.ABC.345/01DE-35"
CPF = "529.982.247-25"
OLD, OLDER = datetime(2020, 1, 1, tzinfo=UTC), datetime(2019, 1, 1, tzinfo=UTC)


def source(key: str | None = "101", cnpj: str | None = CNPJ, **fields: Any) -> dict[str, Any]:
    return {"ID": key, "Identificador": cnpj, "Razao": "COMERCIO EXEMPLO LTDA"} | fields


def done(created: int = 0, updated: int = 0, unchanged: int = 0, **lists: list[str]) -> Written:
    empty: dict[str, list[str]] = {"duplicates": [], "foreign_rows": [], "hidden": []}
    return Written(created=created, updated=updated, unchanged=unchanged, **(empty | lists))


async def test_a_new_company_becomes_a_row(quiet_office: Any) -> None:
    full = source(
        Telefone="(11) 99999-0000",
        Regime="Lucro Presumido - Serviços",
        DataDoCadastro="2025-03-07",
        Obrigacoes=[{"x": 1}],
    )
    assert await quiet_office.write(full) == done(created=1)
    row = await quiet_office.row("101")
    assert (row["nome"], row["cnpj"], row["whatsapp"]) == ("COMERCIO EXEMPLO LTDA", CNPJ, "(11) 99999-0000")
    assert (row["regime_tributario"], row["data_cadastro"]) == ("lucro_presumido", "2025-03-07")
    assert (row["socios"], row["meses"], row["obrigacoes"], row["emite_nota_fiscal"]) == ("[]", "{}", "{}", True)
    assert json.loads(row["raw"]) == full


@pytest.mark.parametrize(
    "label, code",
    [
        ("Simples Nacional - Serviços", "simples_nacional"),
        ("  simples nacional ", "simples_nacional"),
        ("Lucro Presumido - Serviços", "lucro_presumido"),
        ("Lucro Real", "lucro_real"),
        ("MEI - Microempreendedor Individual", "mei"),
        ("MEI", "mei"),
        ("Imune/Isenta - Isenta", "imune_isenta"),
        ("Filial - Regime Normal", None),
        ("Meia Entrada", None),
        ("Cliente especial", None),
        ("", None),
        (None, None),
        ("********", None),
    ],
)
async def test_a_regime_is_mapped_by_its_prefix_and_never_guessed(quiet_office: Any, label: Any, code: Any) -> None:
    await quiet_office.write(source(Regime=label))
    row = await quiet_office.row("101")
    assert row["regime_tributario"] == code
    assert json.loads(row["raw"])["Regime"] == label


def test_every_prefix_is_a_plain_word_in_the_expression() -> None:
    assert "'" not in sql_code("x").replace("'^", "").replace("$)'", "").replace("then '", "").replace(
        "'\n", "\n"
    ).replace("' end", "")


@pytest.mark.parametrize(
    "phone, stored",
    [
        ("11999990000", "11999990000"),
        ("+55 (11) 99999-0000", "+55 (11) 99999-0000"),
        ("011 99999 0000", "011 99999 0000"),
        ("1130000000", None),
        ("99999-0000", None),
        ("(11) 3000-0000 / (11) 99999-0000", None),
        ("********", None),
        ("", None),
        (None, None),
    ],
)
async def test_only_a_mobile_number_is_taken_for_whatsapp(quiet_office: Any, phone: Any, stored: Any) -> None:
    await quiet_office.write(source(Telefone=phone))
    assert (await quiet_office.row("101"))["whatsapp"] == stored


@pytest.mark.parametrize("empty", ["0000-00-00", "", None])
async def test_an_empty_date_is_empty(quiet_office: Any, empty: str | None) -> None:
    await quiet_office.write(source(DataDoCadastro=empty))
    assert (await quiet_office.row("101"))["data_cadastro"] is None


@pytest.mark.parametrize(
    "fields, name",
    [
        ({"Razao": "  "}, "EXEMPLO"),
        ({"Razao": "********"}, "EXEMPLO"),
        ({"Razao": None, "Fantasia": "J*** T***"}, CNPJ),
        ({"Razao": "", "Fantasia": "", "Identificador": "isento"}, "isento"),
        ({"Razao": "", "Fantasia": "", "Identificador": None}, "Empresa 101"),
    ],
)
async def test_a_name_is_never_empty_and_never_a_mask(quiet_office: Any, fields: dict[str, Any], name: str) -> None:
    await quiet_office.write(source() | {"Fantasia": "EXEMPLO"} | fields)
    assert (await quiet_office.row("101"))["nome"] == name


async def test_an_unchanged_company_is_not_written(quiet_office: Any) -> None:
    await quiet_office.write(source(), source("102", OTHER))
    before = await quiet_office.stamps()
    shuffled = dict(reversed(source("102", OTHER).items()))
    assert await quiet_office.write(source(), shuffled) == done(unchanged=2)
    assert await quiet_office.stamps() == before


async def test_a_nested_change_is_an_update(quiet_office: Any) -> None:
    await quiet_office.write(source(ContatosNaEmpresa=[{"Nome": "Ana", "E-mail": "ana@example.com"}]))
    changed = source(ContatosNaEmpresa=[{"Nome": "Ana", "E-mail": "ana.nova@example.com"}])
    assert await quiet_office.write(changed) == done(updated=1)
    assert json.loads((await quiet_office.row("101"))["raw"]) == changed


async def test_the_source_moves_what_nobody_touched(quiet_office: Any) -> None:
    await quiet_office.write(source(Telefone="11999990000", Regime="Simples Nacional", DataDoCadastro="2025-01-01"))
    await quiet_office.write(
        source(Razao="NOVA RAZAO", Telefone="11988880000", Regime="Lucro Real", DataDoCadastro="2025-02-02")
    )
    row = await quiet_office.row("101")
    assert (row["nome"], row["whatsapp"]) == ("NOVA RAZAO", "11988880000")
    assert (row["regime_tributario"], row["data_cadastro"]) == ("lucro_real", "2025-02-02")


async def test_what_people_typed_is_kept_for_ever(quiet_office: Any) -> None:
    await quiet_office.write(source(Telefone="11999990000", Regime="Simples Nacional"))
    typed = {
        "nome": "Como a casa chama",
        "whatsapp": "11911112222",
        "regime_tributario": "especial",
        "cnpj": "11222333000181",
    }
    await quiet_office.sql(
        "update empresas set nome = $1, whatsapp = $2, regime_tributario = $3, cnpj = $4,"
        """ socios = '["s"]', meses = '{"1": 2}', obrigacoes = '{"o": 3}', """
        "emite_nota_fiscal = false, data_abertura = 'd'",
        *typed.values(),
    )
    for number in range(3):
        changed = source(Razao=f"RAZAO {number}", Telefone=f"1198888000{number}", Regime="Lucro Real")
        assert await quiet_office.write(changed) == done(updated=1)
        row = await quiet_office.row("101")
        assert {name: row[name] for name in typed} == typed
        assert (row["socios"], row["meses"], row["obrigacoes"]) == ('["s"]', '{"1": 2}', '{"o": 3}')
        assert (row["emite_nota_fiscal"], row["data_abertura"]) == (False, "d")
        assert json.loads(row["raw"]) == changed


async def test_what_a_person_emptied_stays_empty(quiet_office: Any) -> None:
    await quiet_office.write(source(Telefone="11999990000"))
    await quiet_office.sql("update empresas set whatsapp = null")
    await quiet_office.write(source(Telefone="11988880000"))
    assert (await quiet_office.row("101"))["whatsapp"] is None


async def test_what_was_empty_is_filled_when_the_source_has_it(quiet_office: Any) -> None:
    await quiet_office.write(source(Regime="Cliente especial"))
    await quiet_office.write(source(Regime="MEI", Telefone="11999990000"))
    row = await quiet_office.row("101")
    assert (row["regime_tributario"], row["whatsapp"]) == ("mei", "11999990000")


async def test_a_regime_that_became_unknown_at_the_source_is_no_longer_claimed(quiet_office: Any) -> None:
    await quiet_office.write(source(Regime="Simples Nacional"))
    await quiet_office.write(source(Regime="Filial - Regime Normal"))
    assert (await quiet_office.row("101"))["regime_tributario"] is None


async def test_a_section_no_longer_asked_for_empties_nothing(quiet_office: Any) -> None:
    await quiet_office.write(source(Regime="Simples Nacional", Telefone="11999990000"))
    await quiet_office.write(source(UF="SP"))
    row = await quiet_office.row("101")
    assert (row["regime_tributario"], row["whatsapp"]) == ("simples_nacional", "11999990000")
    await quiet_office.write(source(UF="SP", Regime="MEI"))
    assert (await quiet_office.row("101"))["regime_tributario"] == "mei"


async def test_a_row_made_by_hand_is_linked_and_only_its_empty_columns_are_filled(quiet_office: Any) -> None:
    await quiet_office.insert(nome="Da casa", cnpj="11222333000181", whatsapp="", regime_tributario="")
    full = source(Telefone="11999990000", Regime="MEI", DataDoCadastro="2025-01-01")
    assert await quiet_office.write(full) == done(updated=1)
    row = await quiet_office.row("101")
    assert (row["nome"], row["cnpj"]) == ("Da casa", "11222333000181")
    assert (row["whatsapp"], row["regime_tributario"], row["data_cadastro"]) == ("11999990000", "mei", "2025-01-01")
    assert (row["external_source"], json.loads(row["raw"])) == ("acessorias", full)
    assert await quiet_office.write(full) == done(unchanged=1)


async def test_the_default_regime_of_a_row_made_by_hand_stays(quiet_office: Any) -> None:
    await quiet_office.insert(nome="Da casa", cnpj=CNPJ)
    await quiet_office.write(source(Regime="MEI"))
    assert (await quiet_office.row("101"))["regime_tributario"] == "simples_nacional"


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


async def test_masks_replace_nothing_that_was_visible(quiet_office: Any) -> None:
    full = source(Fantasia="EXEMPLO", Telefone="11999990000", Regime="MEI", Honorario="1412.00")
    await quiet_office.write(full)
    masked = {key: "********" for key in full if key != "ID"}
    assert await quiet_office.write({"ID": "101", **masked, "UF": "SP"}) == done(updated=1)
    row = await quiet_office.row("101")
    assert (row["nome"], row["cnpj"], row["whatsapp"]) == ("COMERCIO EXEMPLO LTDA", CNPJ, "11999990000")
    assert row["regime_tributario"] == "mei"
    assert json.loads(row["raw"]) == full | {"UF": "SP"}


async def test_a_name_the_token_sees_later_replaces_the_makeshift_one(quiet_office: Any) -> None:
    await quiet_office.write(source(Razao="********"))
    assert (await quiet_office.row("101"))["nome"] == CNPJ
    await quiet_office.write(source())
    assert (await quiet_office.row("101"))["nome"] == "COMERCIO EXEMPLO LTDA"


async def test_an_edit_that_commits_while_the_page_is_written_is_kept(quiet_office: Any) -> None:
    await quiet_office.write(source())
    async with quiet_office.connect() as person, trio.open_nursery() as nursery:
        await person.execute("begin")
        await person.execute("update empresas set nome = 'Digitado agora'")
        nursery.start_soon(quiet_office.write, source(Razao="NOVA", UF="SP"))
        await wait_for_a_lock(person)
        await person.execute("commit")
    row = await quiet_office.row("101")
    assert row["nome"] == "Digitado agora"
    assert json.loads(row["raw"])["UF"] == "SP"


async def wait_for_a_lock(conn: Any) -> None:
    """Return when some session waits for a lock; PostgreSQL tells nobody, so it is asked."""
    while not await conn.fetchval("select count(*) from pg_locks where not granted"):  # noqa: ASYNC110
        await trio.lowlevel.checkpoint()


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
