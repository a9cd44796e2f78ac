"""One watched tenant: where its feed stands, who reads it, and what they can share. Plain values."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol
from uuid import UUID

import trio

from drena.feed.conflate import delta_frame, row
from drena.feed.frames import text_frame

if TYPE_CHECKING:
    from collections.abc import Mapping

    from drena.store.feed import News, Position

ROW_BYTES_KEPT: Final = 4 * 1024 * 1024
"""A snapshot larger than this is not kept for the next reader."""


class Delta:
    """News of one tenant, encoded at most once however many read it."""

    __slots__ = ("_frame", "epoch", "first", "last", "rows", "tenant")

    def __init__(self, tenant: UUID, epoch: UUID, first: int, last: int, rows: Mapping[str, bytes]) -> None:
        self.tenant = tenant
        self.epoch = epoch
        self.first = first
        self.last = last
        self.rows = rows
        self._frame: bytes | None = None

    @property
    def frame(self) -> bytes:
        """As it goes over the wire."""
        if self._frame is None:
            self._frame = text_frame(self.payload)
        return self._frame

    @property
    def payload(self) -> bytes:
        """As JSON."""
        return delta_frame(self.tenant, self.epoch, self.first, self.last, self.rows)


def delta_of(tenant: UUID, since: Position, news: News) -> Delta | None:
    """News as a delta; None when the log does not tell everything since then. Pure."""
    if news.epoch != since.epoch or news.upto < since.offset or news.told != news.upto - since.offset:
        return None
    rows = {change.key: row(change.key, change.version, change.value) for change in news.changes}
    return Delta(tenant, news.epoch, since.offset + 1, news.upto, rows)


class Reader(Protocol):
    """Somebody who is told what happens: an outbox, or who polls. None of these may wait."""

    def publish(self, delta: Delta, /) -> None:
        """News."""

    def report(self, tenant: UUID, job: UUID, frame: bytes, /) -> None:
        """Progress of a job, as a frame on the wire."""

    def restart(self, tenant: UUID, /) -> None:
        """The feed cannot be followed from where it was: a snapshot is needed."""


@dataclass(slots=True)
class Frames:
    """A snapshot, encoded."""

    position: Position
    frames: list[bytes]
    read_at_s: float

    def serves(self, position: Position | None, not_before_s: float) -> bool:
        """Whether a new reader may have it: nothing was published since, and it is young."""
        return self.position == position and self.read_at_s >= not_before_s


@dataclass(slots=True)
class Channel:
    """A tenant that somebody reads."""

    tenant: UUID
    position: Position | None = None
    """Up to where it was published; None until it was read for the first time."""
    readers: dict[Reader, None] = field(default_factory=dict)
    kept: Frames | None = None
    lock: trio.Lock = field(default_factory=trio.Lock)
    """Whoever reads the snapshot; the others wait for his."""
    runs: bool = False
    """A job of it may be running."""
    progress: dict[UUID, tuple[int, bytes]] = field(default_factory=dict)
    """The newest progress of its running jobs, by version, as frames on the wire."""
