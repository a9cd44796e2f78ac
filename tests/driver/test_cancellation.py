"""Cancellation reaches the server, at every point, and leaves a connection that is idle or closed."""

from __future__ import annotations

import itertools

import pytest
import trio
import trio.testing

import asyncpg_trio
from driver.waiting import until

BUSY = """
    select count(*) from pg_stat_activity
    where state <> 'idle' and backend_type = 'client backend' and pid <> pg_backend_pid()
"""


class CancelAtStep(trio.abc.Instrument):
    """Cancels a scope when its task is about to wait for the nth time."""

    def __init__(self, scope, step):
        self._scope, self._left = scope, step
        self._task = trio.lowlevel.current_task()

    def after_task_step(self, task):
        if task is self._task:
            self._left -= 1
            if self._left == 0:
                self._scope.cancel()


async def cancelled_at(step, operation):
    """Whether the operation was cancelled; False when it ends in fewer steps."""
    with trio.CancelScope() as scope:
        instrument = CancelAtStep(scope, step)
        trio.lowlevel.add_instrument(instrument)
        try:
            await operation()
        finally:
            trio.lowlevel.remove_instrument(instrument)
    return scope.cancelled_caught


async def query(conn):
    await conn.fetch("select n, pg_sleep(0.001) from generate_series(1, 3) n")


async def unknown_type(conn):
    await conn.execute("drop type if exists mood; create type mood as enum ('good')")
    await conn.fetchval("select 'good'::mood")


async def script(conn):
    await conn.execute("select 1; select pg_sleep(0.002); select 2")


async def many(conn):
    await conn.executemany("insert into t values ($1, $2)", [(n, "x" * 400) for n in range(2000)])


async def copy_in(conn):
    async def records():  # noqa: ASYNC900
        for number in range(2000):
            if number % 500 == 0:
                await trio.lowlevel.checkpoint()
            yield number, "x" * 400

    await conn.copy_records_to_table("t", records=records())


async def copy_in_from_a_file(conn):
    import io

    await conn.copy_to_table("t", source=io.BytesIO(b"1\tx\n" * 200_000))


async def copy_out(conn):
    async def take(data):
        await trio.lowlevel.checkpoint()

    await conn.copy_from_query("select n, repeat('x', 400) from generate_series(1, 2000) n", output=take)


async def transaction(conn):
    async with conn.transaction():
        await conn.execute("insert into t values (1, 'a')")
        async with conn.transaction():
            await conn.execute("insert into t values (2, 'a')")


async def cursor(conn):
    async with conn.transaction():
        async for _ in conn.cursor("select generate_series(1, 30)", prefetch=10):
            pass


async def prepared(conn):
    statement = await conn.prepare("select $1::int")
    await statement.fetchval(1)


async def listen(conn):
    async with conn.listen("a") as notifications:
        await conn.execute("notify a")
        await notifications.receive()


OPERATIONS = [
    query, unknown_type, script, many, copy_in, copy_in_from_a_file, copy_out, transaction, cursor, prepared, listen,
]  # fmt: skip


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.__name__)
async def test_cancelled_at_any_step_the_connection_is_clean_and_usable(server, conn, operation):
    await conn.execute("create temp table t (a int, b text)")
    for step in itertools.count(1):
        cancelled = await cancelled_at(step, lambda: operation(conn))
        assert not conn.is_in_transaction()
        assert await conn.fetchval("select $1::int", step) == step
        if not cancelled:
            break
    assert step > 1
    assert await conn.fetchval("select count(*) from pg_listening_channels()") == 0
    assert await conn.fetchval(BUSY) == 0


@pytest.mark.parametrize("tcp", [False, True], ids=["unix", "tcp"])
async def test_cancelled_at_any_step_connecting_leaves_nothing_open(server, tcp):
    async def operation():
        async with asyncpg_trio.connect(server.dsn(tcp=tcp), server_settings={"application_name": "stepped"}) as conn:
            await conn.fetchval("select 1")

    for step in itertools.count(1):
        if not await cancelled_at(step, operation):
            break
    left = "select count(*) from pg_stat_activity where application_name = 'stepped'"
    await until(lambda: server.sql(left) == "0")


async def test_cancelled_at_any_step_a_pool_loses_nothing(server):
    async with asyncpg_trio.create_pool(server.dsn(), max_size=1, max_lifetime_s=0.05) as pool:

        async def operation():
            async with pool.acquire() as conn, conn.transaction():
                await conn.execute("set search_path = nowhere")

        for step in itertools.count(1):
            cancelled = await cancelled_at(step, operation)
            assert pool.statistics().in_use == 0
            assert await pool.fetchval("show search_path") == '"$user", public'
            if not cancelled:
                break


async def test_a_cancelled_executemany_inserts_nothing(conn):
    await conn.execute("create temp table t (a int, b text)")
    pid = conn.get_server_pid()
    with trio.move_on_after(0.1) as scope:
        await conn.executemany(
            "insert into t values ($1, $2 || pg_sleep(0.01))", [(n, "x" * 32_000) for n in range(2000)]
        )
    assert scope.cancelled_caught
    assert await conn.fetchval("select count(*) from t") == 0
    assert conn.get_server_pid() == pid


async def test_a_cancelled_query_ends_on_the_server(conn):
    with trio.move_on_after(0.1) as scope:
        await conn.execute("select pg_sleep(600)")
    assert scope.cancelled_caught
    assert await conn.fetchval(BUSY) == 0


async def test_a_cancel_request_that_overtakes_its_query_is_repeated(server, conn):
    """PostgreSQL forgets a request that finds the backend idle; the query must end all the same, and soon."""
    pid = conn.get_server_pid()
    for _ in range(30):
        with trio.CancelScope() as scope:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(conn.execute, "select pg_sleep(600)")
                await trio.testing.wait_all_tasks_blocked()
                scope.cancel()
    assert await conn.fetchval("select pg_backend_pid()") == pid
    assert await conn.fetchval(BUSY) == 0


async def test_a_late_cancel_request_never_hits_the_next_query(conn):
    """A query that ends just when it is cancelled: the next one must not be the one that gets cancelled."""
    for number in range(100):
        with trio.move_on_after(0.002):
            await conn.execute("select pg_sleep(0.0019)")
        assert await conn.fetchval("select count(*) from generate_series(1, $1::int)", number) == number


async def test_a_cancelled_transaction_is_rolled_back(conn):
    await conn.execute("create temp table t (a int)")
    with trio.move_on_after(0.1):
        async with conn.transaction():
            await conn.execute("insert into t values (1)")
            await trio.sleep_forever()
    assert not conn.is_in_transaction()
    assert await conn.fetchval("select count(*) from t") == 0


async def test_a_call_in_a_cancelled_scope_sends_nothing(conn):
    with trio.CancelScope() as scope:
        scope.cancel()
        await conn.execute("create temp table never (a int)")
    assert scope.cancelled_caught
    assert await conn.fetchval("select to_regclass('pg_temp.never')") is None


async def test_cancelling_a_copy_from_a_slow_source(conn):
    await conn.execute("create temp table t (a int, b text)")

    async def slow():  # noqa: ASYNC900
        yield 1, "a"
        await trio.sleep_forever()

    with trio.move_on_after(0.05) as scope:
        await conn.copy_records_to_table("t", records=slow())
    assert scope.cancelled_caught
    assert await conn.fetchval("select count(*) from t") == 0


async def test_an_error_of_a_copy_source_is_the_callers(conn):
    await conn.execute("create temp table t (a int, b text)")

    async def broken():  # noqa: ASYNC124, ASYNC900
        yield 1, "a"
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        await conn.copy_records_to_table("t", records=broken())
    assert await conn.fetchval("select count(*) from t") == 0


async def test_a_second_call_at_the_same_time_is_refused(conn):
    async with trio.open_nursery() as nursery:
        nursery.start_soon(conn.execute, "select pg_sleep(0.2)")
        await trio.testing.wait_all_tasks_blocked()
        with pytest.raises(asyncpg_trio.InterfaceError, match="another operation is in progress"):
            await conn.execute("select 1")
    assert await conn.fetchval("select 1") == 1


async def test_a_call_waits_for_the_cancellation_of_another(conn):
    """One task is cancelled and still settling with the server when the next one calls."""
    async with trio.open_nursery() as nursery:

        async def give_up():
            with trio.move_on_after(0.05):
                await conn.execute("select pg_sleep(600)")
            done.set()

        done = trio.Event()
        nursery.start_soon(give_up)
        await done.wait()
        assert await conn.fetchval("select 1") == 1


async def test_no_scope_of_the_caller_is_caught_by_the_driver(conn):
    """Two nested scopes: the outer one's cancellation passes through the inner one untouched."""
    with trio.move_on_after(0.05) as outer, trio.move_on_after(600) as inner:
        await conn.execute("select pg_sleep(600)")
    assert outer.cancelled_caught
    assert not inner.cancelled_caught


async def test_cancel_ends_what_another_task_has_under_way_and_keeps_the_connection(conn):
    ended = []

    async def sleep_on_the_server():
        with pytest.raises(asyncpg_trio.QueryCanceledError) as caught:
            await conn.execute("select pg_sleep(60)")
        ended.append(caught.value)

    with trio.fail_after(20):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(sleep_on_the_server)
            await trio.testing.wait_all_tasks_blocked()
            await conn.cancel()
        assert len(ended) == 1
        assert await conn.fetchval("select 1") == 1


async def test_cancel_of_an_idle_connection_does_nothing(conn):
    with trio.fail_after(20):
        await conn.cancel()
        assert await conn.fetchval("select 1") == 1
