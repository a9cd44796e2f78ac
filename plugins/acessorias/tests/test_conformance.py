"""Acessórias passes the suite of every provider: killed, cancelled, throttled, cut short, robbed of its job."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import httpx2
import msgspec
import pytest

from drena.testing import Conversation, ProviderConformance
from drena_acessorias import Acessorias

if TYPE_CHECKING:
    from drena.testing import Connection

PAGES = 4
SIZE = 20
LAST_PAGE_SIZE = 5
NO_DELIVERIES = re.compile(r"/deliveries/.*")
VIRTUAL_DAY_S = 24 * 3600.0
STAMPS = ("id", "numero", "created_at", "updated_at", "synced_at", "organizacao_id")


def companies(page: int) -> list[dict[str, Any]]:
    """A page of companies as the API gives them; none beyond the last."""
    size = SIZE if page < PAGES else LAST_PAGE_SIZE if page == PAGES else 0
    numbers = range((page - 1) * SIZE + 1, (page - 1) * SIZE + size + 1)
    return [
        {
            "ID": str(number),
            "Identificador": f"{number:08d}000100",
            "Razao": f"Empresa {number} Ltda",
            "Fantasia": f"Empresa {number}",
            "Regime": "Simples Nacional",
        }
        for number in numbers
    ]


def listing(request: httpx2.Request) -> httpx2.Response:
    """The list of companies, page by page."""
    page = int(request.url.params.get("Pagina", "1"))
    return httpx2.Response(200, content=msgspec.json.encode(companies(page)))


@pytest.fixture(autouse=True)
def limit_in_virtual_time(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The limit that conftest.py puts on each test is meant in real seconds; here they pass as fast as waits begin."""
    monkeypatch.setitem(request.function.__globals__, "TEST_LIMIT_S", VIRTUAL_DAY_S)


class TestAcessorias(ProviderConformance):
    provider = Acessorias()
    settings = {"confirm_delay_s": 1.0}  # noqa: RUF012
    base_url = "https://api.acessorias.test"
    lane = "companies"
    bad_settings = ({"max_pages": 0}, {"include": ["everything"]}, {"min_share": 2})
    overlap = 3
    """The page written last, on purpose, and what the reader is ahead of the writer."""

    def conversation(self) -> Conversation:
        talk = Conversation().answer_with("GET", "/companies/ListAll", listing)
        return talk.answer("GET", NO_DELIVERIES, status=204)

    async def rows(self, conn: Connection) -> list[dict[str, Any]]:
        found = await conn.fetch("select *, raw_payload::text as raw from empresas order by external_key")
        return [{name: value for name, value in row.items() if name not in STAMPS} for row in found]
