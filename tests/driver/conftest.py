"""Fixtures of the driver's tests: one server for each PostgreSQL at hand, one database for each test."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import asyncpg_trio
from support.limits import limit_tests
from support.postgres import PostgresServer, debian_bindirs

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

BINDIRS = {"embedded": None, **{f"debian-{path.parent.name}": path for path in debian_bindirs()}}
TEST_LIMIT_S = 30.0


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """No test here waits for ever."""
    limit_tests(items, Path(__file__).parent, TEST_LIMIT_S)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """DRIVER_REPEAT=50 runs each test so many times: what concurrent tests must stand before they are trusted."""
    times = int(os.environ.get("DRIVER_REPEAT", "1"))
    if times > 1:
        metafunc.fixturenames.append("repetition")
        metafunc.parametrize("repetition", range(times))


@pytest.fixture(scope="session", params=list(BINDIRS))
def server(request: pytest.FixtureRequest) -> Iterator[PostgresServer]:
    """A server that tests share and leave as it is."""
    with PostgresServer(BINDIRS[request.param]) as running:
        running.create_database("scratch")
        yield running


@pytest.fixture
def own_server() -> Iterator[PostgresServer]:
    """A server of the test's own, to be frozen, stopped and restarted."""
    with PostgresServer() as running:
        yield running


@pytest.fixture
async def conn(server: PostgresServer) -> AsyncIterator[asyncpg_trio.Connection]:
    async with asyncpg_trio.connect(server.dsn()) as connection:
        yield connection
