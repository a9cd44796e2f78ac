"""What one use of a pooled connection leaves behind, and that the next one never meets it."""

from __future__ import annotations

import pytest

import asyncpg_trio

DIRT = {
    "settings": ("set search_path = nowhere", "show search_path", '"$user", public'),
    "settings by function": ("select set_config('work_mem', '1MB', false)", "show work_mem", "4MB"),
    "a role": ("set role pg_monitor", "select current_user::text", "postgres"),
    "locks": ("select pg_advisory_lock(1)", "select count(*) from pg_locks where locktype = 'advisory'", 0),
    "channels": ("listen a", "select count(*) from pg_listening_channels()", 0),
    "cursors": (
        "begin; declare c cursor with hold for select 1; commit",
        "select count(*) from pg_cursors where name = 'c'",
        0,
    ),
    "temporary tables": ("create temp table left_over (a int)", "select to_regclass('pg_temp.left_over')", None),
    "a transaction": ("begin", "select pg_current_xact_id_if_assigned() is null", True),
    "a failed transaction": ("begin; select 1 / 0", "select 1", 1),
    "behind a comment": ("/* hello */ -- you\n set search_path = nowhere", "show search_path", '"$user", public'),
    "in a block": ("do $$ begin set search_path = nowhere; end $$", "show search_path", '"$user", public'),
}


@pytest.mark.parametrize("dirt", DIRT)
async def test_dirt_is_removed_before_the_next_use(server, dirt):
    statement, question, clean = DIRT[dirt]
    async with asyncpg_trio.create_pool(server.dsn(), max_size=1) as pool:
        async with pool.acquire() as conn:
            pid = conn.get_server_pid()
            try:
                await conn.execute(statement)
            except asyncpg_trio.DivisionByZeroError:
                assert conn.is_in_transaction()
        async with pool.acquire() as conn:
            assert conn.get_server_pid() == pid
            assert not conn.is_in_transaction()
            assert await conn.fetchval(question) == clean
            assert pool.statistics().resets == 1


@pytest.mark.parametrize(
    "statement",
    [
        "select 1",
        "update t set a = 1",
        "insert into t values (1) on conflict do nothing",
        "update t\nset a = 1",
        "alter table t alter column a set default 1",
        "begin; set local work_mem = '1MB'; commit",
    ],
)
async def test_what_leaves_nothing_behind_costs_no_reset(server, statement):
    async with asyncpg_trio.create_pool(server.dsn("scratch"), max_size=1) as pool:
        await pool.execute("create table if not exists t (a int)")
        await pool.execute(statement)
        assert pool.statistics().resets == 0


async def test_reset_always_sees_what_functions_do(server):
    async with asyncpg_trio.create_pool(server.dsn("scratch"), max_size=1, reset="always") as pool:
        await pool.execute("""
            create or replace function hidden() returns void language plpgsql
            as $$ begin perform set_config('work_mem', '1MB', false); end $$
        """)
        await pool.execute("select hidden()")
        assert await pool.fetchval("show work_mem") == "4MB"
