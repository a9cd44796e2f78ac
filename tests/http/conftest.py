"""One daemon for all tests of the API: a real process on a real port and a real PostgreSQL. Each test has an office of
its own, so that none sees another's jobs."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
import trio

import asyncpg_trio
from support.served import found_office, run_served

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    import httpx2

    from support.postgres import PostgresServer
    from support.served import Office, Served

LIMIT_S = 60 + float(os.environ.get("FUZZ_HTTP_S", "0"))
"""A test may take so long; only fuzzing for longer does."""


@pytest.fixture(scope="session")
def served(server: PostgresServer, template: str) -> Iterator[Served]:
    """The daemon."""
    with run_served(server.create_database(template=template)) as running:
        yield running


@pytest.fixture
async def db(served: Served) -> AsyncIterator[asyncpg_trio.Connection]:
    """A connection to the daemon's database."""
    with trio.fail_after(LIMIT_S):
        async with asyncpg_trio.connect(served.dsn) as connection:
            yield connection


@pytest.fixture
async def office(db: asyncpg_trio.Connection) -> Office:
    """A tenant."""
    return await found_office(db)


@pytest.fixture
async def api(served: Served, office: Office) -> AsyncIterator[httpx2.AsyncClient]:
    """The API as a member of the office sees it."""
    with trio.fail_after(LIMIT_S):
        async with office.client(served.url) as client:
            yield client
