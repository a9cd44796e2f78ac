"""What flows share: a fake Acessórias process, and a stage with offices, a database and room for a daemon."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from flows.stage import Stage
from support.fakes import open_fake, run_fake

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    import asyncpg_trio


@pytest.fixture(scope="session")
def fake_address() -> Iterator[tuple[str, int]]:
    """One fake for all tests."""
    with run_fake() as address:
        yield address


@pytest.fixture
async def stage(database: str, conn: asyncpg_trio.Connection, fake_address: tuple[str, int]) -> AsyncIterator[Stage]:
    """The database and the fake of one test."""
    async with open_fake(*fake_address) as fake:
        yield Stage(dsn=database, conn=conn, fake=fake)
