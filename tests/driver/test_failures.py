"""Servers that die, freeze, reset and refuse: a clear error in the caller's task, in time, and nowhere else."""

from __future__ import annotations

import socket
from functools import partial

import pytest
import trio
import trio.testing

import asyncpg_trio
from asyncpg_trio import ConnectionDoesNotExistError, InterfaceError, _limits
from driver.proxy import open_proxy
from driver.waiting import until

SLEEPING = "from pg_stat_activity where query ~ '^select .dozing., pg_sleep'"
BIG = "select repeat('x', 1000) from generate_series(1, 9999)"


async def raises_in(limit_s, errors, function, *args):
    with trio.fail_after(limit_s), pytest.raises(errors) as caught:
        await function(*args)
    return caught.value


@pytest.fixture(autouse=True)
def short_limits(monkeypatch):
    """The driver's own deadlines, shorter: what is tested is that they hold, not that they are two seconds."""
    monkeypatch.setattr(_limits, "CANCEL_LIMIT_S", 0.5)
    monkeypatch.setattr(_limits, "CLOSE_LIMIT_S", 0.5)


@pytest.fixture
def frozen_server(own_server):
    yield own_server
    own_server.thaw()


async def test_a_killed_backend_is_an_error_of_the_query_that_runs(server, conn):
    async def kill():
        await trio.testing.wait_all_tasks_blocked(0.05)
        server.sql(f"select pg_terminate_backend({conn.get_server_pid()})")

    async with trio.open_nursery() as nursery:
        nursery.start_soon(kill)
        error = await raises_in(5, ConnectionDoesNotExistError, conn.execute, "select pg_sleep(600)")
    assert isinstance(error.__cause__, asyncpg_trio.AdminShutdownError) or "closed" in str(error)
    assert conn.is_closed()
    await raises_in(1, InterfaceError, conn.execute, "select 1")


async def test_an_idle_connection_whose_backend_was_killed_is_found_closed(server, conn):
    server.sql(f"select pg_terminate_backend({conn.get_server_pid()})")
    await until(conn.is_closed)


async def test_the_first_query_after_a_silent_death_fails_and_does_not_hang(server, conn):
    server.sql(f"select pg_terminate_backend({conn.get_server_pid()})")
    await raises_in(5, (ConnectionDoesNotExistError, InterfaceError), conn.fetchval, "select 1")


async def test_a_reset_in_the_middle_of_a_message(server):
    async with open_proxy(server) as proxy, asyncpg_trio.connect(proxy.dsn) as conn:
        assert await conn.fetchval("select 1") == 1
        proxy.reset_after_bytes = 100_000
        await raises_in(
            5, ConnectionDoesNotExistError, conn.fetch, "select repeat('x', 1000) from generate_series(1, 9999)"
        )
        assert conn.is_closed()


async def test_a_reset_while_writing(server):
    async with open_proxy(server) as proxy, asyncpg_trio.connect(proxy.dsn) as conn:
        await conn.execute("create temp table t (a int, b text)")
        await conn.fetchval("select count(*) from t")
        proxy.reset_after_bytes = 1000
        rows = [(number, "x" * 1000) for number in range(20_000)]
        await raises_in(10, ConnectionDoesNotExistError, conn.executemany, "insert into t values ($1, $2)", rows)


async def test_a_half_open_connection_holds_a_caller_no_longer_than_its_scope(server):
    async with open_proxy(server) as proxy, asyncpg_trio.connect(proxy.dsn) as conn:
        assert await conn.fetchval("select 1") == 1
        proxy.freeze()
        start = trio.current_time()
        with trio.move_on_after(0.1) as scope:
            await conn.fetchval("select 1")
        assert scope.cancelled_caught
        assert trio.current_time() - start < 0.1 + _limits.CANCEL_LIMIT_S + 0.5
        assert conn.is_closed()


async def test_a_frozen_server_holds_neither_query_nor_close(frozen_server):
    async with asyncpg_trio.connect(frozen_server.dsn()) as conn:
        frozen_server.freeze()
        with trio.fail_after(_limits.CANCEL_LIMIT_S + 1):
            with trio.move_on_after(0.1) as scope:
                await conn.fetchval("select 1")
            assert scope.cancelled_caught
        assert conn.is_closed()


async def test_closing_to_a_frozen_server_takes_no_longer_than_its_limit(frozen_server):
    with trio.fail_after(_limits.CLOSE_LIMIT_S + 1):
        async with asyncpg_trio.connect(frozen_server.dsn()) as conn:
            frozen_server.freeze()
    assert conn.is_closed()


async def test_closing_in_a_cancelled_scope_is_immediate_even_when_frozen(frozen_server):
    async with asyncpg_trio.connect(frozen_server.dsn()) as conn:
        frozen_server.freeze()
        start = trio.current_time()
        with trio.CancelScope() as scope:
            scope.cancel()
            await conn.close()
        assert scope.cancelled_caught
        assert trio.current_time() - start < 0.5
        assert conn.is_closed()


async def test_a_pool_closes_within_its_limit_when_the_server_is_frozen(frozen_server):
    with trio.fail_after(_limits.CLOSE_LIMIT_S + 2):
        async with asyncpg_trio.create_pool(frozen_server.dsn(), min_size=5) as pool:
            frozen_server.freeze()
    assert pool.statistics().size == 0


async def test_connecting_to_a_frozen_server_ends_with_the_callers_scope(frozen_server):
    frozen_server.freeze()
    with trio.fail_after(2):
        with trio.move_on_after(0.2) as scope:
            async with asyncpg_trio.connect(frozen_server.dsn()):
                pass
        assert scope.cancelled_caught


@pytest.mark.parametrize("mode", ["fast", "immediate"])
async def test_a_pool_survives_a_restart_of_the_server(own_server, mode):
    async with asyncpg_trio.create_pool(own_server.dsn(), min_size=3, max_size=3) as pool:
        assert await pool.fetchval("select 1") == 1
        await trio.to_thread.run_sync(partial(own_server.restart, mode))
        assert await pool.fetchval("select 2") == 2
        assert pool.statistics().in_use == 0


async def test_a_server_that_is_down_is_an_error_that_names_it(own_server):
    async with asyncpg_trio.create_pool(own_server.dsn(tcp=True), max_size=1) as pool:
        assert await pool.fetchval("select 1") == 1
        await trio.to_thread.run_sync(own_server.stop)
        for _ in range(3):
            error = await raises_in(5, OSError, pool.fetchval, "select 1")
            assert isinstance(error, ConnectionRefusedError)
            assert str(own_server.port) in str(error)
        await trio.to_thread.run_sync(own_server.start)
        assert await pool.fetchval("select 2") == 2


async def test_an_unknown_host_is_a_dns_error_that_names_it():
    with pytest.raises(socket.gaierror, match=r"nowhere\.invalid"):
        async with asyncpg_trio.connect(host="nowhere.invalid", user="postgres"):
            pass


async def test_too_many_connections_is_an_error_and_not_a_lost_slot():
    from support.postgres import PostgresServer

    settings = {"max_connections": "8", "superuser_reserved_connections": "0", "max_wal_senders": "0"}
    with PostgresServer(settings=settings) as small:
        async with asyncpg_trio.create_pool(small.dsn(), max_size=30) as pool:
            refused = []

            async def hold():
                try:
                    async with pool.acquire():
                        await enough.wait()
                except asyncpg_trio.TooManyConnectionsError as error:
                    refused.append(error)

            enough = trio.Event()
            async with trio.open_nursery() as nursery:
                for _ in range(30):
                    nursery.start_soon(hold)
                await until(lambda: len(refused) + pool.statistics().size == 30)
                enough.set()
            assert refused
            assert pool.statistics().in_use == 0
            assert await pool.fetchval("select 1") == 1


async def test_a_peer_that_is_no_postgresql_is_an_error():
    async def talk(stream):
        await stream.receive_some()
        await stream.send_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await stream.aclose()

    async with trio.open_nursery() as nursery:
        (listener,) = await nursery.start(partial(trio.serve_tcp, talk, 0, host="127.0.0.1"))
        port = listener.socket.getsockname()[1]
        with trio.fail_after(5), pytest.raises((OSError, asyncpg_trio.PostgresError, InterfaceError)):
            async with asyncpg_trio.connect(host="127.0.0.1", port=port, user="x", ssl=False):
                pass
        nursery.cancel_scope.cancel()


async def test_a_dead_listener_is_told(server, conn):
    async with conn.listen("a") as notifications:
        server.sql(f"select pg_terminate_backend({conn.get_server_pid()})")
        await raises_in(5, ConnectionDoesNotExistError, notifications.receive)


async def test_a_failure_never_reaches_the_nursery_around(server):
    """Ten connections die under ten tasks; each task gets its own error, the nursery none."""
    outcomes = []

    async def use():
        try:
            async with asyncpg_trio.connect(server.dsn()) as conn:
                await conn.execute("select 'dozing', pg_sleep(600)")
        except ConnectionDoesNotExistError as error:
            outcomes.append(error)

    async with trio.open_nursery() as nursery:
        for _ in range(10):
            nursery.start_soon(use)
        await until(lambda: server.sql(f"select count(*) {SLEEPING}") == "10")
        server.sql(f"select pg_terminate_backend(pid) {SLEEPING}")
    assert len(outcomes) == 10


async def test_terminating_a_connection_that_is_settling_a_cancellation_lets_the_caller_go(frozen_server):
    async with asyncpg_trio.connect(frozen_server.dsn()) as conn:
        frozen_server.freeze()
        async with trio.open_nursery() as nursery:
            cancelled = trio.CancelScope()

            async def query():
                with cancelled:
                    await conn.fetchval("select 1")

            nursery.start_soon(query)
            await trio.testing.wait_all_tasks_blocked()
            cancelled.cancel()
            await trio.testing.wait_all_tasks_blocked(0.05)
            conn.terminate()
        assert cancelled.cancelled_caught
