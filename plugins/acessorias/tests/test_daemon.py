"""The plugin inside the real daemon: found by its entry point, run as a process, against a migrated database."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
import trio

import asyncpg_trio
from support.daemons import FAST, environment, launch_daemon, run_drena
from support.offices import add_office
from support.postgres import PostgresServer
from support.waiting import wait_ended, wait_until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from uuid import UUID

    from fake_acessorias.launch import Fake

TOKEN = "synthetic-token"
COMPANIES_ALONE = {"confirm_delay_s": 0, "entities": ["companies"]}
ASK = "select (job).id from drena.request_job($1, 'acessorias')"
ENDED = "select status, error_code, error_message, result::text, attempts from integration_jobs where id = $1"
TOTALS = """
select total_read, total_created, total_updated, total_skipped, total_errors, status from sync_jobs
where entity = 'companies'
"""


@pytest.fixture(scope="module")
def template() -> Iterator[tuple[PostgresServer, str]]:
    """A server, and a migrated database on it to copy."""
    with PostgresServer() as running:
        dsn = running.create_database("migrated")
        done = trio.run(partial(run_drena, "migrate", env=environment(dsn, settings=FAST)))
        assert done.code == 0, done.err
        yield running, "migrated"


@dataclass
class World:
    """A tenant of a migrated database, its account at the fake, and the environment of a daemon for both."""

    dsn: str
    conn: asyncpg_trio.Connection
    fake: Fake

    @property
    def env(self) -> dict[str, str]:
        return environment(self.dsn, tokens={"contmax": TOKEN}, settings=FAST)

    async def open_office(self, **config: Any) -> UUID:
        return await add_office(self.conn, "contmax", base_url=self.fake.url, config=COMPANIES_ALONE | config)


@pytest.fixture
async def world(template: tuple[PostgresServer, str], fake: Fake) -> AsyncIterator[World]:
    server, name = template
    dsn = server.create_database(template=name)
    async with asyncpg_trio.connect(dsn) as conn:
        yield World(dsn, conn, fake)


async def test_a_job_mirrors_the_companies_and_says_what_it_did(world: World) -> None:
    conn, tenant = world.conn, await world.open_office()
    async with launch_daemon(world.env) as daemon:
        job = await conn.fetchval(ASK, tenant)
        await wait_ended(conn)
        assert TOKEN not in daemon.text
    row = await conn.fetchrow(ENDED, job)
    assert (row["status"], row["error_code"], row["attempts"]) == ("success", None, 1)
    result = json.loads(row["result"])
    assert (result["read"], result["pages"]) == (65, 4)
    assert result["read"] == result["created"] + result["updated"] + result["skipped"] + result["errors"]
    counted = tuple(result[name] for name in ("read", "created", "updated", "skipped", "errors"))
    assert tuple(await conn.fetchrow(TOTALS)) == (*counted, "success")
    assert await conn.fetchval("select count(*) from empresas where organizacao_id = $1", tenant) == result["created"]


async def test_a_daemon_stopped_in_the_middle_leaves_a_job_that_another_finishes(world: World) -> None:
    conn, tenant = world.conn, await world.open_office()
    await world.fake.set_knobs(only_pages=[3], slow_next=1, slow_ms=3_600_000)
    async with launch_daemon(world.env | {"DRENA_SHUTDOWN__GRACE_S": "0.1"}):
        job = await conn.fetchval(ASK, tenant)
        await wait_until(conn, "select checkpoint ->> 'next_page' = '2' from integration_jobs where id = $1", job)
    assert await conn.fetchval("select status from integration_jobs where id = $1", job) == "pending"
    async with launch_daemon(world.env):
        await wait_ended(conn)
    row = await conn.fetchrow(ENDED, job)
    assert (row["status"], json.loads(row["result"])["read"]) == ("success", 65)
    assert (await conn.fetchrow(TOTALS))["total_read"] == 65


@pytest.mark.parametrize(
    "config, knobs, code",
    [
        ({"include": ["everything"]}, {}, "config_invalid"),
        ({}, {"ignore_pagina": True}, "pagination_repeated"),
    ],
)
async def test_a_job_that_no_retry_heals_ends_with_its_reason(
    world: World, config: dict[str, Any], knobs: dict[str, Any], code: str
) -> None:
    conn, tenant = world.conn, await world.open_office(**config)
    await world.fake.set_knobs(**knobs)
    async with launch_daemon(world.env):
        job = await conn.fetchval(ASK, tenant)
        await wait_ended(conn)
    row = await conn.fetchrow(ENDED, job)
    assert (row["status"], row["error_code"], row["attempts"]) == ("error", code, 1)
    assert row["error_message"]


async def test_check_says_what_the_token_sees(world: World) -> None:
    await world.open_office()
    done = await run_drena("check", "contmax", "acessorias", env=world.env)
    assert done.code == 0, done.err
    assert "20 empresas" in done.out
    await world.fake.set_knobs(masked=True)
    assert "Fantasia" in (await run_drena("check", "contmax", "acessorias", env=world.env)).out
    await world.fake.set_knobs(revoked=True)
    assert (await run_drena("check", "contmax", "acessorias", env=world.env)).code != 0


async def test_a_job_without_a_lane_mirrors_companies_and_deliveries(world: World) -> None:
    tenant = await world.open_office(entities=["companies", "deliveries"])
    await world.conn.execute("update tenant_integrations set config = config - 'entities'")
    async with launch_daemon(world.env):
        job = await world.conn.fetchval(ASK, tenant)
        await wait_ended(world.conn)
    row = await world.conn.fetchrow(ENDED, job)
    assert row["status"] == "success", row["error_message"]
    result = json.loads(row["result"])
    assert (result["entity"], result["deliveries"]["entity"]) == ("companies", "deliveries")
    assert result["deliveries"]["created"] == await world.conn.fetchval("select count(*) from drena.deliveries") > 0


async def test_a_dry_run_says_what_a_job_would_do_and_changes_nothing(world: World) -> None:
    tenant = await world.open_office()
    done = await run_drena("check", "contmax", "acessorias", "--dry-run", "--json", env=world.env)
    assert done.code == 0, done.err
    said = json.loads(done.out)
    (row,) = said["entities"]
    assert (row["entity"], row["read"], said["result"]["read"]) == ("companies", 65, 65)
    for table in ("empresas", "integration_jobs", "sync_jobs", "drena.sync_state"):
        assert await world.conn.fetchval(f"select count(*) from {table}") == 0
    async with launch_daemon(world.env):
        job = await world.conn.fetchval(ASK, tenant)
        await wait_ended(world.conn)
    result = json.loads((await world.conn.fetchrow(ENDED, job))["result"])
    assert {name: result[name] for name in row if name != "entity"} == {k: v for k, v in row.items() if k != "entity"}
    again = await run_drena("check", "contmax", "acessorias", "--dry-run", env=world.env)
    assert again.code == 0, again.err
    assert "companies  65" in again.out
    assert "Nothing was changed." in again.out


async def test_a_dry_run_that_would_fail_says_why(world: World) -> None:
    await world.open_office()
    await world.fake.set_knobs(revoked=True)
    done = await run_drena("check", "contmax", "acessorias", "--dry-run", env=world.env)
    assert done.code == 1
    assert "recusou o token (401)" in done.err
    assert TOKEN not in done.err + done.out


async def test_a_dry_run_beside_an_active_job_is_refused(world: World) -> None:
    tenant = await world.open_office()
    await world.conn.execute(ASK, tenant)
    done = await run_drena("check", "contmax", "acessorias", "--dry-run", env=world.env)
    assert done.code == 2
    assert "waits or runs" in done.err
