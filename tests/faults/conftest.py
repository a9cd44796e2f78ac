"""What the fault suite shares: a PostgreSQL that may be stopped, frozen and restarted, and a fleet on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import trio

import asyncpg_trio
from drena.store.migrate import migrate
from faults.provider.drena_ticker import TICKS
from support.nodes import Fleet, install_ticker
from support.postgres import PostgresServer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path


@pytest.fixture(scope="session")
def victim() -> Iterator[PostgresServer]:
    """A PostgreSQL that tests may hurt; each leaves it running."""
    with PostgresServer(settings={"max_connections": "200"}) as running:
        yield running


@pytest.fixture(scope="session")
def tick_template(victim: PostgresServer) -> str:
    """The name of a migrated database with the provider's table."""

    async def prepare(dsn: str) -> None:
        async with asyncpg_trio.connect(dsn) as conn:
            await migrate(conn)
            await conn.execute(TICKS)

    trio.run(prepare, victim.create_database("ticks"))
    return "ticks"


@pytest.fixture(scope="session")
def ticker(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the provider installed."""
    return install_ticker(tmp_path_factory.mktemp("plugins"))


@pytest.fixture
async def fleet(victim: PostgresServer, tick_template: str, ticker: Path, tmp_path: Path) -> AsyncIterator[Fleet]:
    """A database of its own, and room for nodes."""
    dsn = victim.create_database(template=tick_template)
    with trio.fail_after(400):
        async with asyncpg_trio.create_pool(dsn, min_size=0, max_size=10) as pool:
            yield Fleet(pool, dsn, ticker, tmp_path / "journal")
