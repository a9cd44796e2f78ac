"""Cancellation reaches the server and leaves a usable connection."""

from __future__ import annotations

import trio

import asyncpg_trio

BUSY = """
    select count(*) from pg_stat_activity
    where state = 'active' and backend_type = 'client backend' and pid <> pg_backend_pid()
"""


async def test_a_cancelled_query_is_cancelled_on_the_server(server, conn):
    with trio.fail_after(10):
        with trio.move_on_after(0.1) as scope:
            await conn.execute("select pg_sleep(600)")
        assert scope.cancelled_caught
        assert await conn.fetchval("select 1") == 1
    assert server.sql(BUSY) == "0"


async def test_a_cancelled_transaction_is_rolled_back(conn):
    with trio.fail_after(10):
        await conn.execute("create temp table t (a int)")
        with trio.move_on_after(0.1):
            async with conn.transaction():
                await conn.execute("insert into t values (1)")
                await trio.sleep_forever()
        assert not conn.is_in_transaction()
        assert await conn.fetchval("select count(*) from t") == 0


async def test_a_pool_loses_no_slot_to_cancellation(server):
    with trio.fail_after(30):
        async with asyncpg_trio.create_pool(server.dsn(), max_size=3) as pool:

            async def give_up(after: float) -> None:
                with trio.move_on_after(after):
                    await pool.execute("select pg_sleep(0.05)")

            async with trio.open_nursery() as nursery:
                for number in range(20):
                    nursery.start_soon(give_up, number * 0.01)
            assert pool.statistics().in_use == 0
            assert await pool.fetchval("select 1") == 1
