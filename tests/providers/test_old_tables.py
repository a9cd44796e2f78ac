"""A database that has BomControle's and OneCode's tables, with rows and in other shapes, is adopted and worked with."""

from __future__ import annotations

import datetime as dt
import json
import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import httpx2
import pytest
import trio

import asyncpg_trio
from drena.errors import DatabaseError
from drena.store.adoption import ADOPTED, Column, problems
from drena.store.migrate import migrate
from drena.testing import Conversation, run_once
from drena.testing.database import Database, Server
from drena.testing.workbench import TENANT
from drena_bomcontrole import BomControle
from drena_bomcontrole.fees import month_of
from drena_onecode import OneCode
from support.old_provider_tables import AS_KNOWN, AS_OUTLINED, COMPANIES, TABLES, companies, rows
from support.old_schema import TABLES as OLD_SCHEMA
from support.provider_jobs import company_id, document

if TYPE_CHECKING:
    from collections.abc import Iterator

    from drena.testing.running import Outcome

MONTH = str(month_of(dt.datetime.now(dt.timezone(dt.timedelta(hours=-3))).date()))
CONTACTS = ((11, "Padaria Alfa - Ana"), (12, "Farmácia Sigma - Beto"), (13, "Oficina Norte - Caio"))
OWN = ("bc_contracts", "bc_invoice_map", "bc_sync_log", "onecode_contact_match_log", "onecode_contact_review")
LIMIT_S = 60.0


def contacts() -> Conversation:
    """OneCode: one page of three."""
    page = [{"id": number, "name": name, "phone": "11999990000"} for number, name in CONTACTS]

    def answer(request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, json={"data": page if request.url.params["page"] == "1" else []})

    return Conversation().answer_with("GET", "/api/contacts", answer)


class Finance:
    """BomControle: an invoice this month for each company, of what was set last."""

    def __init__(self) -> None:
        self.values: dict[int, Any] = {}
        self.paid = False

    def talk(self) -> Conversation:
        search = {
            "Itens": [{"Id": n, "Cliente": {"Documento": document(n)}} for n in COMPANIES],
            "TotalItens": len(COMPANIES),
        }
        talk = Conversation().answer("GET", "/integracao/VendaContrato/Pesquisar", json=search)
        talk.answer_with("GET", re.compile(r"/integracao/VendaContrato/Obter/\d+"), self._contract)
        return talk.answer_with("PUT", re.compile(r"/integracao/Fatura/AlterarValor/\d+"), self._set)

    def _contract(self, request: httpx2.Request) -> httpx2.Response:
        invoice = 100 + int(request.url.path.rpartition("/")[2])
        paid = {"Quitado": True, "DataPagamento": f"{MONTH}-11 00:00:00", "ValorPagamento": 9.5} if self.paid else {}
        due = {"DataVencimento": f"{MONTH}-10 00:00:00"}
        return httpx2.Response(
            200, json={"Faturas": [{"Id": invoice, "Valor": self.values.get(invoice, 1), **due, **paid}]}
        )

    def _set(self, request: httpx2.Request) -> httpx2.Response:
        self.values[int(request.url.path.rpartition("/")[2])] = json.loads(request.content)["Valor"]
        return httpx2.Response(204)


async def match(database: Database) -> Outcome:
    return await run_once(
        OneCode(),
        database,
        transport=contacts(),
        settings={"confirm_delay_s": 0, "link_at": 0.95},
        secrets={"token": "synthetic"},
        base_url="https://api-test.onecode.chat",
    )


async def finance(database: Database, source: Finance, lane: str) -> Outcome:
    fees = [{"empresa_id": str(company_id(number)), "valor": "9.50"} for number in COMPANIES]
    return await run_once(
        BomControle(),
        database,
        transport=source.talk(),
        secrets={"api_key": "synthetic"},
        lane=lane,
        payload={"competencia": MONTH, "honorarios": fees} if lane == "fees" else {},
        base_url="https://api.bomcontrole.test",
    )


async def lay(conn: asyncpg_trio.Connection, tables: str) -> str:
    """The old system's database with these tables and rows; returns the tenant."""
    await conn.execute(OLD_SCHEMA)
    await conn.execute(tables)
    tenant = str(await conn.fetchval("insert into organizacoes (nome, slug) values ('X', $1) returning id", TENANT))
    await conn.execute(companies(tenant))
    await conn.execute(rows(tables, tenant, MONTH))
    return tenant


@pytest.mark.parametrize("tables", TABLES.values(), ids=TABLES)
async def test_both_providers_go_on_where_the_old_system_stopped(empty_database: str, tables: str) -> None:
    with trio.fail_after(LIMIT_S):
        async with asyncpg_trio.connect(empty_database) as conn:
            await lay(conn, tables)
            await migrate(conn)
            held = {table: await conn.fetchval(f"select count(*) from {table}") for table in OWN}
            assert set(held.values()) == {1}
        database = Database(Server(empty_database), empty_database)
        for told in ({"linked": 1, "asked": 1, "known": 0}, {"linked": 0, "asked": 0, "known": 1}):
            done = await match(database)
            assert done.status == "success", done.raised
            assert {name: done.result[name] for name in told} == told
        source = Finance()
        for told in ({"synced": 3, "unchanged": 0}, {"synced": 0, "unchanged": 3}):
            done = await finance(database, source, "fees")
            assert done.status == "success", done.raised
            assert {name: done.result["fees"][name] for name in told} == told
        source.paid = True
        done = await finance(database, source, "payments")
        assert (done.status, done.result["payments"]["paid"]) == ("success", 3), done.raised
        found = await database.fetch(
            "select payment_value::text::numeric as value, payment_date::text as day, paid from bc_invoice_map"
        )
        assert [(row["value"], row["day"], row["paid"]) for row in found] == [(Decimal("9.5"), f"{MONTH}-11", True)] * 3
        assert len(await database.fetch("select from bc_contracts")) == len(COMPANIES)
        refused = "select from onecode_contact_review where contact_id::text = '12'"
        assert len(await database.fetch(refused)) == 1, "what a person refused is not asked again"


async def test_writers_that_call_the_company_by_its_old_name_go_on_writing(empty_database: str) -> None:
    insert = "insert into bc_contracts (tenant_id, empresa_id, bc_contract_id) values ($1, $2, '7') returning id"
    read = "select empresa_id, portal_company_id from bc_contracts where id = $1"
    with trio.fail_after(LIMIT_S):
        async with asyncpg_trio.connect(empty_database) as conn:
            tenant = await lay(conn, AS_OUTLINED)
            await migrate(conn)
            found = await conn.fetchval(insert, tenant, company_id(2))
            assert tuple(await conn.fetchrow(read, found)) == (company_id(2), company_id(2))
            await conn.execute("update bc_contracts set empresa_id = $2 where id = $1", found, company_id(3))
            assert tuple(await conn.fetchrow(read, found)) == (company_id(3), company_id(3))
            await conn.execute("update bc_contracts set portal_company_id = $2 where id = $1", found, company_id(1))
            assert tuple(await conn.fetchrow(read, found)) == (company_id(1), company_id(1))


CHANGES = {
    "alter table bc_contracts drop column tenant_id": "public.bc_contracts has no column tenant_id.",
    "alter table bc_invoice_map drop competencia, drop id": "public.bc_invoice_map has no column id, competencia.",
    "alter table empresas drop onecode_contact_id": "public.empresas has no column onecode_contact_id.",
    "alter table onecode_contact_review alter resolved drop default, alter resolved drop not null,"
    " alter resolved type text": ("public.onecode_contact_review.resolved is of type text and should be boolean."),
    "alter table integration_logs add strange int not null": "public.integration_logs.strange must not be null",
}


async def test_what_stands_in_the_way_is_told_at_once_and_nothing_is_changed(empty_database: str) -> None:
    with trio.fail_after(LIMIT_S):
        async with asyncpg_trio.connect(empty_database) as conn:
            await conn.execute(OLD_SCHEMA + AS_KNOWN)
            for change in CHANGES:
                await conn.execute(change)
            with pytest.raises(DatabaseError) as refused:
                await migrate(conn)
            assert await conn.fetchval("select to_regnamespace('drena')") is None
    said = str(refused.value)
    assert [problem for problem in CHANGES.values() if problem not in said] == []
    assert said.count("Also: ") == len(CHANGES) - 1


def described(table: str) -> Iterator[tuple[str, Column]]:
    """The columns that Drena needs, each of the type it should have."""
    kinds = dict(pair.split(":") for pair in ADOPTED[table].types.split())
    for name in ADOPTED[table].needed.split():
        yield name, Column(kinds.get(name, "text"), must_be_given=False)


@pytest.mark.parametrize("table", ADOPTED)
def test_every_column_that_is_needed_is_missed(table: str) -> None:
    columns = dict(described(table))
    assert problems({table: columns}) == []
    for name in columns:
        assert problems({table: {each: column for each, column in columns.items() if each != name}}) == [
            f"public.{table} has no column {name}."
        ]


def test_a_table_that_is_not_there_is_no_problem() -> None:
    assert problems({}) == []
    assert problems({"somebody_elses": {"x": Column("text", must_be_given=True)}}) == []
