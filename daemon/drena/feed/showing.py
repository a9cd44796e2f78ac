"""What one client is shown of each tenant: how a feed begins for him, and how it begins again.

A tenant is held back in the outbox until its snapshot, or what the client has missed, has been said; what happens
meanwhile follows it. When the feed has to begin again (the client asks for it, he was too slow and what gathered was
thrown away, the feed jumped), a new snapshot is read once he has taken what was sent: so that of each tenant one is
on its way at most. Two ends are decided here:

* Who is overtaken again and again, before he could take one snapshot, is too slow (4102): no further one would help.
* When telling him fails, by a mistake of ours, nobody knows what he has seen: his feed must begin again (4201), on
  another connection, which resumes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from uuid import UUID

import trio

from drena.feed.entry import AUTH_S
from drena.feed.farewell import AWAY, Farewell, away
from drena.feed.outbox import Outbox
from drena.feed.protocol import Code

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from drena.feed import protocol
    from drena.feed.errands import Errands
    from drena.feed.hub import Hub
    from drena.feed.wire import Wire
    from drena.store.feed import Position

OVERTAKEN: Final = 3
"""Times that a client's backlog may be thrown away in a row."""
SLOW_MS: Final = 5_000


class Showing:
    """See the module.

    Args:
        hub: where the feeds are.
        wire: where they go.
        errands: what is read beside the client's messages.
        end: ends the session.
    """

    __slots__ = ("_end", "_errands", "_hub", "_stale", "outbox", "tenants")

    def __init__(self, hub: Hub, wire: Wire, errands: Errands, end: Callable[[Farewell], None]) -> None:
        self._hub = hub
        self._errands = errands
        self._end = end
        self.outbox = Outbox(wire, self)
        self.tenants: dict[UUID, protocol.Tenant] = {}
        self._stale: set[UUID] = set()

    def show(self, tenants: Collection[UUID], resume: dict[UUID, Position]) -> None:
        """Have the feeds of these of `tenants` begin, in the background."""
        for tenant in tenants:
            self.outbox.hold(tenant)
        self._errands.start_soon(self._begin, list(tenants), resume)

    def drop(self, tenants: list[UUID]) -> None:
        """Tell him nothing more of these."""
        self._hub.leave(tenants, self.outbox)
        for tenant in tenants:
            del self.tenants[tenant]
            self.outbox.forget(tenant)

    def leave(self) -> None:
        """Tell him nothing more at all; whoever is still at work for one of his tenants sees that it is over."""
        self._hub.leave(self.tenants, self.outbox)
        self.tenants = {}

    def start_again(self, tenant: UUID) -> None:
        """For the outbox: what gathered of a tenant was thrown away."""
        if self.outbox.overflows >= OVERTAKEN:
            self.outbox.clear()
            self._end(Farewell(Code.SLOW, "too slow for so many changes", SLOW_MS))
            return
        begun = tenant not in self._stale
        self._stale.add(tenant)
        if begun and tenant in self.tenants:
            self._errands.start_soon(self._again, tenant)

    def fail(self) -> None:
        """For the hub: telling him failed."""
        self.outbox.clear()
        self._end(Farewell(Code.RESYNC, "the feed must begin again", 0))

    async def _begin(self, tenants: list[UUID], resume: dict[UUID, Position]) -> None:
        if not self.tenants:
            return
        try:
            with trio.fail_after(AUTH_S):
                await self._hub.join(tenants, self.outbox)
            for tenant in tenants:
                if tenant not in self.tenants:
                    continue
                await self.outbox.wait_answered()
                if not await self._catch_up(tenant, resume.get(tenant)):
                    await self._picture(tenant)
        except AWAY as error:
            self._end(away(error))
        if self.outbox.wire.lost or any(tenant not in self.tenants for tenant in tenants):
            self._hub.leave([tenant for tenant in tenants if tenant not in self.tenants], self.outbox)

    async def _catch_up(self, tenant: UUID, since: Position | None) -> bool:
        delta = None if since is None else await self._hub.missed(tenant, since)
        known = delta is not None and tenant not in self._stale and tenant in self.tenants
        self._hub.resumes["new" if since is None else "delta" if known else "snapshot"] += 1
        if delta is None or not known:
            return False
        self.outbox.say(delta.payload)
        self.outbox.release(tenant, delta.epoch, delta.last)
        return True

    async def _picture(self, tenant: UUID) -> None:
        """Say a snapshot, and what came after it."""
        while tenant in self.tenants and not self.outbox.wire.lost:
            self._stale.discard(tenant)
            found = await self._hub.snapshot(tenant)
            if tenant in self._stale or tenant not in self.tenants:
                continue  # the feed jumped meanwhile, or it is not his any more
            self.outbox.say_frames(found.frames)
            self.outbox.release(tenant, *found.position)
            for job, frame in self._hub.progress(tenant):
                self.outbox.report(tenant, job, frame)
            return

    async def _again(self, tenant: UUID) -> None:
        try:
            await self.outbox.wait_answered()
            await self._picture(tenant)
        except AWAY as error:
            self._end(away(error))
