"""What one connection is still to be told. Nothing here waits.

The hub hands every reader of a tenant the same frame. Whoever can take it gets it at once; for whoever cannot, deltas
are merged per job until his wire is free again (merge), answers wait in their order (they are bounded: a client's next
request is read when its last answer is out), progress keeps its latest value (replace). A reader so far behind that
even that grows too large gets a fresh snapshot instead.

A tenant can be held back: while its snapshot is being read and sent, what happens meanwhile gathers and follows it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from uuid import UUID

from drena.feed.conflate import Pending
from drena.feed.frames import text_frame

if TYPE_CHECKING:
    from collections.abc import Callable

    from drena.feed.channel import Delta
    from drena.feed.wire import Wire

ROWS_LIMIT: Final = 5_000
"""Of one tenant; beyond that a snapshot is less."""


class Outbox:
    """See the module.

    Args:
        wire: where it goes.
        overflow: called with a tenant whose backlog was thrown away; a snapshot must follow.
    """

    __slots__ = ("_answers", "_behind", "_held", "_overflow", "_progress", "_quick", "wire")

    def __init__(self, wire: Wire, overflow: Callable[[UUID], None]) -> None:
        self.wire = wire
        wire.on_free = self.flush
        self._overflow = overflow
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
        self._overflow(tenant)

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

    @property
    def has_answers(self) -> bool:
        """Whether answers are waiting for the wire."""
        return bool(self._answers)

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

    def _next(self) -> UUID | None:
        """A tenant that has news and is not held."""
        return next((tenant for tenant in self._behind if tenant not in self._held), None)
