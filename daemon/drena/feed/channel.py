"""One watched tenant: where its feed stands, who reads it, and what they can share. Plain values."""

from __future__ import annotations

import math
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

    __slots__ = ("_frame", "epoch", "first", "last", "rows", "tenant", "was")

    def __init__(
        self, tenant: UUID, epoch: UUID, first: int, last: int, rows: Mapping[str, bytes], *, was: UUID | None = None
    ) -> None:
        self.tenant = tenant
        self.epoch = epoch
        self.first = first
        self.last = last
        self.rows = rows
        self.was = was
        """The epoch before this one, when this delta leads from the one into the other."""
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
        return delta_frame(self.tenant, self.epoch, self.first, self.last, self.rows, was=self.was)


def delta_of(tenant: UUID, since: Position, news: News) -> Delta | None:
    """News as a delta; None when the log does not tell everything since then. Pure."""
    if not news.follows or news.upto < since.offset or news.told != news.upto - since.offset:
        return None
    rows = {change.key: row(change.key, change.version, change.value) for change in news.changes}
    was = None if news.epoch == since.epoch else since.epoch
    return Delta(tenant, news.epoch, since.offset + 1, news.upto, rows, was=was)


def was_put_back(since: Position, news: News) -> bool:
    """Whether somebody has seen this feed further ahead than it is, in the epoch it is in. Pure."""
    return news.epoch == since.epoch and news.head < since.offset


class Reader(Protocol):
    """Somebody who is told what happens: an outbox, or who polls. None of these may wait."""

    def publish(self, delta: Delta, /) -> None:
        """News."""

    def report(self, tenant: UUID, job: UUID, frame: bytes, /) -> None:
        """Progress of a job, as a frame on the wire."""

    def restart(self, tenant: UUID, /) -> None:
        """The feed cannot be followed from where it was: a snapshot is needed."""

    def fail(self) -> None:
        """One of these raised: what he has been told, nobody knows."""


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
    renewed_s: float = -math.inf
    """When its epoch was renewed because somebody said he had seen more."""
    runs: bool = False
    """A job of it may be running."""
    progress: dict[UUID, tuple[int, bytes]] = field(default_factory=dict)
    """The newest progress of its running jobs, by version, as frames on the wire."""
