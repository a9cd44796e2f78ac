"""A feed in this process: the real hub, gate, desk and server on a real database and a real socket."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest
import trio

import asyncpg_trio
from drena.config import Auth, Config, Feed, Http
from drena.engine.wakes import listen_for_wakes
from drena.front import Front, open_front
from drena.plugins import PluginHost
from engine.node import Recorder
from support.offices import add_office

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from contextlib import AbstractAsyncContextManager


@dataclass
class Stage:
    """A running feed."""

    front: Front
    pool: asyncpg_trio.Pool
    dsn: str
    log: Recorder
    offices: dict[str, UUID] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"ws://{self.front.feed_addresses[0]}/"

    @property
    def port(self) -> int:
        return int(self.front.feed_addresses[0].rpartition(":")[2])

    async def office(self, slug: str = "contmax") -> UUID:
        """A tenant with the integration `script`."""
        if slug not in self.offices:
            self.offices[slug] = await add_office(self.pool, slug, provider="script")
        return self.offices[slug]

    async def job(self, office: UUID, lane: str = "") -> UUID:
        """A job, as a Supabase rpc() call makes it."""
        return await self.pool.fetchval("select (job).id from drena.request_job($1, 'script', $2)", office, lane)

    async def set(self, job: UUID, assignments: str) -> None:
        """Change a job as an old function does."""
        await self.pool.execute(f"update integration_jobs set {assignments} where id = $1", job)


@pytest.fixture
def feed(database: str) -> Callable[..., AbstractAsyncContextManager[Stage]]:
    """Opens a feed: `async with feed(max_connections=3) as stage`."""

    @asynccontextmanager
    async def opened(
        *,
        dsn: str = database,
        auth: dict[str, Any] | None = None,
        listening: bool = True,
        host: PluginHost | None = None,
        **settings: Any,
    ) -> AsyncIterator[Stage]:
        config = Config(
            state_dir=Path("/nowhere"),
            auth=Auth(**(auth or {"mode": "open"})),
            feed=Feed(**{"listen": "127.0.0.1:0", **settings}),
            http=Http(listen="off"),
        )
        log = Recorder()
        with trio.fail_after(300):
            async with (
                asyncpg_trio.create_pool(dsn, min_size=0, max_size=10) as pool,
                open_front(config, pool, host or PluginHost({}, []), {}, log) as front,  # type: ignore[arg-type]
                trio.open_nursery() as nursery,
            ):
                if listening:
                    nursery.start_soon(listen_for_wakes, dsn, front.wakes, log)
                yield Stage(front, pool, dsn, log)
                nursery.cancel_scope.cancel(reason="the test is over")

    return opened
