"""BomControle passes the suite of every provider, in both of its lanes."""

from __future__ import annotations

import datetime as dt
import json
import re
from typing import TYPE_CHECKING, Any

import httpx2
import pytest

from drena.testing import Conversation, ProviderConformance
from drena.testing.workbench import TENANT
from drena_bomcontrole import BomControle
from drena_bomcontrole.fees import month_of
from support.provider_jobs import company_id, document

if TYPE_CHECKING:
    from drena.testing import Connection

COMPANIES = 5
MONTH = month_of(dt.datetime.now(dt.timezone(dt.timedelta(hours=-3))).date())
VIRTUAL_DAY_S = 24 * 3600.0


@pytest.fixture(autouse=True)
def limit_in_virtual_time(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The limit that conftest.py puts on each test is meant in real seconds; here they pass as fast as waits begin."""
    monkeypatch.setattr(request.function, "limit_s", VIRTUAL_DAY_S)


class World:
    """The source of one conversation: what was set stays set."""

    def __init__(self) -> None:
        self.values: dict[int, Any] = {}

    def search(self, request: httpx2.Request) -> httpx2.Response:
        rows = [{"Id": n, "Cliente": {"Documento": document(n)}} for n in range(1, COMPANIES + 1)]
        return httpx2.Response(200, json={"Itens": rows, "TotalItens": len(rows)})

    def one(self, request: httpx2.Request) -> httpx2.Response:
        number = int(request.url.path.rpartition("/")[2])
        value = self.values.get(number, number)
        invoice = {"Id": number, "Valor": value, "DataVencimento": f"{MONTH}-10 00:00:00", "Quitado": number % 2 == 0}
        return httpx2.Response(200, json={"Faturas": [invoice]})

    def set(self, request: httpx2.Request) -> httpx2.Response:
        self.values[int(request.url.path.rpartition("/")[2])] = json.loads(request.content)["Valor"]
        return httpx2.Response(204)


class Base(ProviderConformance):
    provider = BomControle()
    base_url = "https://api.bomcontrole.test"
    bad_settings = ({"months": 0}, {"grace_days": -1})
    overlap = 2
    """The company in hand: its search and its invoice, which is read again by design."""

    def conversation(self) -> Conversation:
        world = World()
        talk = Conversation().answer_with("GET", "/integracao/VendaContrato/Pesquisar", world.search)
        talk.answer_with("GET", re.compile(r"/integracao/VendaContrato/Obter/\d+"), world.one)
        return talk.answer_with("PUT", re.compile(r"/integracao/Fatura/AlterarValor/\d+"), world.set)

    async def prepare(self, conn: Connection) -> None:
        tenant = await conn.fetchval("insert into organizacoes (nome, slug) values ('X', $1) returning id", TENANT)
        for number in range(1, COMPANIES + 1):
            await conn.execute(
                "insert into empresas (id, organizacao_id, nome, cnpj) values ($1, $2, $3, $4)",
                company_id(number),
                tenant,
                f"Empresa {number}",
                document(number),
            )
            if self.lane == "payments":
                await conn.execute(
                    "insert into bc_invoice_map (tenant_id, portal_company_id, competencia, bc_contract_id,"
                    " bc_invoice_id) values ($1, $2, $3, $4, $4)",
                    tenant,
                    company_id(number),
                    str(MONTH),
                    str(number),
                )

    async def rows(self, conn: Connection) -> list[Any]:
        found = await conn.fetch(
            "select portal_company_id, competencia, bc_contract_id, bc_invoice_id, last_synced_value, status, message,"
            " paid, payment_value from bc_invoice_map order by 1"
        )
        links = await conn.fetch("select portal_company_id, bc_contract_id from bc_contracts order by 1")
        return [*map(tuple, found), *map(tuple, links)]


class TestFees(Base):
    lane = "fees"
    payload = {  # noqa: RUF012
        "competencia": str(MONTH),
        "honorarios": [{"cnpj": document(number), "valor": "9.50"} for number in range(1, COMPANIES + 1)],
    }


class TestPayments(Base):
    lane = "payments"


del Base
