"""PgQueuer with a job that does nothing: `python pgqueuer_worker.py URL JOBS`. Runs in an environment of its own.

It loads the jobs, says `ready`, waits for a line, and drains in batches of 100, the setting it is fastest with.
"""

from __future__ import annotations

import asyncio
import sys

import asyncpg
import uvloop
from pgqueuer.db import AsyncpgPoolDriver
from pgqueuer.qm import QueueManager
from pgqueuer.queries import Queries
from pgqueuer.types import QueueExecutionMode

BATCH = 100


async def main(url: str, jobs: int) -> None:
    async with asyncpg.create_pool(url, min_size=2, max_size=4) as pool:
        driver = AsyncpgPoolDriver(pool)
        queries = Queries(driver)
        await queries.install()
        for begin in range(0, jobs, 1000):
            n = min(1000, jobs - begin)
            await queries.enqueue(["noop"] * n, [None] * n, [0] * n)
        await pool.execute("vacuum analyze")
        manager = QueueManager(queries)

        @manager.entrypoint("noop")
        async def noop(job: object) -> None:
            pass

        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.readline)
        await manager.run(batch_size=BATCH, mode=QueueExecutionMode.drain)


uvloop.run(main(sys.argv[1], int(sys.argv[2])))
