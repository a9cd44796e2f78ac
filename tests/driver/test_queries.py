"""The fetch family and its neighbours, on one connection."""

from __future__ import annotations

import json
from contextlib import suppress

import asyncpg
import pytest

import asyncpg_trio


@pytest.mark.parametrize("tcp", [False, True], ids=["unix", "tcp"])
async def test_a_connection_answers_over_both_transports(server, tcp):
    async with asyncpg_trio.connect(server.dsn(tcp=tcp)) as conn:
        assert await conn.fetchval("select $1::int", 5) == 5
        assert not conn.is_closed()
    assert conn.is_closed()


async def test_the_fetch_family_returns_what_asyncpg_returns(conn):
    rows = await conn.fetch("select n, n::text as t from generate_series(1, $1) n", 3)
    assert [dict(row) for row in rows] == [{"n": 1, "t": "1"}, {"n": 2, "t": "2"}, {"n": 3, "t": "3"}]
    assert isinstance(rows[0], asyncpg.Record)
    assert (await conn.fetchrow("select 1 as a, 2 as b"))["b"] == 2
    assert await conn.fetchrow("select 1 where false") is None
    assert await conn.fetchval("select 1, 2", column=1) == 2
    assert [tuple(row) for row in await conn.fetchmany("select $1::int", [(1,), (2,)])] == [(1,), (2,)]
    assert await conn.execute("create temp table t (a int)") == "CREATE TABLE"
    assert await conn.execute("insert into t values ($1)", 1) == "INSERT 0 1"
    assert await conn.execute("select 1; select 2") == "SELECT 1"


async def test_executemany_sends_more_than_the_kernel_takes_at_once(conn):
    await conn.execute("create temp table t (a int, b text)")
    await conn.executemany("insert into t values ($1, $2)", [(n, "x" * 100) for n in range(20_000)])
    assert await conn.fetchval("select sum(a) from t") == sum(range(20_000))


async def test_executemany_is_all_or_nothing(conn):
    await conn.execute("create temp table t (a int primary key)")
    with pytest.raises(asyncpg_trio.UniqueViolationError):
        await conn.executemany("insert into t values ($1)", [(1,), (2,), (1,)])
    assert await conn.fetchval("select count(*) from t") == 0


async def test_transactions_commit_roll_back_and_nest(conn):
    await conn.execute("create temp table t (a int)")
    async with conn.transaction():
        await conn.execute("insert into t values (1)")
        with suppress(ZeroDivisionError):
            async with conn.transaction():
                await conn.execute("insert into t values (2)")
                raise ZeroDivisionError
    assert not conn.is_in_transaction()
    assert [row["a"] for row in await conn.fetch("select a from t")] == [1]


async def test_transaction_options_reach_the_server(conn):
    async with conn.transaction(isolation="serializable", readonly=True, deferrable=True):
        assert await conn.fetchval("show transaction_isolation") == "serializable"
        assert await conn.fetchval("show transaction_deferrable") == "on"
        with pytest.raises(asyncpg_trio.ReadOnlySQLTransactionError):
            async with conn.transaction():
                await conn.execute("create table nowhere (a int)")


async def test_cursors_iterate_fetch_and_skip(conn):
    async with conn.transaction():
        assert [row[0] async for row in conn.cursor("select generate_series(1, 120)", prefetch=50)] == [*range(1, 121)]
        cursor = await conn.cursor("select generate_series(1, 100)")
        assert [row[0] for row in await cursor.fetch(2)] == [1, 2]
        assert await cursor.forward(5) == 5
        assert (await cursor.fetchrow())[0] == 8


async def test_a_cursor_may_be_left_early(conn):
    async with conn.transaction():
        async for _ in conn.cursor("select generate_series(1, 1000)"):
            break
        assert await conn.fetchval("select 1") == 1


async def test_prepared_statements(conn):
    statement = await conn.prepare("select $1::int as n")
    assert await statement.fetchval(3) == 3
    assert await statement.fetch(3) == [(3,)]
    assert statement.get_parameters()[0].name == "int4"
    assert statement.get_attributes()[0].name == "n"
    assert statement.get_statusmsg() == "SELECT 1"


async def test_json_through_a_type_codec(conn):
    await conn.set_type_codec("jsonb", schema="pg_catalog", encoder=json.dumps, decoder=json.loads)
    assert await conn.fetchval("select $1::jsonb", {"a": [1, None]}) == {"a": [1, None]}


async def test_a_timeout_argument_is_refused_with_the_way_out(conn):
    with pytest.raises(NotImplementedError, match="fail_after"):
        await conn.fetch("select 1", timeout=1)
    with pytest.raises(NotImplementedError, match="fail_after"):
        async with asyncpg_trio.connect(command_timeout=1):
            pass


async def test_an_exception_of_the_block_leaves_connect_bare(server):
    with pytest.raises(ValueError, match="mine"):
        async with asyncpg_trio.connect(server.dsn()):
            raise ValueError("mine")


async def test_notifications_arrive_in_order(conn, server):
    async with conn.listen("a", 'b"c') as notifications, asyncpg_trio.connect(server.dsn()) as other:
        await other.execute("select pg_notify('a', '1'), pg_notify('b\"c', '2')")
        first, second = await notifications.receive(), await notifications.receive()
    assert (first.channel, first.payload, first.pid) == ("a", "1", other_pid := first.pid)
    assert (second.channel, second.payload, second.pid) == ('b"c', "2", other_pid)
