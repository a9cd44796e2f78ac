"""Migrations adopt what is there, create what is not, and refuse what they do not know."""

from __future__ import annotations

import pytest
import trio

import asyncpg_trio
from drena.errors import DatabaseError
from drena.store.migrate import known_migrations, migrate, pending
from support.old_schema import TABLES
from support.waiting import wait_until


async def test_an_empty_database_gets_every_table(empty_database: str) -> None:
    with trio.fail_after(30):
        async with asyncpg_trio.connect(empty_database) as conn:
            assert await migrate(conn) == [m.name for m in known_migrations()]
            tables = {
                r["t"]
                for r in await conn.fetch(
                    "select table_schema || '.' || table_name as t from information_schema.tables"
                )
            }
    assert {"public.empresas", "public.integration_jobs", "drena.nodes", "drena.job_logs", "drena.feed_log"} <= tables


async def test_a_second_run_does_nothing(conn: asyncpg_trio.Connection) -> None:
    assert await migrate(conn) == []


async def test_two_migrators_at_once_apply_everything_once(empty_database: str) -> None:
    applied: list[list[str]] = []

    async def one() -> None:
        async with asyncpg_trio.connect(empty_database) as conn:
            applied.append(await migrate(conn))

    with trio.fail_after(30):
        async with trio.open_nursery() as nursery:
            for _ in range(4):
                nursery.start_soon(one)
    assert sorted(len(names) for names in applied) == [0, 0, 0, len(known_migrations())]


async def test_a_circle_of_waits_with_a_writer_costs_another_try_and_nothing_else(empty_database: str) -> None:
    applied: list[str] = []
    circles = "select deadlocks from pg_stat_database where datname = current_database()"
    waiting = "select exists (select from pg_locks where not granted and relation = 'tenant_integrations'::regclass)"

    async def run() -> None:
        async with asyncpg_trio.connect(empty_database) as conn:
            applied.extend(await migrate(conn))

    with trio.fail_after(60):
        async with asyncpg_trio.connect(empty_database) as old, asyncpg_trio.connect(empty_database) as looking:
            await old.execute(TABLES)
            await old.execute("set deadlock_timeout = '1min'")  # the migration is who looks first, and gives way
            async with trio.open_nursery() as nursery, old.transaction():
                await old.execute("update tenant_integrations set last_run = now()")
                nursery.start_soon(run)
                await wait_until(looking, waiting)
                await old.execute("update integration_jobs set progress = progress")
            assert await wait_until(looking, circles) >= 1
    assert applied == [m.name for m in known_migrations()]


async def test_a_dry_run_changes_nothing(empty_database: str) -> None:
    with trio.fail_after(30):
        async with asyncpg_trio.connect(empty_database) as conn:
            assert await migrate(conn, dry_run=True)
            assert await conn.fetchval("select to_regclass('public.integration_jobs')") is None
            assert await conn.fetchval("select to_regnamespace('drena')") is None


async def test_a_newer_database_is_refused_by_name(conn: asyncpg_trio.Connection) -> None:
    await conn.execute("insert into drena.migrations (name, digest) values ('9999_future', 'x')")
    with pytest.raises(DatabaseError, match="9999_future, which is newer than this program"):
        await migrate(conn)


def test_a_changed_file_is_refused_by_name() -> None:
    known = known_migrations()
    with pytest.raises(DatabaseError, match=known[0].name):
        pending(known, {known[0].name: "another digest"})


async def test_a_table_of_the_same_name_that_is_something_else_is_named(empty_database: str) -> None:
    with trio.fail_after(30):
        async with asyncpg_trio.connect(empty_database) as conn:
            await conn.execute("create table public.sync_jobs (id int)")
            with pytest.raises(DatabaseError, match=r"public\.sync_jobs has no column tenant_id"):
                await migrate(conn)
            assert await conn.fetchval("select to_regclass('public.integration_jobs')") is None
