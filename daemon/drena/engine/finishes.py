"""The end of attempts, written in batches.

While one batch is being written, the verdicts that arrive form the next: a lone one is written at once, a flood costs
one statement per round trip. Every verdict carries its attempt's lease token; what a rescue or cancellation has
overtaken changes nothing and is counted in `refused` (I2).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import trio

from drena.engine.outages import outlast
from drena.store.jobs import Finish, finish_attempts

if TYPE_CHECKING:
    from asyncpg_trio import Pool
    from drena.engine.refusals import Refusals
    from drena.log import LogLines

BATCH_SIZE: Final = 500


class _Waiting:
    __slots__ = ("accepted", "finish", "written")

    def __init__(self, finish: Finish) -> None:
        self.finish = finish
        self.accepted = False
        self.written = trio.Event()


class Finisher:
    """Takes verdicts from attempts and writes them; bounded by the number of running attempts, each of which waits."""

    def __init__(self, pool: Pool, refusals: Refusals, log: LogLines) -> None:
        self._pool = pool
        self._log = log
        self._queue: list[_Waiting] = []
        self._arrived = trio.Event()
        self._refusals = refusals

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
            batch, self._queue = self._queue[:BATCH_SIZE], self._queue[BATCH_SIZE:]
            if not self._queue:
                self._arrived = trio.Event()
            if batch:
                await self._write(batch)

    async def _write(self, batch: list[_Waiting]) -> None:
        finishes = [w.finish for w in batch]
        accepted = await outlast("finish attempts", lambda: finish_attempts(self._pool, finishes), self._log)
        for waiting in batch:
            waiting.accepted = waiting.finish.job_id in accepted
            self._refusals.add("verdict", not waiting.accepted)
            waiting.written.set()
