"""Transactions at their edges: dead servers, failed commits, manual use."""

from __future__ import annotations

import pytest
import trio

import asyncpg_trio
from asyncpg_trio import InterfaceError


async def test_the_exception_of_the_block_survives_the_death_of_the_server(server, conn):
    """The rollback cannot be sent; what the caller sees is still what went wrong first."""

    async def block():
        async with conn.transaction():
            server.sql(f"select pg_terminate_backend({conn.get_server_pid()}, 5000)")
            raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        await block()
    assert conn.is_closed()


async def test_a_commit_to_a_dead_server_is_an_error(server, conn):
    async def block():
        async with conn.transaction():
            await conn.execute("select 1")
            server.sql(f"select pg_terminate_backend({conn.get_server_pid()}, 5000)")

    with pytest.raises((asyncpg_trio.ConnectionDoesNotExistError, InterfaceError)):
        await block()


async def test_a_commit_the_server_refuses_is_an_error_and_leaves_no_transaction(conn):
    await conn.execute("create temp table t (a int unique deferrable initially deferred)")

    async def block():
        async with conn.transaction():
            await conn.execute("insert into t values (1), (1)")

    with pytest.raises(asyncpg_trio.UniqueViolationError):
        await block()
    assert not conn.is_in_transaction()
    async with conn.transaction():
        assert await conn.fetchval("select count(*) from t") == 0


async def test_a_block_that_swallowed_an_error_rolls_back_to_its_savepoint(conn):
    async with conn.transaction():
        with pytest.raises(asyncpg_trio.DivisionByZeroError):
            async with conn.transaction():
                await conn.execute("select 1 / 0")
        assert await conn.fetchval("select 1") == 1


async def test_start_commit_and_rollback_by_hand(conn):
    await conn.execute("create temp table t (a int)")
    for end, left in (("commit", 1), ("rollback", 1)):
        transaction = conn.transaction()
        await transaction.start()
        await conn.execute("insert into t values (1)")
        await getattr(transaction, end)()
        assert await conn.fetchval("select count(*) from t") == left


async def test_a_cancelled_start_does_not_make_the_next_transaction_a_savepoint(conn):
    for transaction in (conn.transaction(), conn.transaction()):
        with trio.CancelScope() as scope:
            scope.cancel()
            await transaction.start()
        assert scope.cancelled_caught
    async with conn.transaction(isolation="serializable"):
        assert await conn.fetchval("show transaction_isolation") == "serializable"


async def test_a_manual_begin_is_not_taken_for_ours(conn):
    await conn.execute("begin")
    with pytest.raises(InterfaceError, match="manually started"):
        async with conn.transaction():
            pass
    await conn.execute("rollback")


async def test_an_unknown_isolation_is_refused(conn):  # noqa: ASYNC124
    with pytest.raises(ValueError, match="isolation"):
        conn.transaction(isolation="chaotic")


async def test_observers_see_notices_queries_and_the_end(conn, caplog):
    notices, queries, ended = [], [], []
    conn.add_log_listener(lambda connection, message: notices.append((connection, message.message)))
    conn.add_termination_listener(ended.append)
    with conn.query_logger(queries.append):
        await conn.execute("do $$ begin raise notice 'hello'; end $$")
        with pytest.raises(asyncpg_trio.DivisionByZeroError):
            await conn.fetchval("select 1 / $1::int", 0)
    assert notices == [(conn, "hello")]
    assert [record.query.split()[0] for record in queries] == ["do", "select"]
    assert isinstance(queries[1].exception, asyncpg_trio.DivisionByZeroError)
    conn.terminate()
    assert ended == [conn]


async def test_an_observer_that_fails_is_logged_and_breaks_nothing(conn, caplog):
    def broken(connection, message):
        raise KeyError("mine")

    conn.add_log_listener(broken)
    await conn.execute("do $$ begin raise notice 'hello'; end $$")
    assert await conn.fetchval("select 1") == 1
    assert "a callback failed" in caplog.text


async def test_an_async_observer_is_refused(conn):  # noqa: ASYNC124
    async def observer(*_):
        pass

    for add in (conn.add_log_listener, conn.add_termination_listener, conn.add_query_logger):
        with pytest.raises(NotImplementedError, match="async callback"):
            add(observer)
