"""Random operations on a pool, randomly cancelled and killed; afterwards nothing may be missing or left over.

    python tests/driver/fuzz.py [--operations 20000] [--seed 1]

The short form runs as a test (`test_fuzz.py`). What each operation checks is that the connection it was handed is
clean; what the end checks is that every slot still works, that no backend runs a query, and that no task, socket or
memory is left. The same seed makes the same choices; how they interleave is up to the clock and the server.
"""

from __future__ import annotations

import argparse
import gc
import os
import random
import resource
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import trio

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

if __name__ == "__main__":
    sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[2] / "daemon")]

import trio.lowlevel

import asyncpg_trio
from asyncpg_trio import InterfaceError, PostgresError

WORKERS = 12
POOL_SIZE = 5
EXPECTED = (PostgresError, InterfaceError, OSError)
BUSY = """
    select count(*) from pg_stat_activity
    where backend_type = 'client backend' and state <> 'idle' and pid <> pg_backend_pid()
"""
CLEAN = """
    select (select count(*) from pg_listening_channels()) as channels,
           (select count(*) from pg_locks where locktype = 'advisory' and pid = pg_backend_pid()) as locks,
           (select count(*) from pg_cursors where name <> '') as cursors,
           current_setting('search_path') as path
"""


class Fuzz:
    """One run."""

    def __init__(self, pool: asyncpg_trio.Pool, seed: int, operations: int) -> None:
        self.pool = pool
        self.random = random.Random(seed)
        self.left = operations
        self.outcomes: Counter[str] = Counter()
        self.pids: set[int] = set()
        self.actions: list[Callable[[asyncpg_trio.Connection], Awaitable[Any]]] = [
            self.fetch, self.fetch, self.sleep, self.many, self.copy_in, self.copy_out, self.transaction, self.nested,
            self.cursor, self.listen, self.prepared, self.fail, self.dirt, self.open_transaction, self.inspect,
        ]  # fmt: skip

    async def worker(self) -> None:
        while self.left > 0:
            self.left -= 1
            await self.operation()

    async def operation(self) -> None:
        action = self.random.choice(self.actions)
        limit_s = self.random.choice([0, 0.001, 0.003, 0.01, 0.03, 0.1, 5, 5, 5])
        with trio.move_on_after(limit_s) as scope:
            try:
                async with self.pool.acquire() as conn:
                    assert not conn.is_in_transaction(), "handed out inside a transaction"
                    self.pids.add(conn.get_server_pid())
                    await action(conn)
                self.outcomes["done"] += 1
            except EXPECTED:
                self.outcomes["failed"] += 1
        if scope.cancelled_caught:
            self.outcomes["cancelled"] += 1

    async def killer(self, dsn: str) -> None:
        async with asyncpg_trio.connect(dsn) as conn:
            while True:
                await trio.sleep(self.random.uniform(0.005, 0.05))
                if self.pids:
                    pid = self.random.choice(sorted(self.pids))
                    self.outcomes["killed"] += await conn.fetchval("select pg_terminate_backend($1)", pid)
                    self.pids.discard(pid)

    async def fetch(self, conn: asyncpg_trio.Connection) -> None:
        number = self.random.randrange(1, 3000)
        assert len(await conn.fetch("select n, repeat('x', 50) from generate_series(1, $1) n", number)) == number

    async def sleep(self, conn: asyncpg_trio.Connection) -> None:
        await conn.execute("select pg_sleep(0.003)")

    async def many(self, conn: asyncpg_trio.Connection) -> None:
        await conn.executemany("select $1::int, $2::text", [(n, "x" * 100) for n in range(self.random.randrange(5000))])

    async def copy_in(self, conn: asyncpg_trio.Connection) -> None:
        async def records() -> Any:  # noqa: ASYNC900
            for number in range(3000):
                if number % 1000 == 0:
                    await trio.lowlevel.checkpoint()
                yield number, "y" * 100

        await conn.copy_records_to_table("fuzz", records=records())

    async def copy_out(self, conn: asyncpg_trio.Connection) -> None:
        async def take(data: bytes) -> None:
            await trio.lowlevel.checkpoint()

        await conn.copy_from_query("select n, repeat('z', 200) from generate_series(1, 5000) n", output=take)

    async def transaction(self, conn: asyncpg_trio.Connection) -> None:
        async with conn.transaction():
            await conn.execute("insert into fuzz values (1, 'a')")
            await conn.fetchval("select count(*) from fuzz where a = -1")

    async def nested(self, conn: asyncpg_trio.Connection) -> None:
        async with conn.transaction():
            try:
                async with conn.transaction():
                    await conn.execute("insert into fuzz values (2, 'a')")
                    raise KeyError
            except KeyError:
                await conn.execute("insert into fuzz values (3, 'a')")

    async def cursor(self, conn: asyncpg_trio.Connection) -> None:
        async with conn.transaction():
            async for row in conn.cursor("select generate_series(1, 500)", prefetch=20):
                if row[0] == 300:
                    break

    async def listen(self, conn: asyncpg_trio.Connection) -> None:
        async with conn.listen("fuzz", "fuzz2") as notifications:
            await conn.execute("notify fuzz, 'x'")
            await notifications.receive()

    async def prepared(self, conn: asyncpg_trio.Connection) -> None:
        statement = await conn.prepare("select $1::int + 1")
        assert await statement.fetchval(1) == 2

    async def fail(self, conn: asyncpg_trio.Connection) -> None:
        await conn.fetchval("select 1 / $1::int", 0)

    async def dirt(self, conn: asyncpg_trio.Connection) -> None:
        await conn.execute("listen dirt; set search_path = nowhere; select pg_advisory_lock_shared(7)")
        await conn.execute("begin; declare c cursor with hold for select 1; commit")

    async def open_transaction(self, conn: asyncpg_trio.Connection) -> None:
        await conn.execute("begin")
        await conn.execute("insert into fuzz values (4, 'a')")

    async def inspect(self, conn: asyncpg_trio.Connection) -> None:
        row = await conn.fetchrow(CLEAN)
        assert row is not None
        assert tuple(row) == (0, 0, 0, '"$user", public'), f"handed out dirty: {row}"


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208


def resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6


async def run(dsn: str, seed: int, operations: int) -> Counter[str]:
    """One run; AssertionError when anything is missing or left over."""
    async with asyncpg_trio.connect(dsn) as conn:
        await conn.execute("create unlogged table if not exists fuzz (a int, b text)")
    files, tasks = open_files(), trio.lowlevel.current_statistics().tasks_living
    async with asyncpg_trio.create_pool(dsn, max_size=POOL_SIZE) as pool:
        fuzz = Fuzz(pool, seed, operations)
        async with trio.open_nursery() as around:
            around.start_soon(fuzz.killer, dsn)
            async with trio.open_nursery() as nursery:
                for _ in range(WORKERS):
                    nursery.start_soon(fuzz.worker)
            around.cancel_scope.cancel()
        await every_slot_works(pool)
        await nothing_runs(pool)
    gc.collect()
    assert trio.lowlevel.current_statistics().tasks_living == tasks, "tasks are left"
    assert open_files() == files, "files are left open"
    return fuzz.outcomes


async def every_slot_works(pool: asyncpg_trio.Pool) -> None:
    statistics = pool.statistics()
    assert (statistics.in_use, statistics.waiting) == (0, 0), statistics
    together = trio.Event()
    held = []

    async def hold() -> None:
        async with pool.acquire() as conn:
            held.append(await conn.fetchval("select pg_backend_pid()"))
            if len(held) == POOL_SIZE:
                together.set()
            await together.wait()

    with trio.fail_after(20):
        async with trio.open_nursery() as nursery:
            for _ in range(POOL_SIZE):
                nursery.start_soon(hold)
    assert len(set(held)) == POOL_SIZE


async def nothing_runs(pool: asyncpg_trio.Pool) -> None:
    with trio.fail_after(10):
        while await pool.fetchval(BUSY):  # noqa: ASYNC110  (a backend sends no event when it is idle)
            await trio.sleep(0.02)


def main() -> None:
    from support.postgres import PostgresServer

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--operations", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    arguments = parser.parse_args()
    print(f"seed {arguments.seed}, {arguments.operations} operations", flush=True)
    with PostgresServer() as server:
        before = 0.0
        for part in range(4):  # the first part warms up; the rest may not grow
            outcomes = trio.run(run, server.dsn(), arguments.seed + part, arguments.operations // 4)
            after = resident_mb()
            print(f"  part {part + 1}: {dict(outcomes)}, {after:.0f} MB", flush=True)
            assert part == 0 or after < before + 20, "memory grows"
            before = before or after
    print("no slot lost, nothing running, no task, file or memory left")


if __name__ == "__main__":
    main()
