"""A node's lease: the right to run the jobs it has claimed.

Invariant (I3): this node's attempts have stopped before any other node may take their jobs. It holds because all
attempts live in `Lease.scope`, whose deadline is one lease time after the moment, by Trio's clock, *before* the last
successful renewal was sent, while the database counts the same lease time from a later moment, by its own clock. The
two clocks are never compared; only the length is shared.

The renewal has a connection of its own, so that no job can starve it.
"""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Final

import trio

import asyncpg_trio
from asyncpg_trio import exceptions as pg
from drena import __version__
from drena.engine.outages import PASSING, outlast
from drena.store.plain import plain_json
from drena.store.queries import sql

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection
    from uuid import UUID

    from drena.engine.dispatcher import DispatchLimits
    from drena.log import LogLines


SLOW_LEASES: Final = 3


class Lease:
    """One node's lease for one term; a lost lease is never renewed, the next term has a new id.

    Args:
        node_id: random, never used before.
        lease_s: its length in seconds; renewed every third of it.
    """

    def __init__(self, node_id: UUID, lease_s: float, log: LogLines) -> None:
        self.node_id = node_id
        self.lease_s = lease_s
        self.scope = trio.CancelScope()
        self.steady_since_s = self.answered_since_s = trio.current_time()
        """By Trio's clock: since when every renewal was answered at the first try, and since when also promptly."""
        self._log = log

    @property
    def rescues_from_s(self) -> float:
        """From when on, by Trio's clock, the node may take what others have let go (I4): after a lease time in which
        its renewals were prompt, and so were everybody's. A database that is slow all the time must not leave the dead
        unburied for ever (I5): after `SLOW_LEASES` of them it is enough that every renewal was answered, since who is
        alive has renewed by then, and who could not has stopped its attempts long before (I3)."""
        return min(self.steady_since_s + self.lease_s, self.answered_since_s + SLOW_LEASES * self.lease_s)

    async def join(self, conn: asyncpg_trio.Connection, name: str, limits: DispatchLimits) -> None:
        """Take the lease: from here on other nodes count on this one.

        Args:
            conn: any connection.
            name: what people call the node.
            limits: its room, for whoever asks why a job waits.
        """
        sent_s = trio.current_time()
        await conn.execute(
            sql("join_node"),
            self.node_id,
            name,
            __version__,
            sorted(limits.provider_jobs),
            self.lease_s,
            limits.node_jobs,
            limits.tenant_jobs,
            plain_json(limits.provider_jobs),
        )
        self.scope.deadline = sent_s + self.lease_s
        self.steady_since_s = self.answered_since_s = trio.current_time()

    async def tell_limits(self, conn: asyncpg_trio.Connection, limits: DispatchLimits) -> None:
        """Say how much room there is now. A row that a rescuer has taken stays taken: the lease is not touched."""
        room = (limits.node_jobs, limits.tenant_jobs, plain_json(limits.provider_jobs))
        await conn.execute(sql("tell_limits"), self.node_id, *room)

    async def keep(
        self, url: str, tell: Callable[[], tuple[int, int]], on_doubt: Callable[[], Awaitable[None]]
    ) -> None:
        """Renew until cancelled or lost; on loss the scope ends.

        Args:
            url: where to connect; again, with jitter, whenever the connection is lost.
            tell: how many attempts the node has in hand, and how many of its writes were refused, for the record.
            on_doubt: called when the connection was lost: others may be half open, with nobody told.
        """
        while not self.scope.cancel_called:
            try:
                async with AsyncExitStack() as stack:
                    with trio.fail_after(self.lease_s / 3):
                        settings = {"application_name": "drena lease"}
                        conn = await stack.enter_async_context(  # nothing prepared: there may be a pooler in between
                            asyncpg_trio.connect(url, server_settings=settings, statement_cache_size=0)
                        )
                    await self._renew_on(conn, tell)
            except (*PASSING, trio.TooSlowError) as error:
                self._log.warning("lease renewal failed, will try again", error=f"{type(error).__name__}: {error}")
                self.steady_since_s = self.answered_since_s = trio.current_time()
                await on_doubt()
                await trio.sleep(self.lease_s / 20)

    async def _renew_on(self, conn: asyncpg_trio.Connection, tell: Callable[[], tuple[int, int]]) -> None:
        while True:
            sent_s = trio.current_time()
            with trio.move_on_after(self.lease_s / 3) as limit:
                kept = await conn.fetchval(sql("renew_lease"), self.node_id, self.lease_s, *tell())
            if limit.cancelled_caught:
                raise pg.InterfaceError("the database did not answer the lease renewal in time")
            if not kept:
                self._log.error("the lease was taken by another node; stopping the attempts of this one")
                self.scope.cancel(reason="lease lost")
                return
            self.scope.deadline = sent_s + self.lease_s
            if trio.current_time() > sent_s + self.lease_s / 6:
                self.steady_since_s = trio.current_time()  # others may have waited in vain for theirs
            await trio.sleep(self.lease_s / 3)


async def release_strays(pool: asyncpg_trio.Pool, node_id: UUID, strays: Collection[UUID], log: LogLines) -> None:
    """Put back jobs that a node holds without knowing: a claim was committed and its acknowledgement lost."""
    for row in await pool.fetch(sql("release_jobs"), node_id, "claim not acknowledged", list(strays)):
        log.warning("stray job released", job_id=str(row["id"]), provider=row["provider_slug"])


async def release_jobs(pool: asyncpg_trio.Pool, node_id: UUID, reason: str, log: LogLines) -> int:
    """Put back what a node had in hand and strike its row; returns how many jobs. Safe to repeat."""

    async def release() -> int:
        async with pool.acquire() as conn, conn.transaction():
            await conn.execute(sql("leave_node"), node_id)  # first: it waits for a claim that is being committed
            rows = await conn.fetch(sql("release_jobs"), node_id, reason, None)
        for row in rows:
            log.info("job released", job_id=str(row["id"]), provider=row["provider_slug"], reason=reason)
        return len(rows)

    return await outlast("release jobs", release, log)
