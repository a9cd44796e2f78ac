"""No asyncio event loop, ever; and none disturbed that somebody else runs."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading

import trio

import asyncpg_trio

PROGRAM = """
import asyncio, sys
from asyncio import base_events, events

def never(*args, **kwargs):
    raise AssertionError("an event loop was made or asked for")

base_events.BaseEventLoop.__init__ = never
for name in ("new_event_loop", "get_event_loop", "set_event_loop", "get_event_loop_policy", "set_event_loop_policy"):
    for module in (asyncio, events):
        setattr(module, name, never)

import trio, asyncpg_trio

async def main(dsn):
    async with asyncpg_trio.create_pool(dsn, min_size=1, max_size=2) as pool:
        assert await pool.fetchval("select $1::int", 1) == 1
        async with pool.acquire() as conn, conn.transaction():
            await conn.execute("create temp table t (a int)")
            await conn.executemany("insert into t values ($1)", [(n,) for n in range(50_000)])
            await conn.copy_records_to_table("t", records=[(1,)])
            assert [row async for row in conn.cursor("select 1")] == [(1,)]
        with trio.move_on_after(0.05):
            await pool.execute("select pg_sleep(60)")
        async with pool.acquire() as conn, conn.listen("a") as notifications:
            await conn.execute("notify a")
            await notifications.receive()

trio.run(main, sys.argv[1])
"""


async def test_a_process_that_uses_the_driver_makes_no_event_loop(server):
    command = [sys.executable, "-c", PROGRAM, server.dsn()]
    done = await trio.run_process(command, check=False, capture_stdout=True, stderr=subprocess.STDOUT)
    assert done.returncode == 0, done.stdout.decode()


async def test_plain_asyncpg_works_at_the_same_time_in_a_thread(server):
    """Both drivers in one process, each cancelling and failing, for a while."""
    import asyncpg

    stop = threading.Event()

    async def plain():
        count = 0
        conn = await asyncpg.connect(server.dsn())
        while not stop.is_set():
            assert await conn.fetchval("select $1::int", count) == count
            try:
                await asyncio.wait_for(conn.execute("select pg_sleep(60)"), 0.005)
            except TimeoutError:
                count += 1
        await conn.close()
        return count

    async def in_a_thread():
        nonlocal counted
        counted = await trio.to_thread.run_sync(asyncio.run, plain())

    counted = 0
    async with trio.open_nursery() as nursery:
        nursery.start_soon(in_a_thread)
        async with asyncpg_trio.connect(server.dsn()) as conn:
            for number in range(50):
                assert await conn.fetchval("select $1::int", number) == number
                with trio.move_on_after(0.005):
                    await conn.execute("select pg_sleep(60)")
        stop.set()
    assert counted > 5


async def test_the_running_loop_of_the_thread_is_put_back(conn):
    from asyncio.events import _get_running_loop

    await conn.fetchval("select 1")
    with trio.move_on_after(0.01):
        await conn.execute("select pg_sleep(60)")
    assert _get_running_loop() is None
