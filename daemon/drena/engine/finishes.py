"""The end of attempts, written in batches.

While one batch is being written, the verdicts that arrive form the next: a lone one is written at once, a flood costs
one statement per round trip. Every verdict carries its attempt's lease token; what a rescue or cancellation has
overtaken changes nothing and is counted in `refused` (I2).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec
import trio

from asyncpg_trio import exceptions as pg
from drena.engine.outages import outlast
from drena.metrics import Metrics
from drena.store.jobs import Finish, finish_attempts

if TYPE_CHECKING:
    from uuid import UUID

    from asyncpg_trio import Pool
    from drena.engine.refusals import Refusals
    from drena.log import LogLines

SMALLEST_BATCH: Final = 50
LARGEST_BATCH: Final = 500
"""A batch that the database refuses is written again job by job."""
REFUSED_MESSAGE: Final = "O banco de dados recusou o resultado deste processamento; veja o log do Drena."


def batch_size(node_jobs: int) -> int:
    """How many verdicts go into one statement at most, for a node that runs so many jobs at once: a third, so that one
    third is written while the room of the next is claimed and the jobs of the last run. Measured as `make bench-queue`
    does: with 100 tenants a node of 1,000 in thirds drained twice what one of 200 did in batches of 100."""
    return min(max(node_jobs // 3, SMALLEST_BATCH), LARGEST_BATCH)


class _Waiting:
    __slots__ = ("accepted", "finish", "written")

    def __init__(self, finish: Finish) -> None:
        self.finish = finish
        self.accepted = False
        self.written = trio.Event()


class Finisher:
    """Takes verdicts from attempts and writes them; bounded by the number of running attempts, each of which waits."""

    def __init__(
        self,
        pool: Pool,
        refusals: Refusals,
        log: LogLines,
        metrics: Metrics | None = None,
        *,
        batch: int = SMALLEST_BATCH,
    ) -> None:
        self.batch = batch
        """See `batch_size`; may be changed at any time."""
        self._pool = pool
        self._log = log
        self._queue: list[_Waiting] = []
        self._arrived = trio.Event()
        self._refusals = refusals
        self._metrics = metrics or Metrics()

    async def finish(self, finish: Finish) -> bool:
        """Write one verdict and say whether the job was still the attempt's. Cancelled, it may or may not be
        written."""
        waiting = _Waiting(finish)
        self._queue.append(waiting)
        self._arrived.set()
        await waiting.written.wait()
        return waiting.accepted

    async def run(self) -> None:
        """Write batches until cancelled. A database that is away is outlasted: nothing is lost while the lease
        lives."""
        while True:
            await self._arrived.wait()
            batch, self._queue = self._queue[: self.batch], self._queue[self.batch :]
            if not self._queue:
                self._arrived = trio.Event()
            if batch:
                await self._write(batch)

    async def _write(self, batch: list[_Waiting]) -> None:
        began_s = trio.current_time()
        accepted = await self._accepted([w.finish for w in batch])
        self._metrics.finish_time.observe(trio.current_time() - began_s)
        for waiting in batch:
            waiting.accepted = waiting.finish.job_id in accepted
            self._refusals.add("verdict", not waiting.accepted)
            waiting.written.set()

    async def _accepted(self, finishes: list[Finish]) -> set[UUID]:
        """Which of the jobs were still their attempts'. What the database will not take of one must not hold up the
        others: a batch it refuses is written one by one, and a verdict it refuses is replaced by one that says so."""
        try:
            return await outlast(
                "finish attempts", lambda: finish_attempts(self._pool, finishes), self._log, only_passing=True
            )
        except pg.PostgresError as error:
            if len(finishes) > 1:
                accepted: set[UUID] = set()
                for finish in finishes:
                    accepted |= await self._accepted([finish])
                return accepted
            (finish,) = finishes
            self._log.error("the database refuses a verdict", job_id=str(finish.job_id), error=str(error))
        plain = [_plain(finish)]
        return await outlast("finish attempts", lambda: finish_attempts(self._pool, plain), self._log)


def _plain(finish: Finish) -> Finish:
    """The end of a job whose own verdict the database does not take: no result, no words of the provider's."""
    return msgspec.structs.replace(
        finish,
        status="error",
        code="verdict_refused",
        message=REFUSED_MESSAGE,
        result=None,
        level="error",
        line="attempt ended, its verdict was refused by the database",
        fields='{"event": "attempt.finished", "status": "error", "code": "verdict_refused"}',
    )
