"""A migrated database, a fake OneCode as a process of its own, and jobs on the real engine between them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import trio

from drena_onecode import OneCode
from support.fakes import run_fake
from support.limits import limit_tests
from support.provider_jobs import OfficeJobs, open_small_fake

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from drena.testing import Database
    from drena.testing.database import Server
    from drena.testing.workbench import JobState
    from fake_acessorias.launch import SmallRemote

TEST_LIMIT_S = 60.0
TOKEN = "synthetic-token"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """No test here waits for ever."""
    limit_tests(items, Path(__file__).parent, TEST_LIMIT_S)


class Office(OfficeJobs):
    """An office with contacts."""

    def __init__(self, database: Database, fake: SmallRemote) -> None:
        super().__init__(database, OneCode, fake, {"token": TOKEN})

    async def lay(self, *contacts: tuple[str, str, str | None]) -> None:
        """What the account at the source holds: id, name, phone."""
        await self.fake.lay(TOKEN, [{"id": i, "name": name, "phone": phone} for i, name, phone in contacts])

    async def sync(self, **settings: Any) -> JobState:
        """A job of its own."""
        return await self.run(**{"confirm_delay_s": 0, "page_size": 3} | settings)

    async def companies(self) -> dict[int, tuple[str | None, str | None]]:
        """Each company's contact and number."""
        rows = await self.sql("select id, onecode_contact_id, whatsapp from empresas")
        return {row["id"].int: (row["onecode_contact_id"], row["whatsapp"]) for row in rows}


@pytest.fixture(scope="session")
def onecode_process() -> Iterator[tuple[str, int]]:
    with run_fake("fake_onecode") as address:
        yield address


@pytest.fixture(scope="session")
def onecode_database(drena_postgres: Server) -> Iterator[Database]:
    """One for all tests here; each finds it empty."""
    database = trio.run(drena_postgres.create)
    yield database
    trio.run(drena_postgres.drop, database)


@pytest.fixture
async def office(onecode_database: Database, onecode_process: tuple[str, int]) -> AsyncIterator[Office]:
    await onecode_database.clear()
    async with open_small_fake(*onecode_process) as fake:
        yield Office(onecode_database, fake)
