"""A migrated database, a fake BomControle as a process of its own, and jobs on the real engine between them."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import trio

from drena_bomcontrole import BomControle
from support.fakes import run_fake
from support.limits import limit_tests
from support.provider_jobs import OfficeJobs, company_id, open_small_fake

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from drena.testing import Database
    from drena.testing.database import Server
    from drena.testing.workbench import JobState
    from fake_acessorias.launch import SmallRemote

TEST_LIMIT_S = 60.0
KEY = "synthetic-key"
MONTH = "2026-11"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """No test here waits for ever."""
    limit_tests(items, Path(__file__).parent, TEST_LIMIT_S)


class Office(OfficeJobs):
    """An office that pushes fees."""

    def __init__(self, database: Database, fake: SmallRemote) -> None:
        super().__init__(database, BomControle, fake, {"api_key": KEY})

    async def lay(self, *contracts: dict[str, Any]) -> None:
        """What the account at the source holds."""
        await self.fake.lay(KEY, {"contracts": list(contracts)})

    def payload(self, *fees: tuple[int, Any], month: str = MONTH) -> dict[str, Any]:
        rows = [{"empresa_id": str(company_id(number)), "valor": value} for number, value in fees]
        return {"competencia": month, "honorarios": rows}

    async def push(self, *fees: tuple[int, Any], month: str = MONTH, **more: Any) -> JobState:
        """A job that pushes these fees."""
        return await self.run(self.payload(*fees, month=month), lane="fees", **more)

    async def map(self) -> dict[int, dict[str, Any]]:
        """`bc_invoice_map`, by company."""
        return {row["portal_company_id"].int: row for row in await self.sql("select * from bc_invoice_map")}

    async def writes(self) -> list[tuple[int, Decimal]]:
        """What was set at the source, in order."""
        return [(each["invoice"], Decimal(each["Valor"])) for each in (await self.fake.held(KEY))["writes"]]


@pytest.fixture(scope="session")
def bomcontrole_process() -> Iterator[tuple[str, int]]:
    with run_fake("fake_bomcontrole") as address:
        yield address


@pytest.fixture(scope="session")
def bomcontrole_database(drena_postgres: Server) -> Iterator[Database]:
    """One for all tests here; each finds it empty."""
    database = trio.run(drena_postgres.create)
    yield database
    trio.run(drena_postgres.drop, database)


@pytest.fixture
async def office(bomcontrole_database: Database, bomcontrole_process: tuple[str, int]) -> AsyncIterator[Office]:
    await bomcontrole_database.clear()
    async with open_small_fake(*bomcontrole_process) as fake:
        yield Office(bomcontrole_database, fake)
