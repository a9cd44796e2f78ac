"""A provider's statement whose answer is lost on the way: however long it may take, it does not wait for what will not
come."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import asyncpg_trio
from drena.engine import statements
from engine.node import Script, open_node
from support.proxies import open_proxy
from support.waiting import wait_until

if TYPE_CHECKING:
    import pytest

    from drena.api import Context
    from support.postgres import PostgresServer

SOON_S = 0.4


async def test_a_connection_that_carries_nothing_any_more_interrupts_the_attempt_and_loses_nothing(
    server: PostgresServer, database: str, conn: asyncpg_trio.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(statements, "ANSWER_LIMIT_S", SOON_S)
    seen: list[object] = []
    async with open_proxy(server.port) as proxy:

        async def lose(ctx: Context) -> None:
            seen.append(ctx.checkpoint)
            async with ctx.transaction() as transaction:
                transaction.checkpoint(len(seen))
            async with ctx.transaction() as transaction:
                if len(seen) == 1:
                    proxy.half_open()
                await transaction.execute("select 1")

        behind = f"postgresql://postgres@127.0.0.1:{proxy.port}{urlsplit(database).path}"
        async with open_node(behind, Script(lose=lose), database__pool_size=2) as node:
            job_id = await node.request("lose")
            await wait_until(conn, "select status not in ('pending', 'running') from integration_jobs", limit_s=60)
            assert node.log.find("no answer will come to a provider's statement")
    row = await conn.fetchrow("select status, attempts from integration_jobs where id = $1", job_id)
    assert tuple(row) == ("success", 1), "it was not the provider's fault"
    assert seen == [None, 1]


async def test_a_statement_that_takes_its_time_is_left_alone(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(statements, "ANSWER_LIMIT_S", SOON_S)

    async def slow(ctx: Context) -> None:
        async with ctx.transaction() as transaction:
            await transaction.execute("select pg_sleep($1)", 5 * SOON_S)

    async with open_node(database, Script(slow=slow)) as node:
        job = await node.perform("slow", attempts=1)
    assert job["status"] == "success"
