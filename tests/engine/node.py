"""A node in this process: the real Daemon on a real database, with providers that a test writes in a few lines."""

from __future__ import annotations

import json
import os
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Self
from uuid import UUID

import trio

import asyncpg_trio
from drena.api import CheckResult, Limits, Provider, Word
from drena.config import load_config
from drena.daemon import Daemon
from drena.engine.outside import Outside
from drena.outgoing import Clients, PaceBook
from drena.plugins import PluginHost
from drena.redaction import Redactor
from drena.secrets import SecretStore
from support.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence

    from drena.api import CheckContext, Context, Observer
    from drena.traces import Traces

    Act = Callable[[Context], Awaitable[Any]]

LIMIT_S = 30.0
SECRET = "a-synthetic-secret"
HURRIED = {
    "retry.base_s": 0.02,
    "retry.cap_s": 0.05,
    "poll.poll_s": 0.5,
    "shutdown.grace_s": 0.5,
    "feed.listen": "off",
    "http.listen": "off",
    "tenant.max_jobs": 100,
}


class Script(Provider):
    """Does what the job's payload names: `{"act": "count"}`."""

    slug = "script"
    name = "Script"
    secrets = ("token",)
    words = (Word("companies", pt="empresas", en="companies"), Word("unused", pt="sem uso", en="unused"))
    limits = Limits(deadline_s=60.0, no_progress_s=60.0)

    def __init__(self, **acts: Act) -> None:
        self.acts = acts

    async def check(self, ctx: CheckContext) -> CheckResult:
        return CheckResult(ok=True, message="ok")

    async def run(self, ctx: Context) -> Any:
        ctx.secret("token")
        return await self.acts[ctx.job.payload["act"]](ctx)


class Recorder:
    """A log that keeps its lines and tells of them."""

    def __init__(self, lines: list[dict[str, Any]] | None = None, **bound: Any) -> None:
        self.lines = [] if lines is None else lines
        self._bound = bound

    def bind(self, **fields: Any) -> Self:
        return type(self)(self.lines, **{**self._bound, **fields})

    def tells(self, level: str) -> bool:
        return True

    def debug(self, message: str, **fields: Any) -> None:
        self._add("debug", message, fields)

    def info(self, message: str, **fields: Any) -> None:
        self._add("info", message, fields)

    def warning(self, message: str, **fields: Any) -> None:
        self._add("warning", message, fields)

    def error(self, message: str, **fields: Any) -> None:
        self._add("error", message, fields)

    def exception(self, message: str, **fields: Any) -> None:
        self._add("error", message, fields)

    def _add(self, level: str, message: str, fields: dict[str, Any]) -> None:
        self.lines.append({"level": level, "event": message, **self._bound, **fields})

    def find(self, event: str, **fields: Any) -> list[dict[str, Any]]:
        """The lines of this event with these fields."""
        return [line for line in self.lines if {"event": event, **fields}.items() <= line.items()]


@dataclass
class Node:
    """A running daemon and the database it drains."""

    daemon: Daemon
    log: Recorder
    conn: asyncpg_trio.Connection
    offices: dict[str, UUID] = field(default_factory=dict)

    async def office(self, slug: str, provider: str = "script") -> UUID:
        """A tenant with an integration; made when first named."""
        if slug not in self.offices:
            self.offices[slug] = await self.conn.fetchval(
                "insert into organizacoes (nome, slug) values ($1, $1) returning id", slug
            )
        await self.conn.execute(
            "insert into tenant_integrations (tenant_id, provider) values ($1, $2) on conflict do nothing",
            self.offices[slug],
            provider,
        )
        return self.offices[slug]

    async def request(
        self,
        act: str,
        *,
        office: str = "contmax",
        lane: str = "",
        attempts: int | None = 1,
        provider: str = "script",
        **orders: Any,
    ) -> UUID:
        """Ask for a job that does this act."""
        job_id: UUID = await self.conn.fetchval(
            "select (job).id from drena.request_job($1, $2, $3, $4::jsonb, max_attempts => $5)",
            await self.office(office, provider),
            provider,
            lane,
            json.dumps({"act": act, **orders}),
            attempts,
        )
        return job_id

    async def job(self, job_id: UUID) -> dict[str, Any]:
        """The job's row; JSON columns as values."""
        row = await self.conn.fetchrow("select * from integration_jobs where id = $1", job_id)
        assert row is not None
        found = dict(row)
        for name in ("result", "checkpoint", "progress_detail"):
            found[name] = None if found[name] is None else json.loads(found[name])
        return found

    async def until(self, condition: str, job_id: UUID, *, limit_s: float = LIMIT_S) -> dict[str, Any]:
        """Wait until a condition on the job's row holds."""
        await wait_until(self.conn, f"select {condition} from integration_jobs where id = $1", job_id, limit_s=limit_s)
        return await self.job(job_id)

    async def ended(self, job_id: UUID, *, limit_s: float = LIMIT_S) -> dict[str, Any]:
        """Wait for the job's end."""
        return await self.until("status not in ('pending', 'running')", job_id, limit_s=limit_s)

    async def perform(self, act: str, **how: Any) -> dict[str, Any]:
        """Ask for a job and wait for its end."""
        return await self.ended(await self.request(act, **how))

    async def lines(self, job_id: UUID) -> list[tuple[int, str, str, dict[str, Any]]]:
        """Attempt, level, message and fields of the job's log."""
        rows = await self.conn.fetch(
            "select attempt, level, message, fields from drena.job_logs where job_id = $1 order by id", job_id
        )
        return [(row["attempt"], row["level"], row["message"], json.loads(row["fields"])) for row in rows]


def settings_of(dsn: str, settings: Mapping[str, Any]) -> dict[str, str]:
    """Settings by key as environment variables."""
    values = {"database.url": dsn, "state_dir": "/nonexistent", **HURRIED, **settings}
    return {"DRENA_" + key.replace(".", "__").upper(): str(value) for key, value in values.items()}


@asynccontextmanager
async def open_node(
    dsn: str,
    *providers: Provider,
    observers: Sequence[Observer] = (),
    environ: Mapping[str, str] = MappingProxyType({}),
    die: Callable[[int], object] = os._exit,
    traces: Traces | None = None,
    **settings: Any,
) -> AsyncIterator[Node]:
    """Run a daemon in this process for the length of the block; whatever ends it but us fails the test.

    Args:
        dsn: a migrated database.
        providers: what it offers.
        observers: who is told how attempts end.
        environ: secrets besides tokens.
        die: what ends the process.
        traces: makes spans.
        settings: `tenant__max_jobs=2`.
    """
    config = load_config(
        None,
        settings_of(dsn, {key.replace("__", "."): value for key, value in settings.items()}),
        default_file=Path("/nonexistent"),
    )
    redactor, log = Redactor(), Recorder()
    secrets = SecretStore(Secrets(environ), redactor)
    with trio.fail_after(4 * LIMIT_S):
        async with (
            asyncpg_trio.create_pool(dsn, max_size=config.database.pool_size) as pool,
            asyncpg_trio.connect(dsn) as conn,
            trio.open_nursery() as nursery,
        ):
            outside = Outside(config, secrets, Clients(), PaceBook())
            outside.traces = traces
            daemon = Daemon(
                config=config,
                url=dsn,
                pool=pool,
                host=PluginHost(providers={p.slug: p for p in providers}, reports=[], observers=observers),
                outside=outside,
                redactor=redactor,
                log=log,  # type: ignore[arg-type]
                die=die,
            )
            await nursery.start(daemon.run)
            yield Node(daemon, log, conn)
            daemon.stop()


class Secrets(dict[str, str]):
    """An environment in which every token is there."""

    def get(self, name: str, default: Any = None) -> Any:
        return SECRET if "_TOKEN_" in name else super().get(name, default)
