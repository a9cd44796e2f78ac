"""LISTEN as a channel."""

from __future__ import annotations

import pytest
import trio
import trio.testing

import asyncpg_trio
from asyncpg_trio import ConnectionDoesNotExistError, InterfaceError, Notification, NotificationsLostError


@pytest.fixture
async def other(server):
    async with asyncpg_trio.connect(server.dsn()) as connection:
        yield connection


async def test_notifications_arrive_in_order_from_every_channel(conn, other):
    async with conn.listen("a", 'b"c') as notifications:
        await other.execute("""select pg_notify('a', '1'), pg_notify('b"c', '2'), pg_notify('unheard', '3')""")
        assert isinstance(notifications, trio.abc.ReceiveChannel)
        pid = other.get_server_pid()
        assert await notifications.receive() == Notification("a", "1", pid)
        assert await notifications.receive() == Notification('b"c', "2", pid)
        with pytest.raises(trio.WouldBlock):
            notifications.receive_nowait()


async def test_it_iterates(conn, other):
    async with conn.listen("a") as notifications:
        await other.execute("select pg_notify('a', n::text) from generate_series(1, 5) n")
        heard = []
        async for notification in notifications:
            heard.append(notification.payload)
            if len(heard) == 5:
                break
    assert heard == ["1", "2", "3", "4", "5"]


async def test_a_waiting_receiver_is_woken(conn, other):
    async with conn.listen("a") as notifications, trio.open_nursery() as nursery:

        async def tell():
            await trio.testing.wait_all_tasks_blocked(0.05)
            await other.execute("notify a, 'x'")

        nursery.start_soon(tell)
        assert (await notifications.receive()).payload == "x"


async def test_overflow_is_told_where_it_happened(conn, other):
    async with conn.listen("a", max_buffer=3) as notifications:
        await other.execute("select pg_notify('a', n::text) from generate_series(1, 5) n")
        await conn.execute("select 1")  # reads what has arrived
        await other.execute("select pg_notify('a', '6')")
        assert [(await notifications.receive()).payload for _ in range(3)] == ["1", "2", "3"]
        with pytest.raises(NotificationsLostError) as caught:
            await notifications.receive()
        assert caught.value.lost == 2
        assert (await notifications.receive()).payload == "6"


async def test_a_connection_listens_and_works_at_the_same_time(conn, other):
    """One task waits for notifications, one runs queries, on one connection; whoever reads serves both."""
    heard = []
    async with conn.listen("a") as notifications, trio.open_nursery() as nursery:

        async def hear():
            async for notification in notifications:
                heard.append(int(notification.payload))
                if len(heard) == 100:
                    return

        nursery.start_soon(hear)
        for number in range(100):
            await other.execute(f"notify a, '{number}'")
            assert await conn.fetchval("select $1::int", number) == number
    assert heard == list(range(100))


async def test_the_reader_may_be_cancelled_under_those_who_follow_it(conn, other):
    """The receiver leads the reading, a query follows; the receiver goes away, the query must not hang."""
    async with conn.listen("a") as notifications, trio.open_nursery() as nursery:
        scope = trio.CancelScope()

        async def hear():
            with scope:
                await notifications.receive()

        nursery.start_soon(hear)
        await trio.testing.wait_all_tasks_blocked()
        nursery.start_soon(conn.execute, "select pg_sleep(0.2)")
        await trio.testing.wait_all_tasks_blocked()
        scope.cancel()
    assert await conn.fetchval("select 1") == 1


async def test_two_listeners_of_one_channel_hear_both_and_leave_alone(conn, other):
    async with conn.listen("a") as outer:
        async with conn.listen("a", "b") as inner:
            await other.execute("notify a, '1'")
            assert (await outer.receive()).payload == (await inner.receive()).payload == "1"
        await other.execute("notify a, '2'")
        assert (await outer.receive()).payload == "2"
        assert await conn.fetch("select pg_listening_channels()") == [("a",)]
    assert await conn.fetch("select pg_listening_channels()") == []


async def test_leaving_the_block_ends_a_receiver_in_another_task(conn):
    async with trio.open_nursery() as nursery:

        async def hear(notifications):
            with pytest.raises(trio.ClosedResourceError):
                await notifications.receive()

        async with conn.listen("a") as notifications:
            nursery.start_soon(hear, notifications)  # noqa: ASYNC111
            await trio.testing.wait_all_tasks_blocked()
    assert await conn.fetchval("select 1") == 1


async def test_a_dead_connection_delivers_what_it_heard_and_then_says_so(server, conn, other):
    async with conn.listen("a") as notifications:
        await other.execute("notify a, 'last words'")
        await conn.execute("select 1")  # which makes sure that they were heard
        await other.execute("select pg_terminate_backend($1, 5000)", conn.get_server_pid())
        assert (await notifications.receive()).payload == "last words"
        for _ in range(2):
            with pytest.raises(ConnectionDoesNotExistError):
                await notifications.receive()


async def test_leaving_in_a_failed_transaction_leaves_nothing_in_a_pool(server):
    async with asyncpg_trio.create_pool(server.dsn(), max_size=1) as pool:
        async with pool.acquire() as conn, conn.listen("a"):
            await conn.execute("begin")
            with pytest.raises(asyncpg_trio.DivisionByZeroError):
                await conn.execute("select 1 / 0")
        assert await pool.fetch("select pg_listening_channels()") == []


async def test_senseless_arguments_are_refused(conn):  # noqa: ASYNC124
    with pytest.raises(InterfaceError, match="at least one channel"):
        conn.listen()
    with pytest.raises(InterfaceError, match="max_buffer"):
        conn.listen("a", max_buffer=0)
