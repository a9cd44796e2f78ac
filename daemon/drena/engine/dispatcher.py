"""The dispatcher: claims due jobs for all tenants at once and hands them to the tenants' drain loops.

It wakes when somebody asked for a job (NOTIFY), when an attempt ended and left room, and when the next waiting job is
due; a jittered poll is the net under all three (I6). None of them carries information: whatever wakes it, it asks the
database.

    wake ─┐
    room ─┼─> claim (one statement, all tenants) ─> hand to drain loops ─> look ahead ─> sleep
    due  ─┘        └── again while it brings jobs and there is room
"""

from __future__ import annotations

import math
import random
from collections import Counter
from functools import partial
from typing import TYPE_CHECKING, Final

import msgspec
import trio

from drena.engine.drain import TenantDrain
from drena.engine.lease import release_strays
from drena.engine.outages import outlast
from drena.metrics import Metrics
from drena.store.jobs import NOWHERE, claim_jobs, look_ahead

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime
    from uuid import UUID

    from asyncpg_trio import Pool
    from drena.engine.attempt import Attempts
    from drena.log import LogLines
    from drena.store.jobs import Claim, Claims


SHORT_WALK: Final = 50
"""Lane groups a claim looks at even for little room: a group may be paused, at its cap or not due yet."""


LOOK_LIMIT_S: Final = 0.25
"""Under load claims follow each other without a look ahead, but not for longer than this: it sees cancellations."""


class DispatchLimits(msgspec.Struct, frozen=True, kw_only=True):
    """How much may run at once, and how often to look."""

    node_jobs: int
    """`node.max_jobs`"""
    tenant_jobs: int
    """`tenant.max_jobs`"""
    provider_jobs: Mapping[str, int]
    """`providers.SLUG.max_jobs` of every provider this node offers; other providers' jobs are left to other nodes
    (I10)."""
    poll_s: float
    """`poll.poll_s`"""


class Dispatcher:
    """One node's dispatcher for one term of its lease."""

    def __init__(
        self,
        pool: Pool,
        node_id: UUID,
        limits: DispatchLimits,
        attempts: Attempts,
        on_dead_node: Callable[[], None],
        log: LogLines,
        metrics: Metrics | None = None,
    ) -> None:
        self._pool = pool
        self._node_id = node_id
        self._limits = limits
        self._attempts = attempts
        self._on_dead_node = on_dead_node
        self._log = log
        self._metrics = metrics or Metrics()
        self._woken = trio.Event()
        self._turned = trio.Event()
        self._drains: dict[UUID, TenantDrain] = {}
        self._by_provider = dict.fromkeys(limits.provider_jobs, 0)
        self._in_hand: Counter[UUID] = Counter()  # a job may be here twice, when its last provider does not end
        self.ended = trio.Event()
        """Every attempt has ended."""
        self._start = NOWHERE
        self._looked_s = -math.inf
        self._claimed_at: datetime | None = None
        """When this round claimed over all tenants, by the database's clock; None when there was no room."""
        self._closing = False

    def limit(self, limits: DispatchLimits) -> None:
        """Take other limits from the next claim on; attempts in hand go on."""
        self._limits = limits
        self.wake()

    @property
    def running(self) -> int:
        """Attempts in hand."""
        return sum(drain.running for drain in self._drains.values())

    def wake(self) -> None:
        """Something may have become due, or room became free."""
        self._woken.set()

    async def wait_turn(self) -> None:
        """Wait until it has gone round: claimed if there was room, and had an answer to its look ahead."""
        self.wake()
        await self._turned.wait()

    def close(self) -> None:
        """Claim nothing more; `run` returns when the attempts in hand have ended."""
        self._closing = True
        self._woken.set()

    async def run(self) -> None:
        """Claim and drain until closed. Cancelled, it takes its attempts with it; their jobs stay `running`."""
        try:
            async with trio.open_nursery() as drains:
                while not self._closing or self.running:
                    self._woken = trio.Event()
                    await self._claim_all(drains)
                    await self._wait_for_work()
        finally:
            self.ended.set()

    async def _claim_all(self, drains: trio.Nursery) -> None:
        """Claim while there is room and something to claim."""
        self._claimed_at = None
        while not self._closing and (room := self._limits.node_jobs - self.running) > 0:
            claims = await outlast("claim jobs", lambda room=room: self._claim(room), self._log)  # type: ignore[misc]
            for claim in claims.jobs:
                self._hand(claim, drains)
            if self._start == NOWHERE:
                self._claimed_at = claims.at
            wrapped = self._start != NOWHERE and claims.walk_on_from is None
            self._start = claims.walk_on_from or NOWHERE
            if not claims.jobs and not self._start.int and not wrapped:
                return

    async def _claim(self, room: int) -> Claims:
        began_s = trio.current_time()
        claims = await claim_jobs(
            self._pool,
            node=self._node_id,
            providers={slug: cap - self._by_provider[slug] for slug, cap in self._limits.provider_jobs.items()},
            room=room,
            tenant_cap=self._limits.tenant_jobs,
            walk=max(room, SHORT_WALK),
            start=self._start,
        )
        self._metrics.claim_time.observe(trio.current_time() - began_s)
        if claims.jobs:
            self._metrics.claimed.add(by=len(claims.jobs))
        return claims

    def _hand(self, claim: Claim, drains: trio.Nursery) -> None:
        drain = self._drains.get(claim.job.tenant_id)
        if drain is None or drain.drained:
            drain = TenantDrain(claim.job.tenant_id, self._attempts.run, self._freed)
            self._drains[drain.tenant_id] = drain
            drains.start_soon(
                self._drain, drain, name=f"drain {claim.tenant.slug if claim.tenant else drain.tenant_id}"
            )
        self._by_provider[claim.job.provider_slug] += 1
        self._in_hand[claim.job.id] += 1
        drain.hand(claim)

    def _freed(self, claim: Claim) -> None:
        self._by_provider[claim.job.provider_slug] -= 1
        self._in_hand[claim.job.id] -= 1
        if not self._in_hand[claim.job.id]:
            del self._in_hand[claim.job.id]
        self.wake()

    async def _drain(self, drain: TenantDrain) -> None:
        await drain.run()
        if self._drains.get(drain.tenant_id) is drain:
            del self._drains[drain.tenant_id]

    async def _wait_for_work(self) -> None:
        """Sleep until woken, or until a look says that a job is due; one cheap query a poll while nothing happens."""
        if self._woken.is_set() and trio.current_time() < self._looked_s + LOOK_LIMIT_S:
            return
        slept = False
        while not self._closing or self.running:
            self._looked_s = trio.current_time()
            look = partial(look_ahead, self._pool, self._node_id, self._in_hand, self._claimed_at)
            ahead = await outlast("look ahead", look, self._log)
            self._turned.set()
            self._turned = trio.Event()
            for job_id in ahead.cancels:
                self._attempts.cancel(job_id)
            if ahead.dead_nodes:
                self._on_dead_node()
            if ahead.strays:
                await self._release(ahead.strays)
            if self._woken.is_set() or ahead.missed or (ahead.due and slept):
                return
            poll_s = self._limits.poll_s * random.uniform(0.75, 1.0)  # noqa: S311  # jitter, not a secret
            with trio.move_on_after(poll_s if ahead.next_s is None else min(poll_s, max(ahead.next_s, 0.001))):
                await self._woken.wait()
            slept = True

    async def _release(self, strays: Sequence[UUID]) -> None:
        release = partial(release_strays, self._pool, self._node_id, strays, self._log)
        await outlast("release strays", release, self._log)
