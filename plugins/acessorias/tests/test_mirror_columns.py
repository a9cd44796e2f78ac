"""The statement that writes a page: what the source may change of a row, and what stays as people typed it."""

from __future__ import annotations

import json
from typing import Any

import pytest
import trio

from drena_acessorias.mirror import Written

CNPJ = "11.222.333/0001-81"
OTHER = "12.ABC.345/01DE-35"


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
    assert await quiet_office.write(source(), source("102", OTHER)) == done(unchanged=2)
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
