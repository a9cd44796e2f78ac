"""A real PostgreSQL, a real fake of the API over real sockets, and a small honest context between them.

The context keeps checkpoint and counters in a table, in the provider's own transactions, and reads them back from
there for every attempt, so an attempt that is cut off anywhere leaves what a killed daemon would leave.
"""

from __future__ import annotations

import subprocess
import sys
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from uuid import UUID, uuid4

import httpx2
import msgspec
import pytest
import trio

import asyncpg_trio
import drena
from drena.api import Counters, Job, ProviderUnreachable, Tenant
from drena_acessorias import Acessorias
from drena_acessorias.mirror import Written, write_page
from drena_acessorias.rows import company, opened
from drena_acessorias.settings import Settings
from fake_acessorias.launch import Fake
from support.limits import limit_tests
from support.postgres import PostgresServer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
    from contextlib import AbstractContextManager

TEST_LIMIT_S = 30.0
TOKEN = "synthetic-token"
MIGRATIONS = Path(drena.__file__).parent / "store" / "migrations"
INDEXES = Path(__file__).parent.parent / "indexes.sql"
ATTEMPTS = "create table attempts (checkpoint jsonb, counters jsonb); insert into attempts values (null, '{}');"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """No test here waits for ever."""
    limit_tests(items, Path(__file__).parent, TEST_LIMIT_S)


class Lines:
    """A logger that remembers."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str, dict[str, Any]]] = []

    def __getattr__(self, level: str) -> Callable[..., None]:
        return lambda message, **fields: self.lines.append((level, message, fields))

    def warnings(self) -> list[str]:
        return [message for level, message, _ in self.lines if level == "warning"]


class CountedPace:
    requests_per_minute = 60.0

    def __init__(self) -> None:
        self.slowed: list[str] = []

    def slower(self, reason: str) -> None:
        self.slowed.append(reason)


class Http(httpx2.AsyncClient):
    """No pace and no retries: each answer of the API reaches the provider."""

    async def send(self, *args: Any, **kwargs: Any) -> httpx2.Response:
        try:
            return await super().send(*args, **kwargs)
        except httpx2.TransportError as error:
            raise ProviderUnreachable(str(error)) from error


class Transaction:
    def __init__(self, conn: asyncpg_trio.Connection, counters: dict[str, Counters]) -> None:
        self.fetch, self.fetchrow, self.fetchval, self.execute = conn.fetch, conn.fetchrow, conn.fetchval, conn.execute
        self.counters = counters
        self.saved: Any = None

    def checkpoint(self, value: Any) -> None:
        assert len(msgspec.json.encode(value)) <= 64 * 1024
        self.saved = value

    def count(self, entity: str, **more: int) -> None:
        totals = self.counters.setdefault(entity, Counters())
        for name, number in more.items():
            setattr(totals, name, getattr(totals, name) + number)


class Attempt:
    """The context of one attempt."""

    def __init__(self, office: Office, conn: asyncpg_trio.Connection, http: Http) -> None:
        self.office = office
        self.conn = conn
        self.http = http
        self.tenant = Tenant(id=office.tenant_id, slug="contmax", name="Contmax")
        self.job = Job(
            id=uuid4(),
            tenant_id=office.tenant_id,
            provider_slug="acessorias",
            lane=office.lane,
            attempt=1,
            max_attempts=5,
            payload={},
        )
        self.settings = office.settings
        self.base_url = office.base_url
        self.log = Lines()
        self.pace = CountedPace()
        self.told: list[tuple[int, int | None]] = []
        self.checkpoint: Any = None
        self.counters: dict[str, Counters] = {}
        self.before_commit: Callable[[Attempt], Awaitable[None]] | None = None

    async def load(self) -> Self:
        checkpoint, counters = await self.conn.fetchrow("select checkpoint::text, counters::text from attempts")
        self.checkpoint = None if checkpoint is None else msgspec.json.decode(checkpoint)
        self.counters = msgspec.json.decode(counters, type=dict[str, Counters])
        return self

    def secret(self, name: str) -> str:
        assert name == "token"
        return self.office.token

    def progress(self, done: int, total: int | None = None, **_: str) -> None:
        self.told.append((done, total))

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        counters = msgspec.json.decode(msgspec.json.encode(self.counters), type=dict[str, Counters])
        async with self.conn.transaction():
            transaction = Transaction(self.conn, counters)
            yield transaction
            if self.before_commit is not None:
                await self.before_commit(self)
            await self.conn.execute(
                "update attempts set checkpoint = $1::text::jsonb, counters = $2::text::jsonb",
                msgspec.json.encode(transaction.saved).decode(),
                msgspec.json.encode(counters).decode(),
            )
        self.checkpoint = msgspec.json.decode(msgspec.json.encode(transaction.saved))
        self.counters = counters


class Office:
    """One tenant with its database and its account at the fake."""

    def __init__(self, dsn: str, conn: asyncpg_trio.Connection) -> None:
        self.dsn = dsn
        self.conn = conn
        self.tenant_id = UUID(int=1)
        self.token = TOKEN
        self.base_url: str | None = None
        self.settings = Settings(confirm_delay_s=0.0)
        self.lane = "companies"
        self.attempt: Attempt | None = None
        """The latest one."""

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[asyncpg_trio.Connection]:
        async with asyncpg_trio.connect(self.dsn) as conn:
            yield conn

    @asynccontextmanager
    async def open_attempt(self) -> AsyncIterator[Attempt]:
        async with self.connect() as conn, Http(timeout=10, trust_env=False) as http:
            self.attempt = await Attempt(self, conn, http).load()
            yield self.attempt

    async def sync(self, *, fresh: bool = True) -> Mapping[str, Any]:
        """Run an attempt; of a new job unless it is not to be `fresh`."""
        if fresh:
            await self.sql("update attempts set checkpoint = null, counters = '{}'")
        async with self.open_attempt() as attempt:
            return await Acessorias().run(attempt)

    async def sql(self, query: str, *args: Any) -> list[dict[str, Any]]:
        return [dict(row) for row in await self.conn.fetch(query, *args)]

    async def rows(self) -> list[dict[str, Any]]:
        """The mirror, in a stable order."""
        return await self.sql(
            "select *, raw_payload::text as raw from empresas where organizacao_id = $1"
            " order by external_key, cnpj, nome, id",
            self.tenant_id,
        )

    async def row(self, external_key: str) -> dict[str, Any]:
        (found,) = [row for row in await self.rows() if row["external_key"] == external_key]
        return found

    async def write(self, *payloads: dict[str, Any]) -> Written:
        """Write one page of companies into the mirror."""
        page = opened([msgspec.Raw(msgspec.json.encode(each)) for each in payloads])
        companies = [company(row) for row in page.rows]
        assert None not in companies
        return await write_page(self.conn, self.tenant_id, companies)

    async def insert(self, **columns: Any) -> None:
        """A row made by hand."""
        names = ["organizacao_id", *columns]
        holes = ", ".join(f"${number}" for number in range(1, len(names) + 1))
        await self.sql(f"insert into empresas ({', '.join(names)}) values ({holes})", self.tenant_id, *columns.values())

    async def stamps(self) -> dict[str, Any]:
        """What changes whenever a row is written, by row."""
        return {str(row["id"]): row["stamp"] for row in await self.sql("select id, xmin::text as stamp from empresas")}


class CutAfter(trio.abc.Instrument):
    """Cancels a scope at the n-th step of any task, counted from now: a kill at any await there is."""

    def __init__(self, scope: trio.CancelScope, steps: int) -> None:
        self._scope = scope
        self._left = steps
        self.steps = 0

    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        self.steps += 1
        if self.steps == self._left:
            self._scope.cancel()


@contextmanager
def _cut_after(steps: int) -> Iterator[CutAfter]:
    with trio.CancelScope() as scope:
        cut = CutAfter(scope, steps)
        trio.lowlevel.add_instrument(cut)
        try:
            yield cut
        finally:
            trio.lowlevel.remove_instrument(cut)


@pytest.fixture
def cut_after() -> Callable[[int], AbstractContextManager[CutAfter]]:
    """A kill at the n-th step of any task."""
    return _cut_after


@pytest.fixture(scope="session")
def office_database() -> Iterator[str]:
    """One server and one database for all tests; each finds it as the migration leaves it."""
    tenant = "insert into organizacoes (id, nome, slug) values ('{}', '{}', '{}');"
    with PostgresServer() as running:
        for text in (
            (MIGRATIONS / "0001_adopt.sql").read_text(),
            "create schema if not exists drena",
            (MIGRATIONS / "0002_drena.sql").read_text(),
            INDEXES.read_text(),
            (MIGRATIONS / "0009_acessorias.sql").read_text(),
            ATTEMPTS,
            tenant.format(UUID(int=1), "Contmax", "contmax"),
            tenant.format(UUID(int=2), "Outro", "outro"),
        ):
            running.sql(text)
        yield running.dsn()


@pytest.fixture
async def quiet_office(office_database: str) -> AsyncIterator[Office]:
    """An office for tests that write pages themselves."""
    async with asyncpg_trio.connect(office_database) as conn:
        await conn.execute(
            "truncate empresas, drena.deliveries, drena.sync_state;"
            " update attempts set checkpoint = null, counters = '{}'"
        )
        yield Office(office_database, conn)


@pytest.fixture(scope="session")
def fake_process() -> Iterator[dict[str, Any]]:
    """One process for all tests; it ends with this one at the latest."""
    words = [sys.executable, "-m", "fake_acessorias", "--exit-with-parent", "--port", "0", f"--office={TOKEN}=65"]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        yield msgspec.json.decode(process.stdout.readline())
        process.terminate()


@pytest.fixture
async def fake(fake_process: dict[str, Any]) -> AsyncIterator[Fake]:
    """The API as it started, with one office of 65 companies: three full pages and a short one."""
    async with httpx2.AsyncClient(timeout=10, trust_env=False) as client:
        running = Fake(fake_process["url"], fake_process["pid"], client)
        await running.reset()
        yield running


@pytest.fixture
def office(quiet_office: Office, fake: Fake) -> Office:
    quiet_office.base_url = fake.url
    return quiet_office
