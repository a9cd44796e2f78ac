"""Daemons and databases that go away in the middle of a sync: it ends all the same, and every page counts once."""

from __future__ import annotations

import json
import random
import signal
from typing import TYPE_CHECKING, Any

import pytest
import trio

import asyncpg_trio
from flows.stage import Stage
from support.daemons import environment, launch_daemon
from support.fakes import open_fake
from support.postgres import PostgresServer
from support.waiting import wait_ended, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from uuid import UUID

    from flows.stage import Office

LIMIT_S = 60.0
COMPANIES = 205
MIGRATIONS_LOCK = 0x6472656E61

AUDIT = """
create table audit (external_key text, what text);
create function audit() returns trigger language plpgsql as
    $$ begin insert into audit values (new.external_key, tg_op); return null; end $$;
create trigger audit after insert or update on empresas for each row execute function audit();
"""


@pytest.fixture
def own_server() -> Iterator[PostgresServer]:
    """A server to be restarted."""
    with PostgresServer() as running:
        yield running


async def start_slow_sync(stage: Stage) -> tuple[Office, UUID]:
    """Ask for a sync that takes seconds, on a database that remembers every write of a company."""
    await stage.conn.execute(AUDIT)
    office = await stage.open_office("contmax", COMPANIES)
    await stage.fake.set_knobs(office.token, latency_ms=100)
    return office, (await stage.request(office))[1]


async def reach_page(stage: Stage, job_id: UUID, page: int) -> None:
    await wait_until(
        stage.conn, "select (checkpoint ->> 'next_page')::int > $2 from integration_jobs where id = $1", job_id, page
    )


async def assert_every_page_counted_once(stage: Stage, office: Office, job_id: UUID) -> None:
    await stage.assert_settled(office, job_id, "success")
    await stage.assert_mirrored(office)
    assert json.loads((await stage.job(job_id))["result_text"])["read"] == COMPANIES
    sync = await stage.conn.fetchrow("select * from sync_jobs where job_id = $1", job_id)
    assert sync is not None
    assert sync["total_read"] == COMPANIES
    assert sync["total_created"] + sync["total_updated"] + sync["total_skipped"] == COMPANIES
    audit = await stage.conn.fetch("select what, count(*) as n from audit group by what")
    assert {row["what"]: row["n"] for row in audit}.get("INSERT") == sync["total_created"]
    assert {row["what"]: row["n"] for row in audit}.get("UPDATE", 0) == sync["total_updated"]


async def test_a_killed_daemons_sync_is_finished_by_the_next_from_its_checkpoint(stage: Stage) -> None:
    office, job_id = await start_slow_sync(stage)
    with trio.fail_after(LIMIT_S):
        async with stage.daemon(lease__lease_s=1) as first:
            await reach_page(stage, job_id, 4)
            await first.kill()
            left = await stage.job(job_id)
            assert (left["status"], left["attempts"]) == ("running", 1)
            async with stage.daemon(lease__lease_s=1) as second:
                job = await stage.ended(job_id)
                await second.logged("job rescued", job_id=str(job_id), rescues=1)
    assert (job["rescues"], job["attempts"]) == (1, 1)
    assert job["lease_token"] > left["lease_token"]
    await assert_every_page_counted_once(stage, office, job_id)
    assert (await stage.pages_asked(office)).count(1) == 1
    assert "job.rescued" in [event for event, _, _ in await stage.logs(job_id)]


async def test_a_daemon_that_was_frozen_and_lost_its_job_changes_nothing_when_it_thaws(stage: Stage) -> None:
    office, job_id = await start_slow_sync(stage)
    with trio.fail_after(LIMIT_S):
        async with stage.daemon(lease__lease_s=1) as first:
            await reach_page(stage, job_id, 3)
            first.send(signal.SIGSTOP)
            async with stage.daemon(lease__lease_s=1) as second:
                await stage.ended(job_id)
                await second.logged("attempt succeeded", job_id=str(job_id))
                after = dict(await stage.job(job_id))
                first.send(signal.SIGCONT)
                await first.logged("node joined", count=2)
            outcome, another = await stage.request(office)
            assert outcome == "created"
            assert (await stage.ended(another))["status"] == "success"
    assert dict(await stage.job(job_id)) == after
    assert not first.find("attempt succeeded", job_id=str(job_id))
    assert first.find("attempt succeeded", job_id=str(another))
    sync = await stage.conn.fetchrow("select total_read, status from sync_jobs where job_id = $1", job_id)
    assert sync is not None
    assert tuple(sync) == (COMPANIES, "success")


async def test_sigterm_releases_what_the_grace_does_not_finish_and_the_next_daemon_goes_on(stage: Stage) -> None:
    office, job_id = await start_slow_sync(stage)
    with trio.fail_after(LIMIT_S):
        async with stage.daemon(shutdown__grace_s=0.2) as first:
            await reach_page(stage, job_id, 3)
            assert await first.stop() == 0
        released = await stage.job(job_id)
        assert (released["status"], released["attempts"], released["node_id"]) == ("pending", 0, None)
        assert json.loads(released["checkpoint"])["next_page"] > 3
        assert await stage.conn.fetchval("select count(*) from drena.nodes") == 0
        assert ("job.released", None, 1) in await stage.logs(job_id)
        async with stage.daemon():
            job = await stage.ended(job_id)
    assert (job["attempts"], job["rescues"]) == (1, 0)
    await assert_every_page_counted_once(stage, office, job_id)
    assert (await stage.pages_asked(office)).count(1) == 1


async def test_sigterm_lets_an_attempt_finish_within_the_grace_and_claims_nothing_more(stage: Stage) -> None:
    office, job_id = await start_slow_sync(stage)
    with trio.fail_after(LIMIT_S):
        async with stage.daemon(shutdown__grace_s=30, tenant__max_jobs=1) as daemon:
            await reach_page(stage, job_id, 2)
            await stage.conn.execute(
                "insert into integration_jobs (tenant_id, provider_slug, lane) values ($1, 'acessorias', 'next')",
                office.id,
            )
            assert await daemon.stop() == 0
    await assert_every_page_counted_once(stage, office, job_id)
    waiting = await stage.conn.fetchrow("select status, attempts from integration_jobs where lane = 'next'")
    assert waiting is not None
    assert tuple(waiting) == ("pending", 0)


async def test_a_second_signal_releases_at_once(stage: Stage) -> None:
    _, job_id = await start_slow_sync(stage)
    await stage.fake.set_knobs(latency_ms=0)
    with trio.fail_after(LIMIT_S):
        async with stage.daemon(shutdown__grace_s=3600) as daemon:
            await reach_page(stage, job_id, 2)
            daemon.send(signal.SIGTERM)
            daemon.send(signal.SIGINT)  # another number, so that the kernel does not fold the two into one
            assert await daemon.wait(5.0) == 0
    released = await stage.job(job_id)
    assert (released["status"], released["attempts"]) == ("pending", 0)


async def test_a_daemon_that_waits_for_another_migrator_ends_at_the_first_signal(
    server: PostgresServer, empty_database: str
) -> None:
    with trio.fail_after(LIMIT_S):
        async with asyncpg_trio.connect(empty_database) as conn, conn.transaction():
            await conn.execute("select pg_advisory_xact_lock($1)", MIGRATIONS_LOCK)
            async with launch_daemon(environment(empty_database), joined=False) as daemon:
                await wait_until(conn, "select exists (select from pg_locks where not granted)")
                assert await daemon.stop() == 0


async def test_a_restart_of_the_database_in_the_middle_costs_a_retry_at_most(
    own_server: PostgresServer, fake_address: tuple[str, int]
) -> None:
    await run_through_an_outage(own_server, fake_address, lease_s=15)


async def test_an_outage_longer_than_the_lease_stops_the_attempt_and_the_sync_goes_on_afterwards(
    own_server: PostgresServer, fake_address: tuple[str, int]
) -> None:
    await run_through_an_outage(own_server, fake_address, lease_s=1)


async def run_through_an_outage(server: PostgresServer, fake_address: tuple[str, int], *, lease_s: float) -> None:
    """Start a sync on an empty database, restart the server under it, and hold the end to the usual."""
    dsn = server.create_database("office")
    with trio.fail_after(LIMIT_S):
        async with open_fake(*fake_address) as fake:
            async with asyncpg_trio.connect(dsn) as conn:
                stage = Stage(dsn=dsn, conn=conn, fake=fake)
                assert (await stage.drena("migrate")).code == 0
                office, job_id = await start_slow_sync(stage)
                env = stage.environment(lease__lease_s=lease_s)
            async with launch_daemon(env) as daemon:
                async with asyncpg_trio.connect(dsn) as conn:
                    await reach_page(Stage(dsn=dsn, conn=conn, fake=fake), job_id, 3)
                server.stop("fast")
                if lease_s < 5:
                    await daemon.logged("database out of reach, will try again", doing="release jobs")
                server.start()
                async with asyncpg_trio.connect(dsn) as conn:
                    stage = Stage(dsn=dsn, conn=conn, fake=fake)
                    await stage.ended(job_id)
                    await assert_every_page_counted_once(stage, office, job_id)
                    assert (await stage.pages_asked(office)).count(1) == 1
                    outcome, another = await stage.request(office)
                    assert outcome == "created"
                    assert (await stage.ended(another))["status"] == "success"


async def test_daemons_killed_at_random_under_a_failing_api_lose_nothing_and_leave_nothing_active(stage: Stage) -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    dice = random.Random(seed)
    offices = [await stage.open_office(f"office-{n}", 60 + 20 * n) for n in range(4)]
    for office in offices:
        await stage.fake.set_knobs(office.token, latency_ms=30, fail_every=dice.randint(15, 25), fail_status=503)
    jobs = {office: (await stage.request(office))[1] for office in offices}
    await stage.conn.execute("update integration_jobs set max_attempts = 50")
    settings: dict[str, Any] = {"lease__lease_s": 1}
    with trio.fail_after(LIMIT_S):
        async with stage.daemon(**settings):
            for _ in range(3):
                async with stage.daemon(**settings) as victim:
                    await victim.logged("node joined")
                    pages = dice.randint(1, 4)
                    query = "select coalesce(sum((checkpoint ->> 'next_page')::int), 0) + $1 from integration_jobs"
                    target = await stage.conn.fetchval(query, pages)
                    await wait_until(
                        stage.conn,
                        "select coalesce(sum((checkpoint ->> 'next_page')::int), 0) >= $1 "
                        "or bool_and(status not in ('pending', 'running')) from integration_jobs",
                        target,
                    )
                    await victim.kill()
            await wait_ended(stage.conn)
    for office, job_id in jobs.items():
        await stage.assert_settled(office, job_id, "success")
        await stage.assert_mirrored(office)
        assert (
            await stage.conn.fetchval("select total_read from sync_jobs where job_id = $1", job_id)
            == (json.loads((await stage.job(job_id))["result_text"])["read"])
        )
