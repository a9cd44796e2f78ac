"""What one connection is still to be told. Telling never waits.

The hub hands every reader of a tenant the same frame. Whoever can take it gets it at once; for whoever cannot, deltas
are merged per job until his wire is free again (merge), answers wait in their order (they are bounded: a client's next
request is read when its last answer is out), progress keeps its latest value (replace). A reader so far behind that
even that grows too large gets a fresh snapshot instead.

A tenant can be held back: while its snapshot is being read and sent, what happens meanwhile gathers and follows it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol
from uuid import UUID

from drena.feed.conflate import Pending
from drena.feed.frames import text_frame

if TYPE_CHECKING:
    from drena.feed.channel import Delta
    from drena.feed.wire import Wire

ROWS_LIMIT: Final = 5_000
"""Of one tenant; beyond that a snapshot is less."""


class Owner(Protocol):
    """Whose outbox it is. None of these may wait."""

    def start_again(self, tenant: UUID, /) -> None:
        """A tenant's backlog was thrown away; a snapshot must follow."""

    def fail(self) -> None:
        """News got lost on their way into the outbox."""


class Outbox:
    """See the module.

    Args:
        wire: where it goes.
        owner: told of what was thrown away.
    """

    __slots__ = ("_answers", "_behind", "_held", "_owner", "_progress", "_quick", "overflows", "wire")

    def __init__(self, wire: Wire, owner: Owner) -> None:
        self.wire = wire
        wire.on_free = self.flush
        self._owner = owner
        self.overflows = 0
        """How often more gathered than is kept, since the reader last had taken everything."""
        self._answers: list[bytes] = []  # a deque is as large as all the rest of a connection's own
        self._behind: dict[UUID, Pending] = {}
        self._held: set[UUID] = set()
        self._progress: dict[tuple[UUID, UUID], bytes] = {}
        self._quick = True
        """Nothing is waiting and nothing is held: the hub's frames go straight to the wire."""

    def publish(self, delta: Delta) -> None:
        """News from the hub."""
        wire = self.wire
        if wire.free and self._quick:
            wire.send_nowait(delta.frame)
            return
        pending = self._behind.get(delta.tenant)
        if pending is None:
            if delta.tenant not in self._held and not self._answers and wire.free:
                wire.send_nowait(delta.frame)
                return
            self._behind[delta.tenant] = pending = Pending(delta.was or delta.epoch, delta.first, delta.last)
        pending.merge(delta.epoch, delta.first, delta.last, delta.rows)
        self._quick = False
        if len(pending.rows) > ROWS_LIMIT:
            self.overflows += delta.tenant not in self._held  # while it is held, he is not the one who is slow
            self.restart(delta.tenant)

    def report(self, tenant: UUID, job: UUID, frame: bytes) -> None:
        """Progress from the hub, as a frame on the wire."""
        if self._quick and self.wire.free:
            self.wire.send_nowait(frame)
        else:
            self._progress[tenant, job] = frame
            self._quick = False

    def restart(self, tenant: UUID) -> None:
        """Throw away what gathered of a tenant; a snapshot follows."""
        self._behind.pop(tenant, None)
        self.hold(tenant)
        self._owner.start_again(tenant)

    def fail(self) -> None:
        """The hub could not tell him."""
        self._owner.fail()

    def say(self, frame: bytes) -> None:
        """An answer, or news of the connection itself."""
        self._answers.append(text_frame(frame))
        self.flush()

    def say_frames(self, frames: list[bytes]) -> None:
        """Answers that are encoded as frames on the wire already."""
        self._answers.extend(frames)
        self.flush()

    def hold(self, tenant: UUID) -> None:
        """Gather what happens to a tenant from here on."""
        self._held.add(tenant)
        self._quick = False

    def release(self, tenant: UUID, epoch: UUID, offset: int) -> None:
        """A snapshot up to this offset has been said: what gathered after it may follow."""
        self._held.discard(tenant)
        pending = self._behind.get(tenant)
        if pending is not None and (pending.last <= offset or epoch not in (pending.epoch, pending.was)):
            del self._behind[tenant]
        self.flush()

    def forget(self, tenant: UUID) -> None:
        """The reader is not told of this tenant any more."""
        self._held.discard(tenant)
        self._behind.pop(tenant, None)
        for key in [key for key in self._progress if key[0] == tenant]:
            del self._progress[key]
        self.flush()

    @property
    def waiting_rows(self) -> int:
        """Rows that are kept for this reader."""
        return sum(len(pending.rows) for pending in self._behind.values())

    async def wait_answered(self) -> None:
        """Until no answer waits for the wire any more, or none will ever go out.

        Raises:
            trio.BrokenResourceError: the reader is gone.
        """
        while self._answers and not (self.wire.lost or self.wire.closing):
            await self.wire.wait_send_all_might_not_block()

    def clear(self) -> None:
        """Forget all that has not gone out: the reader is sent away."""
        self._answers, self._behind, self._progress = [], {}, {}

    def flush(self) -> None:
        """Say what there is to say for as long as the wire takes it. Answers first: they are few and somebody waits."""
        wire = self.wire
        while wire.free:
            if self._answers:
                wire.send_nowait(self._answers.pop(0))
            elif (tenant := self._next()) is not None:
                wire.send_nowait(text_frame(self._behind.pop(tenant).encode(tenant)))
            elif (key := next((k for k in self._progress if k[0] not in self._held), None)) is not None:
                wire.send_nowait(self._progress.pop(key))
            else:
                break
        self._quick = not (self._answers or self._behind or self._held or self._progress)
        if self._quick and wire.free:
            self.overflows = 0

    def _next(self) -> UUID | None:
        """A tenant that has news and is not held."""
        return next((tenant for tenant in self._behind if tenant not in self._held), None)
