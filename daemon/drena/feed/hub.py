"""Reads the log once for all who watch, and hands every reader of a tenant the same frame.

What is guaranteed:

* One reading a wake, however many tenants are watched and however many read them; wakes that come during a reading are
  one more. While nobody reads, nothing is read, and writers do not even notify (`drena.feed_watch`).
* No gap between snapshot and live: a reader is registered, then the snapshot is read; whatever is published in between
  gathers in his outbox and is dropped or sent by its offsets.
* A notification carries nothing, so a lost one costs time and no change: `feed.poll_s` finds it. That is all there is
  where LISTEN is not to be had.
* A database that was put back from a backup is noticed before anything is told of it: see `migrations/0026`. So is one
  that somebody has seen further ahead than it is.
* While the database is away nobody is told anything wrong: no heartbeat is sent, and what was missed is read when it is
  back, or a snapshot where the log does not reach so far.
"""

from __future__ import annotations

import random
from collections import Counter
from functools import partial
from typing import TYPE_CHECKING, Final
from uuid import UUID, uuid4

import trio

from drena.engine.outages import outlast
from drena.feed.channel import Channel, Delta, Frames, delta_of, was_put_back
from drena.feed.conflate import progress_frame, snapshot_frames
from drena.feed.frames import text_frame
from drena.feed.source import Source
from drena.store.feed import (
    Position,
    read_news,
    read_positions,
    tell_not_watching,
    tell_watching,
)
from drena.store.web import ping

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from asyncpg_trio import Pool
    from drena.feed.channel import Reader
    from drena.log import LogLines
    from drena.store.feed import News, Progress

CHANNEL: Final = "drena_feed"
"""Notified at the commit of every change, while some node has readers."""
PROGRESS_EVERY_S: Final = 0.25
WATCH_S: Final = 30.0
CHANGES_LIMIT: Final = 1_000
"""Changes of a tenant that one reading takes; the rest follows at once."""
BACKLOG_LIMIT: Final = 5_000
"""A reader further behind gets a snapshot."""
PART_JOBS: Final = 400
SNAPSHOTS_AT_ONCE: Final = 2
RENEW_S: Final = 60.0
"""A client who has seen more than there is may be lying: his word begins a new epoch no more often than this."""
FRESH_S: Final = 1.0
"""How old a snapshot may be that another reader has asked for."""
BREATH: Final = 128
"""Readers that are told in one go before others in this process get their turn."""


class Hub:
    """See the module.

    Args:
        pool: where the log is.
        log: told of outages.
        poll_s: how often to look when nobody notifies.
    """

    def __init__(self, pool: Pool, log: LogLines, *, poll_s: float) -> None:
        self._pool = pool
        self._log = log
        self.source = Source(pool, log)
        """The log."""
        self._poll_s = poll_s
        self.node = uuid4()
        """What this hub is called, to clients and in `drena.feed_watch`; another at each start."""
        self._channels: dict[UUID, Channel] = {}
        self._dirty = trio.Event()
        self._watched = trio.Event()
        self._runs = trio.Event()
        self._snapshots = trio.CapacityLimiter(SNAPSHOTS_AT_ONCE)
        self._read_at_s = trio.current_time()
        self._reading = False
        self._asked_s = 0.0
        """How long the last reading took the database."""
        self.readings = 0
        self.resumes: Counter[str] = Counter()
        """How feeds of a tenant began: `new`, `delta` (nothing was missed), `snapshot` (the position was lost)."""
        self.deliveries = 0

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Serve readers until cancelled."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._follow, name="feed log")
            nursery.start_soon(self._follow_progress, name="feed progress")
            nursery.start_soon(self._tell_writers, name="feed watch")
            task_status.started()

    def wake(self) -> None:
        """Somebody changed something, or may have. Never waits."""
        self._dirty.set()

    @property
    def silence_s(self) -> float:
        """For how long the log could not be read; 0 when all is well, or when nobody watched before it was so. It goes
        on when those who watched have been sent away, until the log is read again."""
        if not (self._channels or self._reading):
            return 0.0
        return max(trio.current_time() - self._read_at_s - 2 * self._poll_s, 0.0)

    @property
    def watched(self) -> int:
        """Tenants that somebody reads."""
        return len(self._channels)

    async def join(self, tenants: Collection[UUID], reader: Reader) -> None:
        """Publish to this reader from here on; what he has missed before is read by `snapshot` or `missed`.

        Cancelled or failed, he may have joined some: let him leave.

        Raises:
            PostgresError, OSError: the database is away.
        """
        for tenant in tenants:
            channel = self._channels.get(tenant)
            if channel is None:
                channel = self._channels[tenant] = Channel(tenant)
            channel.readers[reader] = None
        if not self._watched.is_set():
            if not self._reading:
                self._read_at_s = trio.current_time()
            self._watched.set()
        unread = {tenant: channel for tenant in tenants if (channel := self._channels[tenant]).position is None}
        if unread:  # whoever else joins meanwhile asks as well; the first answer counts, and all behind it is published
            for tenant, position in (await self.source.read(read_positions, unread)).items():
                if unread[tenant].position is None:
                    unread[tenant].position = position
            self._read_at_s = trio.current_time()  # whoever comes after an outage may be the first to read
            self._dirty.set()

    def leave(self, tenants: Iterable[UUID], reader: Reader) -> None:
        """Publish to him no more."""
        for tenant in tenants:
            channel = self._channels.get(tenant)
            if channel is None:
                continue
            channel.readers.pop(reader, None)
            if not channel.readers:
                del self._channels[tenant]
        if not self._channels and self._watched.is_set():
            self._watched = trio.Event()
            self._dirty.set()

    def offsets(self, tenants: Iterable[UUID]) -> dict[UUID, int]:
        """Where these feeds stand, as far as was published."""
        return {t: c.position.offset for t in tenants if (c := self._channels.get(t)) and c.position is not None}

    def progress(self, tenant: UUID) -> list[tuple[UUID, bytes]]:
        """The newest progress of a tenant's running jobs, as frames on the wire."""
        channel = self._channels.get(tenant)
        return [] if channel is None else [(job, frame) for job, (_, frame) in channel.progress.items()]

    async def snapshot(self, tenant: UUID) -> Frames:
        """A snapshot of a tenant that the caller has joined, shared by all who ask at the same time.

        Raises:
            PostgresError, OSError: the database is away.
        """
        channel = self._channels.get(tenant) or Channel(tenant)
        async with channel.lock:
            kept = channel.kept
            if kept is not None and kept.serves(channel.position, trio.current_time() - FRESH_S):
                return kept
            async with self._snapshots:
                asked_s = trio.current_time()
                picture = await self.source.picture(tenant)
            parts = snapshot_frames(tenant, *picture.position, picture.jobs, picture.integrations, part_size=PART_JOBS)
            frames = [text_frame(part) for part in parts]
            channel.kept = Frames(picture.position, frames, asked_s)
        if picture.running:
            self._mark_running(channel)
        return channel.kept

    async def missed(self, tenant: UUID, since: Position) -> Delta | None:
        """What changed behind a position that a client remembers, perhaps nothing; None when only a snapshot helps.

        Raises:
            PostgresError, OSError: the database is away.
        """
        news = (await self.source.read(read_news, {tenant: since}, BACKLOG_LIMIT)).get(tenant)
        if news is None:
            return Delta(tenant, since.epoch, since.offset + 1, since.offset, {})
        channel = self._channels.get(tenant)
        if was_put_back(since, news) and channel is not None and trio.current_time() - channel.renewed_s > RENEW_S:
            channel.renewed_s = trio.current_time()
            await self._begin_again(channel, since)
        if news.head > news.upto:
            return None
        if channel is not None and any(change.running for change in news.changes):
            self._mark_running(channel)
        return delta_of(tenant, since, news)

    def watch_progress(self, tenant: UUID) -> None:
        """A job of this tenant runs: report its progress to who has joined."""
        self._mark_running(self._channels[tenant])

    async def _follow(self) -> None:
        while True:
            await self._watched.wait()
            with trio.move_on_after(self._poll_s * random.uniform(0.8, 1.0)):  # noqa: S311  # nodes apart, no secret
                await self._dirty.wait()
            self._dirty = trio.Event()
            began_s = trio.current_time()
            self._reading = True
            if await outlast("read the feed log", self._read_news, self._log):
                self._dirty.set()
            self._reading = False
            self._read_at_s = trio.current_time()
            # The database gets a pause as long as a reading; telling gives the engine its turn already, see BREATH.
            told_s = max(self._read_at_s - began_s - self._asked_s, 0.0)
            await trio.sleep(min(self._asked_s + told_s / 4, self._poll_s))

    async def _read_news(self) -> bool:
        """Publish what is new; whether there is more."""
        positions = {t: c.position for t, c in self._channels.items() if c.position is not None}
        if not positions:
            if self.silence_s:  # those who watched were sent away: is the log back?
                await ping(self._pool)
            return False
        self.readings += 1
        began_s = trio.current_time()
        found = await self.source.read(read_news, positions, CHANGES_LIMIT)
        self._asked_s = trio.current_time() - began_s
        for tenant, news in found.items():
            channel = self._channels.get(tenant)
            if channel is not None and channel.position == positions[tenant]:  # else all left, and others came
                await self._publish(channel, positions[tenant], news)
        return any(news.head > news.upto for news in found.values())

    async def _publish(self, channel: Channel, since: Position, news: News) -> None:
        """Tell every reader. Those who join while others are being told read what comes behind this."""
        if was_put_back(since, news):
            await self._begin_again(channel, since)  # the next reading finds another epoch
            return
        delta = None if news.head - news.upto > BACKLOG_LIMIT else delta_of(channel.tenant, since, news)
        readers = list(channel.readers)
        if delta is None:
            channel.position = Position(news.epoch, news.head)
            self._log.info("a feed cannot be followed, its readers start again", tenant_id=str(channel.tenant))
            self._tell(channel, readers, lambda reader: reader.restart(channel.tenant))
            return
        channel.position = Position(news.epoch, news.upto)
        if any(change.running for change in news.changes):
            self._mark_running(channel)
        self.deliveries += len(readers)
        for start in range(0, len(readers), BREATH):
            self._tell(channel, readers[start : start + BREATH], lambda reader: reader.publish(delta))
            if start + BREATH < len(readers):
                await trio.lowlevel.checkpoint()

    async def _begin_again(self, channel: Channel, seen: Position) -> None:
        await self.source.renew(channel.tenant, seen)
        channel.kept = None
        self._dirty.set()

    def _tell(self, channel: Channel, readers: Iterable[Reader], tell: Callable[[Reader], None]) -> None:
        """A mistake in telling one costs him his connection, and nobody else anything."""
        for reader in readers:
            try:
                if reader in channel.readers:  # he may have left while others were told
                    tell(reader)
            except Exception as error:  # noqa: BLE001  # whatever it is, it is this reader's alone
                self._log.error("a feed's reader could not be told", error=repr(error))
                reader.fail()

    def _mark_running(self, channel: Channel) -> None:
        channel.runs = True
        self._runs.set()

    async def _follow_progress(self) -> None:
        """Report the progress of watched running jobs; not a query while none runs."""
        while True:
            await self._runs.wait()
            await trio.sleep(PROGRESS_EVERY_S)
            tenants = [tenant for tenant, channel in self._channels.items() if channel.runs]
            if not tenants:
                self._runs = trio.Event()
                continue
            found = await outlast("read progress", partial(self.source.progress, tenants), self._log)
            by_tenant: dict[UUID, list[Progress]] = {tenant: [] for tenant in tenants}
            for progress in found:
                by_tenant[progress.tenant_id].append(progress)
            for tenant, jobs in by_tenant.items():
                if (channel := self._channels.get(tenant)) is not None:
                    self._report(channel, jobs)

    def _report(self, channel: Channel, jobs: list[Progress]) -> None:
        """Tell a tenant's readers what moved since the last look."""
        before, channel.progress = channel.progress, {}
        channel.runs = bool(jobs)
        for job in jobs:
            known = before.get(job.id)
            if known is not None and known[0] == job.version:
                channel.progress[job.id] = known
                continue
            frame = text_frame(progress_frame(*job))
            channel.progress[job.id] = (job.version, frame)
            if known is not None or job.progress or job.detail:  # a job that has just begun has nothing to tell
                self._tell(channel, list(channel.readers), partial(_report_to, channel.tenant, job.id, frame))

    async def _tell_writers(self) -> None:
        """Let writers notify while somebody reads here."""
        while True:
            await self._watched.wait()
            while self._channels:
                await outlast("watch the feed", partial(tell_watching, self._pool, self.node, WATCH_S), self._log)
                await trio.sleep(WATCH_S / 3)
            await outlast("unwatch the feed", partial(tell_not_watching, self._pool, self.node), self._log)


def _report_to(tenant: UUID, job: UUID, frame: bytes, reader: Reader) -> None:
    reader.report(tenant, job, frame)
