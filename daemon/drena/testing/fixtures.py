"""Drena's pytest plugin: the fixture `drena_database`. Installed with `drena[testing]`; nothing to import."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
import trio

if TYPE_CHECKING:
    from collections.abc import Iterator

    from drena.testing.database import Database, Server

URL_VARIABLE = "DRENA_TESTING_URL"


@pytest.fixture(scope="session")
def drena_postgres() -> Iterator[Server]:
    """A PostgreSQL for the run: the embedded one, or that of the URL in `DRENA_TESTING_URL`."""
    from drena.testing.database import Server, embedded_server  # noqa: PLC0415  # not at the start of every pytest

    if url := os.environ.get(URL_VARIABLE):
        server = Server(url)
        trio.run(server.prepare)
        yield server
        return
    with embedded_server() as url:
        server = Server(url)
        trio.run(lambda: server.prepare(careless=True))
        yield server


@pytest.fixture(scope="class")
def drena_suite_database(drena_postgres: Server) -> Iterator[Database]:
    """A migrated database for the conformance suite, whose tests empty it themselves."""
    database = trio.run(drena_postgres.create)
    yield database
    trio.run(drena_postgres.drop, database)


@pytest.fixture
def drena_database(drena_postgres: Server) -> Iterator[Database]:
    """A new, migrated database for this test."""
    database = trio.run(drena_postgres.create)
    yield database
    trio.run(drena_postgres.drop, database)
