"""Acessórias passes the suite of every provider: killed, cancelled, throttled, cut short, robbed of its job."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import httpx2
import msgspec
import pytest

from drena.testing import Conversation, ProviderConformance
from drena.testing.workbench import TENANT
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
    monkeypatch.setattr(request.function, "limit_s", VIRTUAL_DAY_S)


def deliveries(request: httpx2.Request) -> httpx2.Response:
    """A company's deliveries: two pages, then none."""
    document = request.url.path.rpartition("/")[2]
    page = int(request.url.params.get("Pagina", "1"))
    rows = [
        {
            "Nome": f"DCTF {n}",
            "EntCompetencia": "2026-10-01",
            "EntDtPrazo": "2026-11-20",
            "Status": "Pendente",
            "Config": {"EntID": f"{document}-{n}"},
        }
        for n in range(page * 3, page * 3 + 3)
    ]
    group = {"ID": str(int(document[:8])), "Identificador": document, "Razao": "X", "Entregas": rows}
    return httpx2.Response(200, json=[group] if page <= 2 else [])


class TestAcessorias(ProviderConformance):
    provider = Acessorias()
    settings = {"confirm_delay_s": 1.0}  # noqa: RUF012
    base_url = "https://api.acessorias.test"
    lane = "companies"
    bad_settings = ({"max_pages": 0}, {"include": ["everything"]}, {"min_share": 2})
    overlap = PAGES + 1
    """The page written last, on purpose, and what the reader is ahead of the writer: more than the list has."""

    def conversation(self) -> Conversation:
        talk = Conversation().answer_with("GET", "/companies/ListAll", listing)
        return talk.answer("GET", NO_DELIVERIES, status=204)

    async def rows(self, conn: Connection) -> list[dict[str, Any]]:
        found = await conn.fetch("select *, raw_payload::text as raw from empresas order by external_key")
        return [{name: value for name, value in row.items() if name not in STAMPS} for row in found]


class TestAcessoriasDeliveries(ProviderConformance):
    """The lane of deliveries, company by company."""

    provider = Acessorias()
    settings = {"confirm_delay_s": 1.0}  # noqa: RUF012
    base_url = "https://api.acessorias.test"
    lane = "deliveries"
    bad_settings = ({"window_days": 0}, {"full_every_days": 0})
    overlap = 9
    """The company in hand, whose pages and twofold end are asked for again, and what the reader is ahead."""

    def conversation(self) -> Conversation:
        talk = Conversation().answer_with("GET", "/companies/ListAll", listing)
        return talk.answer_with("GET", re.compile(r"/deliveries/\d+"), deliveries)

    async def prepare(self, conn: Connection) -> None:
        tenant = await conn.fetchval("insert into organizacoes (nome, slug) values ('X', $1) returning id", TENANT)
        await conn.execute(
            "insert into empresas (organizacao_id, nome, cnpj, external_source, external_key)"
            " select $1, 'E', lpad(n::text, 8, '0') || '000100', 'acessorias', n::text from generate_series(1, 6) n",
            tenant,
        )

    async def rows(self, conn: Connection) -> list[Any]:
        found = await conn.fetch("select external_key, document, name, due_on, status from drena.deliveries order by 1")
        marks = await conn.fetchval("select count(*) from drena.sync_state where entity = 'deliveries'")
        return [*map(tuple, found), marks]

    def backwards(self, earlier: Any, later: Any) -> str | None:
        """The number of pages begins again with each list; the list is `stretch`."""
        for each in (earlier, later) if earlier["deliveries"]["stretch"] != later["deliveries"]["stretch"] else ():
            each["deliveries"]["pages"] = 0
        return super().backwards(earlier, later)
