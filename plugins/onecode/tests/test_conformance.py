"""OneCode passes the suite of every provider."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx2
import pytest

from drena.testing import Conversation, ProviderConformance
from drena.testing.workbench import TENANT
from drena_onecode import OneCode
from support.provider_jobs import company_id

if TYPE_CHECKING:
    from drena.testing import Connection

PAGES, SIZE = 4, 5
VIRTUAL_DAY_S = 24 * 3600.0
NAMES = ("Padaria Alfa", "Oficina Beta", "Livraria Gama", "Mercearia Delta", "Farmácia Sigma", "Hotel Omega")


@pytest.fixture(autouse=True)
def limit_in_virtual_time(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The limit that conftest.py puts on each test is meant in real seconds; here they pass as fast as waits begin."""
    monkeypatch.setattr(request.function, "limit_s", VIRTUAL_DAY_S)


def page(request: httpx2.Request) -> httpx2.Response:
    number = int(request.url.params["page"])
    numbers = range((number - 1) * SIZE, number * SIZE) if number <= PAGES else range(0)
    rows = [
        {"id": f"c{n}", "name": f"{NAMES[n % len(NAMES)]} - Pessoa {n}", "phone": f"1199999{n:04}"} for n in numbers
    ]
    return httpx2.Response(200, json={"data": rows})


class TestOneCode(ProviderConformance):
    provider = OneCode()
    settings = {"page_size": SIZE}  # noqa: RUF012
    base_url = "https://api-test.onecode.chat"
    bad_settings = ({"page_size": 0}, {"link_at": 1.5}, {"review_at": 0.9})
    overlap = 1
    """The page written last, on purpose."""

    def conversation(self) -> Conversation:
        return Conversation().answer_with("GET", "/api/contacts", page)

    async def prepare(self, conn: Connection) -> None:
        tenant = await conn.fetchval("insert into organizacoes (nome, slug) values ('X', $1) returning id", TENANT)
        for number, name in enumerate((*NAMES[:4], "Farmacia Sigmatoide Geral"), 1):
            await conn.execute(
                "insert into empresas (id, organizacao_id, nome) values ($1, $2, $3)", company_id(number), tenant, name
            )

    async def rows(self, conn: Connection) -> list[Any]:
        companies = await conn.fetch("select nome, onecode_contact_id, whatsapp from empresas order by id")
        log = await conn.fetch(
            "select contact_id, company_id, status, similarity_score from onecode_contact_match_log order by 1, 3"
        )
        reviews = await conn.fetch("select contact_id, suggested_company_id from onecode_contact_review order by 1")
        return [*map(tuple, companies), *map(tuple, log), *map(tuple, reviews)]
