"""What a node knows of itself anyway, connected to its metrics: read when somebody scrapes, never before."""

from __future__ import annotations

from typing import TYPE_CHECKING

import trio

if TYPE_CHECKING:
    from collections.abc import Callable

    from asyncpg_trio import Pool
    from drena.engine.dispatcher import Dispatcher
    from drena.engine.lease import Lease
    from drena.engine.refusals import Refusals
    from drena.metrics import Labels, Metrics
    from drena.outgoing import PaceBook


def connect_gauges(
    metrics: Metrics,
    *,
    pool: Pool,
    paces: PaceBook,
    refusals: Refusals,
    lease: Callable[[], Lease | None],
    dispatcher: Callable[[], Dispatcher | None],
    room: Callable[[], int],
) -> None:
    """Let the metrics read all this.

    Args:
        metrics: whose readings are connected.
        pool, paces, refusals: of this process.
        lease, dispatcher: of the present term; None between terms.
        room: `node.max_jobs`.
    """

    def lease_age() -> dict[Labels, float]:
        held = lease()
        if held is None:
            return {}
        return {(): trio.current_time() - (held.scope.deadline - held.lease_s)}

    def running() -> dict[Labels, float]:
        present = dispatcher()
        return {(): 0 if present is None else present.running}

    metrics.lease_held.read = lambda: {(): float(lease() is not None)}
    metrics.lease_age.read = lease_age
    metrics.lease_length.read = lambda: {} if (held := lease()) is None else {(): held.lease_s}
    metrics.running.read = running
    metrics.room.read = lambda: {(): room()}
    metrics.refused.read = lambda: {(kind.replace(" ", "_"),): refusals.of(kind) for kind in refusals.kinds}
    _connect_pool(metrics, pool)
    _connect_paces(metrics, paces)


def _connect_pool(metrics: Metrics, pool: Pool) -> None:
    metrics.pool.read = lambda: {("idle",): pool.statistics().idle, ("in_use",): pool.statistics().in_use}
    metrics.pool_size.read = lambda: {(): pool.statistics().max_size}
    metrics.pool_waiting.read = lambda: {(): pool.statistics().waiting}
    metrics.pool_opened.read = lambda: {(): pool.statistics().opened}
    metrics.pool_discarded.read = lambda: {(): pool.statistics().discarded}


def _connect_paces(metrics: Metrics, paces: PaceBook) -> None:
    def slowest() -> dict[Labels, float]:
        found: dict[Labels, float] = {}
        for _tenant, slug, pace in paces.paces():
            found[slug,] = min(found.get((slug,), pace.limit), pace.requests_per_minute)
        return found

    def slowed() -> dict[Labels, float]:
        found: dict[Labels, float] = {}
        for _tenant, slug, pace in paces.paces():
            found[slug,] = found.get((slug,), 0) + (pace.requests_per_minute < pace.limit)
        return found

    metrics.pace.read, metrics.slowed.read = slowest, slowed
