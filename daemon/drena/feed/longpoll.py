"""The feed for networks that block websockets: one frame an answer, which comes when there is something to tell.

Who polls is a reader like any other for as long as he waits, and is told what he has missed from the log: nothing is
kept for him between two answers, and any node can give the next one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import trio

from drena.feed.conflate import snapshot_frames
from drena.feed.polled import mark_of, with_progress
from drena.feed.source import ACTIVE_JOBS
from drena.store.feed import Position

if TYPE_CHECKING:
    from uuid import UUID

    from drena.feed.channel import Delta
    from drena.feed.hub import Hub

POLLED_PROGRESS_S: Final = 1.0
"""Progress alone answers a long poll no sooner than this."""


class Poller:
    """A reader who only needs to know that there is something."""

    def __init__(self) -> None:
        self.news = trio.Event()
        self.stir = trio.Event()
        """News, or progress."""

    def publish(self, _delta: Delta) -> None:
        self.fail()

    def report(self, _tenant: UUID, _job: UUID, _frame: bytes) -> None:
        self.stir.set()

    def restart(self, _tenant: UUID) -> None:
        self.fail()

    def fail(self) -> None:
        self.news.set()
        self.stir.set()


class LongPolls:
    """See the module.

    Args:
        hub: what happens, live.
    """

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    async def poll(
        self, tenant: UUID, epoch: UUID | None, offset: int | None, wait_s: float, mark: str | None = None
    ) -> bytes:
        """One frame as JSON, with the progress of what runs.

        Without a position, or with one that is not known any more, a snapshot at once; otherwise a delta, at the latest
        after `wait_s`, and then perhaps an empty one. With the `mark` of the frame before, progress ends the wait, too.

        Raises:
            PostgresError, OSError: the database is away.
        """
        reader, source = Poller(), self._hub.source
        try:
            await self._hub.join([tenant], reader)
            frame = None
            if epoch is not None and offset is not None:
                frame = await self._behind(tenant, Position(epoch, offset), wait_s, mark, reader)
            if frame is None:
                picture = await source.picture(tenant)
                (frame,) = snapshot_frames(
                    tenant, *picture.position, picture.jobs, picture.integrations, part_size=ACTIVE_JOBS * 1000
                )
            return with_progress(frame, await source.progress([tenant]))
        finally:
            self._hub.leave([tenant], reader)

    async def _behind(
        self, tenant: UUID, since: Position, wait_s: float, mark: str | None, reader: Poller
    ) -> bytes | None:
        delta = await self._hub.missed(tenant, since)
        if delta is not None and delta.last <= since.offset and wait_s > 0:
            with trio.move_on_after(wait_s):
                await (reader.news.wait() if mark is None else self._moved(tenant, mark, reader))
            delta = await self._hub.missed(tenant, since)
        return None if delta is None else delta.payload

    async def _moved(self, tenant: UUID, mark: str, reader: Poller) -> None:
        """Until there is news, or progress that is not what the client has seen; that only after a while, or a client
        that asks again at once would be answered four times a second."""
        with trio.move_on_after(POLLED_PROGRESS_S):
            await reader.news.wait()
        while not reader.news.is_set():
            reader.stir = trio.Event()
            running = await self._hub.source.progress([tenant])
            if mark_of(running) != mark:
                return
            if running:
                self._hub.watch_progress(tenant)
            await reader.stir.wait()
