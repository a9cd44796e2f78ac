"""A daemon that serves HTTP, as a process of its own that many tests share; and people who ask it for things."""

from __future__ import annotations

import json
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import httpx2

import asyncpg_trio
from access.issuing import ISSUER, SECRET, signed
from drena.access.service_tokens import digest_of, new_token
from support.daemons import START_LIMIT_S, STOP_LIMIT_S, _undertaken, environment
from support.nodes import install_ticker
from support.offices import add_office

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from contextlib import AbstractAsyncContextManager

ORIGIN = "https://app.example.com"
SETTINGS: dict[str, Any] = {
    "log.level": "debug",
    "auth.issuer": ISSUER,
    "auth.jwt_secret": SECRET,
    "http.cors_origins": ORIGIN,
    "http.requests_per_minute": 100_000,
    "http.anonymous_per_minute": 100_000,
    "http.max_body_bytes": 100_000,
    "poll.poll_s": 0.5,
    "feed.poll_s": 0.3,
    "retry.base_s": 60,
    "shutdown.grace_s": 1,
}


@dataclass
class Served:
    """A running daemon."""

    process: subprocess.Popen[bytes]
    dsn: str
    lines: list[dict[str, Any]] = field(default_factory=list)
    _news: queue.Queue[dict[str, Any] | None] = field(default_factory=queue.Queue)

    @property
    def url(self) -> str:
        """Where the API is."""
        line = self.find("http listening")[0]
        return f"{'https' if line['tls'] else 'http'}://{line['addresses'][0]}"

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    @property
    def text(self) -> str:
        """The end of its log."""
        return "\n".join(str(line.get("event")).rstrip() for line in self.lines[-60:])

    def connect(self) -> AbstractAsyncContextManager[asyncpg_trio.Connection]:
        """A connection to its database."""
        return asyncpg_trio.connect(self.dsn)

    def find(self, event: str, **fields: Any) -> list[dict[str, Any]]:
        """The lines of this event with these fields, so far."""
        wanted = {"event": event, **fields}
        return [line for line in self.lines if wanted.items() <= line.items()]

    def logged(self, event: str, *, limit_s: float = START_LIMIT_S, **fields: Any) -> dict[str, Any]:
        """Wait for a line; blocks the caller's thread, which is moments once the daemon runs."""
        give_up_s = time.monotonic() + limit_s
        while not (found := self.find(event, **fields)):
            try:
                line = self._news.get(timeout=max(0.0, give_up_s - time.monotonic()))
            except queue.Empty:
                line = None
            if line is None:
                raise AssertionError(f"no {event!r} with {fields}:\n{self.text}")
        return found[0]

    def read(self) -> None:
        """Collect the log until its end; runs in a thread."""
        assert self.process.stderr is not None
        for text in self.process.stderr:
            try:
                line = json.loads(text)
            except ValueError:
                line = {"event": text.decode(errors="replace"), "level": "raw"}
            self.lines.append(line)
            self._news.put(line)
        self._news.put(None)


@contextmanager
def run_served(dsn: str, **settings: Any) -> Iterator[Served]:
    """A daemon on this database, until the end of the block; it has to end well on SIGTERM unless it has ended."""
    changed = {name.replace("__", "."): value for name, value in settings.items()}
    with tempfile.TemporaryDirectory() as folder:
        known = SETTINGS | {"plugins.path": install_ticker(Path(folder)), "state_dir": folder} | changed
        env = environment(dsn, settings=known) | {"TICKER_JOURNAL": str(Path(folder, "journal"))}
        with _run(dsn, env) as served:
            yield served


@contextmanager
def _run(dsn: str, env: Mapping[str, str]) -> Iterator[Served]:
    process = subprocess.Popen(
        [sys.executable, "-m", "drena", "run"],
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    with process, _undertaken(process):  # type: ignore[arg-type]  # it wants no more than the pid
        served = Served(process, dsn)
        reader = threading.Thread(target=served.read, daemon=True)
        reader.start()
        try:
            served.logged("node joined")
            yield served
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                assert process.wait(STOP_LIMIT_S) == 0, served.lines[-20:]
        finally:
            process.kill()
            process.wait()
            reader.join(5)


@dataclass(frozen=True)
class Office:
    """A tenant with an integration that is paused, so that its jobs wait, and one with `ticker`, whose jobs run; a
    member and an administrator; a service token."""

    id: UUID
    slug: str
    integration: UUID
    member: str
    admin: str
    service: str

    def client(self, base_url: str, token: str | None = None, **options: Any) -> httpx2.AsyncClient:
        """A client of the API, as a member unless another token is given; `""` is none."""
        token = self.member if token is None else token
        headers = {"authorization": f"Bearer {token}"} if token else {}
        return httpx2.AsyncClient(
            base_url=base_url,
            headers=headers | options.pop("headers", {}),
            timeout=30,
            trust_env=False,
            verify=False,
            **options,
        )


async def found_office(conn: asyncpg_trio.Connection, *, paused: bool = True) -> Office:
    """Found one."""
    slug = f"o-{uuid4().hex[:12]}"
    tenant = await add_office(conn, slug)
    integration = await conn.fetchval("select id from tenant_integrations where tenant_id = $1", tenant)
    if paused:
        await conn.execute("insert into drena.pauses (tenant_id, provider_slug) values ($1, 'acessorias')", tenant)
    await conn.execute("insert into tenant_integrations (tenant_id, provider) values ($1, 'ticker')", tenant)
    people = {role: uuid4() for role in ("staff", "admin")}
    for role, person in people.items():
        await conn.execute(
            "insert into user_tenants (user_id, tenant_id, role) values ($1, $2, $3)", person, tenant, role
        )
    member, admin = (signed(sub=str(people[role])) for role in ("staff", "admin"))
    service = await add_token(conn, slug, scopes=["read", "run", "manage"], tenants=[tenant])
    return Office(tenant, slug, integration, member, admin, service)


async def add_token(
    conn: asyncpg_trio.Connection, name: str, *, scopes: list[str], tenants: list[UUID] | None, expires: str = "1 hour"
) -> str:
    """A service token; returns it."""
    token = new_token()
    await conn.execute(
        "insert into drena.service_tokens (name, hash, scopes, tenants, expires_at) "
        "values ($1, $2, $3, $4, now() + $5::text::interval)",
        name,
        digest_of(token),
        scopes,
        tenants,
        expires,
    )
    return token
