"""Progress and log lines of running attempts, written for all of them together, at most four times a second.

Progress is latest-value: a newer one replaces the older before it is written (merge). Log lines keep their order and
are bounded: beyond `LINES_LIMIT` waiting lines the newest are dropped and the loss is told in a line of its own
(drop). Neither ever makes an attempt wait. Both are fenced by the lease token (I2).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

import msgspec
import trio

from asyncpg_trio import exceptions as pg
from drena.engine.outages import outlast
from drena.store.plain import plain_json, plain_text
from drena.store.queries import sql

if TYPE_CHECKING:
    from collections.abc import Mapping

    from asyncpg_trio import Pool
    from drena.engine.refusals import Refusals
    from drena.log import LogLines
    from drena.store.jobs import Claim

INTERVAL_S: Final = 0.25
LINES_LIMIT: Final = 10_000
MESSAGE_LIMIT: Final = 10_000
FIELDS_LIMIT: Final = 64 * 1024


class ProgressDetail(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`integration_jobs.progress_detail`."""

    done: int
    total: int | None = None
    unit: str = ""
    phase: str = ""
    message: str = ""
    eta_s: float | None = None
    """Seconds left at the mean rate so far; absent when the total is not known."""
    rate_per_s: float | None = None
    words: dict[str, dict[str, str]] = {}
    """The unit and the phase in both languages, as far as the provider says them."""


def measure(done: int, total: int | None, *, since_done: int, elapsed_s: float) -> tuple[float | None, float | None]:
    """Rate and seconds left. Pure.

    Args:
        done: units done now.
        total: units in all, None when not known.
        since_done: units done when the measurement began (a resumed attempt begins above zero).
        elapsed_s: seconds since then.
    """
    if elapsed_s <= 0 or done <= since_done:
        return None, None
    rate = (done - since_done) / elapsed_s
    eta_s = None if total is None else max(total - done, 0) / rate
    return round(rate, 2), None if eta_s is None else round(eta_s, 1)


def percent(done: int, total: int | None) -> int:
    """Whole per cent for `integration_jobs.progress`; never 100 before the job has ended. Pure."""
    if not total:
        return 0
    return max(0, min(99, done * 100 // total))


def _rows(status: str) -> int:
    """How many rows a statement touched, from its command tag: `UPDATE 3`, `INSERT 0 3`."""
    return int(status.rpartition(" ")[2])


class Reporter:
    """Collects reports of attempts and writes them in the background."""

    def __init__(self, pool: Pool, refusals: Refusals, log: LogLines) -> None:
        self._pool = pool
        self._refusals = refusals
        self._log = log
        self._progress: dict[UUID, tuple[int, int, str]] = {}
        self._lines: list[tuple[UUID, int, int, str, str, str]] = []
        self._dropped = 0
        self._dirty = trio.Event()
        self._writing = trio.Lock()

    def progress(self, claim: Claim, detail: ProgressDetail) -> None:
        """Replace the job's progress."""
        self._progress[claim.job.id] = (claim.token, percent(detail.done, detail.total), plain_json(detail))
        self._dirty.set()

    def line(self, claim: Claim, level: str, message: str, fields: Mapping[str, Any]) -> None:
        """Add a line to the job's log."""
        if len(self._lines) >= LINES_LIMIT:
            self._dropped += 1
            return
        text, values = plain_text(message)[:MESSAGE_LIMIT], plain_json(fields)
        if len(values) > FIELDS_LIMIT:
            values = plain_json({"fields_left_out": sorted(map(str, fields))[:20], "size": len(values)})
        self._lines.append((claim.job.id, claim.token, claim.job.attempt, level, text, values))
        self._dirty.set()

    async def run(self) -> None:
        """Write what has gathered, until cancelled."""
        while True:
            await self._dirty.wait()
            self._dirty = trio.Event()  # here alone: replaced elsewhere, this task would wait for the old one for ever
            await self.flush()
            await trio.sleep(INTERVAL_S)

    async def flush(self) -> None:
        """Write everything gathered so far; on return it is in the database. Cancelled, some of it may be lost."""
        if not (self._progress or self._lines or self._writing.locked()):
            return  # as after every attempt that told nothing
        async with self._writing:
            await self._write_progress()
            await self._write_lines()

    async def _write_progress(self) -> None:
        progress, self._progress = self._progress, {}
        if not progress:
            return
        tokens, percents, details = zip(*progress.values(), strict=True)
        arguments = (list(progress), list(tokens), list(percents), list(details))
        self._refusals.add("progress", len(progress) - await self._write("write_progress", *arguments))

    async def _write_lines(self) -> None:
        lines, self._lines = self._lines, []
        if not lines:
            return
        arguments = [list(column) for column in zip(*lines, strict=True)]
        self._refusals.add("log line", len(lines) - await self._write("write_job_logs", *arguments))
        if self._dropped:
            self._log.warning(
                "log lines of jobs were dropped: a provider writes faster than they can be kept", lines=self._dropped
            )
            self._dropped = 0

    async def _write(self, statement: str, *arguments: object) -> int:
        """How many rows were written. What the database refuses is lost, and told: nobody waits for a report."""
        try:
            return _rows(
                await outlast(
                    statement, lambda: self._pool.execute(sql(statement), *arguments), self._log, only_passing=True
                )
            )
        except pg.PostgresError as error:
            self._log.error("the database refuses reports of attempts", statement=statement, error=str(error))
            return 0
