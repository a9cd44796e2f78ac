"""Takes back the jobs of nodes that died.

Invariants: a live node's job is never taken (I4), a dead node's runs again soon (I5). The statement takes the dead
node's row first, so a late renewal waits for it and then finds nothing, and two rescuers skip each other. And nobody
rescues before a full lease time of its own without a gap in its renewals (`Lease.rescues_from_s`), nor before the
database has been up for one: so long everybody else has, after an outage, to renew.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import trio

from drena.engine.outages import outlast
from drena.metrics import Metrics
from drena.store.queries import sql

if TYPE_CHECKING:
    from collections.abc import Callable

    from asyncpg_trio import Pool, Record
    from drena.engine.lease import Lease
    from drena.log import LogLines

MAX_RESCUES: Final = 3
"""A job whose node died so often under it kills its nodes: it ends as `error` with code `poison`."""


class Rescuer:
    """One node's rescuer for one term.

    Args:
        pool: where.
        lease: this node's; it tells since when its renewals had no gap.
        on_rescued: told, without waiting, that jobs became due.
        log: told of each job.
        metrics: counts them.
    """

    def __init__(
        self,
        pool: Pool,
        lease: Lease,
        on_rescued: Callable[[], None],
        log: LogLines,
        metrics: Metrics | None = None,
    ) -> None:
        self._pool = pool
        self._lease = lease
        self._on_rescued = on_rescued
        self._log = log
        self._metrics = metrics or Metrics()
        self._noticed = trio.Event()

    def notice(self) -> None:
        """Somebody saw a node whose lease has run out."""
        self._noticed.set()

    async def run(self) -> None:
        """Rescue whenever a dead node was noticed, until cancelled."""
        while True:
            await self._noticed.wait()
            if trio.current_time() < (from_s := self._lease.rescues_from_s):
                await trio.sleep_until(from_s)
                continue  # there may have been another gap meanwhile
            self._noticed = trio.Event()
            await outlast("rescue", self._rescue, self._log)

    async def _rescue(self) -> None:
        async with self._pool.acquire() as conn, conn.transaction():
            rows = await conn.fetch(sql("rescue_jobs"), self._lease.node_id, self._lease.lease_s, MAX_RESCUES)
        for row in rows:
            self._tell(row)
        if rows:
            self._on_rescued()

    def _tell(self, row: Record) -> None:
        self._metrics.rescued.add(row["code"])
        self._log.warning(
            "job rescued",
            job_id=str(row["id"]),
            provider=row["provider_slug"],
            status=row["status"],
            rescues=row["rescues"],
            code=row["code"],
        )
