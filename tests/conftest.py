"""What tests share: one real PostgreSQL a run, a database of its own for each test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import trio

import asyncpg_trio
from drena.store.migrate import migrate
from support.postgres import PostgresServer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator


@pytest.fixture(scope="session")
def server() -> Iterator[PostgresServer]:
    """A PostgreSQL for the whole run."""
    with PostgresServer() as running:
        yield running


@pytest.fixture(scope="session")
def template(server: PostgresServer) -> str:
    """The name of a migrated database to copy."""

    async def prepare(dsn: str) -> None:
        async with asyncpg_trio.connect(dsn) as conn:
            await migrate(conn)

    trio.run(prepare, server.create_database("drena_template"))
    return "drena_template"


@pytest.fixture
def empty_database(server: PostgresServer) -> str:
    """The DSN of a new, empty database."""
    return server.create_database()


@pytest.fixture
def database(server: PostgresServer, template: str) -> str:
    """The DSN of a new, migrated database."""
    return server.create_database(template=template)


@pytest.fixture
async def conn(database: str) -> AsyncIterator[asyncpg_trio.Connection]:
    """A connection to `database`."""
    with trio.fail_after(180):
        async with asyncpg_trio.connect(database) as connection:
            yield connection


@pytest.fixture
async def pool(database: str) -> AsyncIterator[asyncpg_trio.Pool]:
    """A pool on `database`."""
    with trio.fail_after(180):
        async with asyncpg_trio.create_pool(database, min_size=0, max_size=10) as opened:
            yield opened
