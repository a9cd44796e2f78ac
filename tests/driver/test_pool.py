"""The pool: slots, fairness, cleanliness, replacement, closing."""

from __future__ import annotations

import pytest
import trio
import trio.testing

import asyncpg_trio
from asyncpg_trio import InterfaceError
from driver.waiting import until

BUSY = """
    select count(*) from pg_stat_activity
    where state <> 'idle' and backend_type = 'client backend' and pid <> pg_backend_pid()
"""


async def test_the_fetch_family_of_the_pool(server):
    async with asyncpg_trio.create_pool(server.dsn(), max_size=2) as pool:
        assert await pool.execute("select 1") == "SELECT 1"
        assert await pool.fetch("select $1::int as n", 1) == [(1,)]
        assert (await pool.fetchrow("select 2 as n"))["n"] == 2
        assert await pool.fetchval("select 1, 3", column=1) == 3
        assert await pool.fetchmany("select $1::int", [(1,), (2,)]) == [(1,), (2,)]
        await pool.executemany("select $1::int", [(1,), (2,)])


async def test_min_size_is_opened_at_once_and_max_size_never_passed(server):
    async with asyncpg_trio.create_pool(server.dsn(), min_size=2, max_size=3) as pool:
        assert pool.statistics().idle == 2
        most = 0

        async def use():
            nonlocal most
            async with pool.acquire() as conn:
                await conn.execute("select pg_sleep(0.005)")
                most = max(most, pool.statistics().size)

        async with trio.open_nursery() as nursery:
            for _ in range(20):
                nursery.start_soon(use)
        assert most == 3
        assert pool.statistics().opened == 3
        assert (pool.get_size(), pool.get_idle_size(), pool.get_min_size(), pool.get_max_size()) == (3, 3, 2, 3)


async def test_waiting_is_first_come_first_served(server):
    async with asyncpg_trio.create_pool(server.dsn(), max_size=1) as pool, trio.open_nursery() as nursery:
        served = []

        async def wait(number):
            async with pool.acquire():
                served.append(number)

        async with pool.acquire():
            for number in range(10):
                nursery.start_soon(wait, number)
                await trio.testing.wait_all_tasks_blocked()
            assert pool.statistics().waiting == 10
        await until(lambda: len(served) == 10)
        assert served == list(range(10))


async def test_a_newcomer_does_not_overtake_who_waits(server):
    async with asyncpg_trio.create_pool(server.dsn(), max_size=1) as pool, trio.open_nursery() as nursery:
        served = []

        async def wait():
            async with pool.acquire():
                served.append("waiting")

        async with pool.acquire():
            nursery.start_soon(wait)
            await trio.testing.wait_all_tasks_blocked()
        async with pool.acquire():
            served.append("newcomer")
        assert served == ["waiting", "newcomer"]


async def test_a_cancelled_waiter_leaves_the_queue(server):
    async with asyncpg_trio.create_pool(server.dsn(), max_size=1) as pool:
        async with pool.acquire():
            with trio.move_on_after(0.01) as scope:
                async with pool.acquire():
                    raise AssertionError
            assert scope.cancelled_caught
            assert pool.statistics().waiting == 0
        assert await pool.fetchval("select 1") == 1


async def test_hooks_are_called_when_they_should_be(server):
    calls = []

    def hook(name):
        async def called(conn):
            calls.append((name, await conn.fetchval("select 1")))

        return called

    hooks = {"init": hook("init"), "setup": hook("setup"), "reset": hook("reset")}
    async with asyncpg_trio.create_pool(server.dsn(), max_size=1, **hooks) as pool:
        await pool.execute("select 1")
        await pool.execute("select 1")
    assert [name for name, _ in calls] == ["init", "setup", "reset", "setup", "reset"]


@pytest.mark.parametrize("name", ["init", "setup"])
async def test_a_hook_that_fails_is_an_error_of_the_caller_and_costs_no_slot(server, name):
    async def broken(conn):  # noqa: ASYNC124
        raise KeyError(name)

    async with asyncpg_trio.create_pool(server.dsn(), max_size=1, **{name: broken}) as pool:
        for _ in range(3):
            with pytest.raises(KeyError):
                await pool.fetchval("select 1")
        assert pool.statistics().in_use == 0
        assert pool.statistics().size == 0


async def test_a_reset_hook_that_fails_discards_the_connection(server):
    async def broken(conn):  # noqa: ASYNC124
        raise KeyError

    async with asyncpg_trio.create_pool(server.dsn(), max_size=1, reset=broken) as pool:
        first = await pool.fetchval("select pg_backend_pid()")
        assert await pool.fetchval("select pg_backend_pid()") != first


async def test_a_connection_cannot_be_used_after_it_was_given_back(server):
    async with asyncpg_trio.create_pool(server.dsn(), max_size=1) as pool:
        async with pool.acquire() as conn:
            statement = await conn.prepare("select 1")
        for call in (conn.fetchval, conn.execute):
            with pytest.raises(InterfaceError, match="given back"):
                await call("select 1")
        with pytest.raises(InterfaceError):
            await statement.fetchval()
        assert conn.is_closed()


async def test_a_connection_given_back_while_another_task_uses_it_is_discarded(server):
    async with asyncpg_trio.create_pool(server.dsn(), max_size=1) as pool, trio.open_nursery() as nursery:
        errors = []

        async def use(conn):
            try:
                await conn.execute("select pg_sleep(600)")
            except asyncpg_trio.PostgresError as error:
                errors.append(error)

        async with pool.acquire() as conn:
            nursery.start_soon(use, conn)  # noqa: ASYNC111
            await trio.testing.wait_all_tasks_blocked()
        assert await pool.fetchval("select 1") == 1
        assert len(errors) == 1
        await until(lambda: server.sql(BUSY) == "0")


async def test_idle_connections_above_the_minimum_are_closed(server):
    options = {"min_size": 1, "max_size": 4, "max_idle_s": 0.1}
    async with asyncpg_trio.create_pool(server.dsn(), **options) as pool:
        async with pool.acquire(), pool.acquire(), pool.acquire():
            pass
        assert pool.statistics().size == 3
        await until(lambda: pool.statistics().size == 1)


async def test_old_connections_are_replaced(server):
    async with asyncpg_trio.create_pool(server.dsn(), max_size=1, max_lifetime_s=0.05) as pool:
        first = await pool.fetchval("select pg_backend_pid()")
        await trio.sleep(0.06)
        assert await pool.fetchval("select pg_backend_pid()") != first


async def test_expire_connections_replaces_all_of_them(server):
    async with asyncpg_trio.create_pool(server.dsn(), min_size=2, max_size=2) as pool:
        async with pool.acquire() as conn:
            held = conn.get_server_pid()
            await pool.expire_connections()
            assert await conn.fetchval("select 1") == 1
        assert await pool.fetchval("select pg_backend_pid()") != held


async def test_a_backend_killed_while_idle_is_replaced_unnoticed(server):
    async with asyncpg_trio.create_pool(server.dsn(), max_size=1) as pool:
        for _ in range(20):
            pid = await pool.fetchval("select pg_backend_pid()")
            server.sql(f"select pg_terminate_backend({pid}, 5000)")
            assert await pool.fetchval("select pg_backend_pid()") != pid
        assert pool.statistics().size == 1


async def test_an_idle_connection_that_was_told_something_is_proven_and_kept(server):
    """Not all that an idle connection hears is its end."""
    async with asyncpg_trio.create_pool(server.dsn(), max_size=1) as pool:
        async with pool.acquire() as conn:
            pid, session = conn.get_server_pid(), conn._session
        await session.run(session.wire.execute, "listen told")
        server.sql("notify told")
        await until(lambda: session.poll() and session.heard_unasked)
        assert await pool.fetchval("select pg_backend_pid()") == pid
        assert await pool.fetch("select pg_listening_channels()") == []


async def test_a_closed_pool_refuses(server):
    async with asyncpg_trio.create_pool(server.dsn(), max_size=1) as pool:
        pass
    assert pool.is_closing()
    with pytest.raises(InterfaceError, match="closed"):
        await pool.fetchval("select 1")


async def test_closing_waits_for_what_is_held(server):
    async with asyncpg_trio.create_pool(server.dsn(), max_size=2) as pool, trio.open_nursery() as nursery:
        order = []

        async def hold():
            async with pool.acquire() as conn:
                held.set()
                await go_on.wait()
                assert await conn.fetchval("select 1") == 1
                order.append("given back")

        async def close():
            await pool.aclose()
            order.append("closed")

        held, go_on = trio.Event(), trio.Event()
        nursery.start_soon(hold)
        await held.wait()
        nursery.start_soon(close)
        await trio.testing.wait_all_tasks_blocked()
        with pytest.raises(InterfaceError):
            await pool.fetchval("select 1")
        go_on.set()
    assert order == ["given back", "closed"]


async def test_closing_tells_those_who_wait(server):
    async with asyncpg_trio.create_pool(server.dsn(), max_size=1) as pool, trio.open_nursery() as nursery:
        errors = []

        async def wait():
            try:
                await pool.fetchval("select 1")
            except InterfaceError as error:
                errors.append(error)

        async with pool.acquire():
            nursery.start_soon(wait)
            nursery.start_soon(wait)
            await trio.testing.wait_all_tasks_blocked()
            pool.terminate()
            await until(lambda: len(errors) == 2)


async def test_a_cancelled_close_closes_everything(server):
    async with asyncpg_trio.create_pool(server.dsn(), min_size=2) as pool, trio.open_nursery() as nursery:

        async def hold():
            async with pool.acquire() as conn:
                held.set()
                with pytest.raises(asyncpg_trio.PostgresError):
                    await conn.execute("select pg_sleep(600)")

        held = trio.Event()
        nursery.start_soon(hold)
        await held.wait()
        with trio.move_on_after(0.05) as scope:
            await pool.aclose()
        assert scope.cancelled_caught
    assert pool.get_size() == 0
    await until(lambda: server.sql(BUSY) == "0")


async def test_an_exception_of_the_block_leaves_create_pool_bare(server):
    with pytest.raises(ValueError, match="mine"):
        async with asyncpg_trio.create_pool(server.dsn(), min_size=1):
            raise ValueError("mine")


async def test_a_group_of_the_block_stays_the_group_it_is(server):
    with pytest.RaisesGroup(ValueError, KeyError):
        async with asyncpg_trio.create_pool(server.dsn(), min_size=1):
            raise ExceptionGroup("mine", [ValueError(), KeyError()])


async def test_a_cancellation_of_the_block_passes_through_create_pool(server):
    with trio.move_on_after(0.05) as scope:
        async with asyncpg_trio.create_pool(server.dsn(), min_size=1, max_idle_s=0.001):
            await trio.sleep_forever()
    assert scope.cancelled_caught


async def test_an_exception_of_the_block_survives_a_cancellation_around_it(server):
    async def raise_in_a_cancelled_scope():
        with trio.CancelScope() as scope:
            async with asyncpg_trio.create_pool(server.dsn(), min_size=1, max_idle_s=0.001):
                scope.cancel()
                raise ValueError("mine")

    with pytest.raises(ValueError, match="mine"):
        await raise_in_a_cancelled_scope()


async def test_awaiting_acquire_is_refused_with_the_way_out(server):
    async with asyncpg_trio.create_pool(server.dsn(), max_size=1) as pool:
        with pytest.raises(NotImplementedError, match="async with"):
            await pool.acquire()


@pytest.mark.parametrize(
    "options", [{"max_size": 0}, {"min_size": 3, "max_size": 2}, {"min_size": -1}, {"max_idle_s": 0}], ids=str
)
async def test_senseless_sizes_are_refused(options):
    with pytest.raises(ValueError, match=r"pool needs|greater than"):
        async with asyncpg_trio.create_pool("postgresql://nobody@127.0.0.1:1/x", **options):
            pass


async def test_a_pool_that_cannot_reach_its_minimum_fails_at_once():
    with pytest.raises(ConnectionRefusedError):
        async with asyncpg_trio.create_pool("postgresql://nobody@127.0.0.1:1/x", min_size=1):
            pass


async def test_type_codecs_of_init_reach_every_connection(server):
    async def init(conn):
        await conn.set_type_codec("json", schema="pg_catalog", encoder=str, decoder=lambda text: ("decoded", text))

    async with (
        asyncpg_trio.create_pool(server.dsn(), max_size=3, init=init) as pool,
        pool.acquire() as one,
        pool.acquire() as two,
    ):
        for conn in (one, two):
            assert await conn.fetchval("select '1'::json") == ("decoded", "1")


async def test_a_schema_change_under_a_cached_statement_is_survived(server):
    async with asyncpg_trio.create_pool(server.dsn("scratch"), max_size=2) as pool:
        await pool.execute("drop table if exists changing; create table changing (a int)")
        async with pool.acquire() as one, pool.acquire() as two:
            for conn in (one, two):
                assert await conn.fetch("select * from changing") == []
            await one.execute("alter table changing add column b text; insert into changing values (1, 'x')")
            for conn in (one, two):
                assert await conn.fetch("select * from changing") == [(1, "x")]
            async with two.transaction():
                await one.execute("alter table changing drop column b")
                with pytest.raises(asyncpg_trio.InvalidCachedStatementError):
                    await two.fetch("select * from changing")
