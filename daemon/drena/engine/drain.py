"""A tenant's drain loop: there is one while the tenant has work in hand, and none when it is drained.

The dispatcher hands it claimed jobs; it runs each as a task of its own nursery. It never asks for more work itself: a
finished attempt frees room, and the dispatcher's next claim, which sees all tenants at once, decides who gets it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import trio

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from uuid import UUID

    from drena.store.jobs import Claim


class TenantDrain:
    """Runs one tenant's claimed jobs until none is left.

    Args:
        tenant_id: whose.
        run_attempt: runs one job to its verdict; never raises but for cancellation.
        on_free: told, without waiting, whenever an attempt has ended.
    """

    def __init__(
        self, tenant_id: UUID, run_attempt: Callable[[Claim], Awaitable[None]], on_free: Callable[[Claim], None]
    ) -> None:
        self.tenant_id = tenant_id
        self.running = 0
        self.drained = False
        self._run_attempt = run_attempt
        self._on_free = on_free
        self._handed: list[Claim] = []
        self._changed = trio.Event()

    def hand(self, claim: Claim) -> None:
        """Give it a claimed job. Not after `drained`, which turns true without an await in between."""
        assert not self.drained
        self.running += 1
        self._handed.append(claim)
        self._changed.set()

    async def run(self) -> None:
        """Run what is handed over; return when nothing runs and nothing waits."""
        async with trio.open_nursery() as attempts:
            while self.running:
                self._changed = trio.Event()
                for claim in self._handed:
                    attempts.start_soon(self._one, claim, name=f"attempt {claim.job.provider_slug} {claim.job.id}")
                self._handed.clear()
                await self._changed.wait()
            self.drained = True

    async def _one(self, claim: Claim) -> None:
        try:
            await self._run_attempt(claim)
        finally:
            self.running -= 1
            self._changed.set()
            self._on_free(claim)
