"""The statements of the page about Supabase do what the page says."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest
import trio

import asyncpg_trio
from drena.store.migrate import migrate
from page.scene import Scene
from repository.tree import ROOT
from support.fakes import open_fake

PAGE = (ROOT / "contrib" / "deployment" / "supabase.md").read_text()
BLOCKS = re.findall(r"```sql\n(.*?)```", PAGE, re.DOTALL)
LIMIT_S = 60.0

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


def block(word: str) -> str:
    """The one block of statements with this word in it."""
    (found,) = [text for text in BLOCKS if word in text]
    return found


@pytest.fixture
async def role(conn: asyncpg_trio.Connection, database: str) -> AsyncIterator[str]:
    """The DSN of the role that the page makes; a role belongs to the server, so it is taken away again."""
    parts = urlsplit(database)
    statements = block("create role drena").replace("create role drena", "create role drena_page")
    statements = statements.replace(" to drena;", " to drena_page;")
    await conn.execute(statements.replace("database postgres", f"database {parts.path[1:]}"))
    yield urlunsplit(parts._replace(netloc=f"drena_page:PASSWORD@{parts.netloc.rpartition('@')[2]}"))
    with trio.move_on_after(10, shield=True):
        await conn.execute("drop owned by drena_page; drop role drena_page")


async def test_the_daemon_works_with_the_role_of_the_page(
    role: str, conn: asyncpg_trio.Connection, fake_address: tuple[str, int]
):
    with trio.fail_after(LIMIT_S):
        async with open_fake(*fake_address) as fake:
            scene = Scene(dsn=role, conn=conn, fake=fake)
            office = await scene.open_office("contmax", 45)
            async with scene.serve():
                done = await scene.drena("request", "contmax", "acessorias", "--wait")
            assert done.code == 0, done.err
            await scene.assert_mirrored(office)


async def test_an_edge_function_may_ask_for_a_job_and_nobody_else(conn: asyncpg_trio.Connection):
    for name in ("anon", "authenticated", "service_role"):
        await conn.execute(f"do $$ begin create role {name}; exception when duplicate_object then end $$")
    await conn.execute(block("request_integration"))
    office = await conn.fetchval("insert into organizacoes (nome, slug) values ('x', 'x') returning id")
    await conn.execute("insert into tenant_integrations (tenant_id, provider) values ($1, 'acessorias')", office)
    await conn.execute("grant usage on schema public, drena to service_role; set role anon")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await conn.fetchval("select public.request_integration($1, 'acessorias')", office)
    await conn.execute("set role service_role")
    asked = [await conn.fetchval("select request_integration($1, 'acessorias') ->> 'outcome'", office) for _ in "12"]
    assert asked == ["created", "active"]


async def test_going_back_leaves_the_tables_to_the_old_functions_and_moving_in_again_works(
    conn: asyncpg_trio.Connection,
):
    office = await conn.fetchval("insert into organizacoes (nome, slug) values ('x', 'x') returning id")
    await conn.execute("insert into tenant_integrations (tenant_id, provider) values ($1, 'acessorias')", office)
    await conn.execute(block("integration_jobs_one_active_per_lane"))
    old = "insert into integration_jobs (tenant_id, provider_slug) values ($1, 'acessorias') returning id"
    first, _ = [await conn.fetchval(old, office) for _ in "12"]
    await conn.execute("update integration_jobs set status = 'success' where id = $1", first)
    await conn.execute("update integration_jobs set status = 'running' where id = $1", first)  # nothing guards it
    await conn.execute("drop schema drena cascade")
    await migrate(conn)
    assert await conn.fetchval("select count(*) from integration_jobs where status in ('pending', 'running')") == 1
