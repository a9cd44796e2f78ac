"""Schedules on a real database: exactly one job an occurrence, whoever looks and whoever dies."""

from __future__ import annotations

import signal
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest
import trio

import asyncpg_trio
from drena.cron import CronError
from drena.metrics import Metrics
from drena.schedules import CHANNEL, Scheduler
from drena.store import steering
from drena.store.schedules import (
    clear_schedule,
    list_schedules,
    next_schedule_s,
    run_schedule,
    save_jitter,
    set_schedule,
)
from engine.node import Recorder, Script, open_node
from support.daemons import environment, launch_daemon
from support.waiting import wait_until

if TYPE_CHECKING:
    from asyncpg_trio import Connection, Pool

DAILY = "0 2 * * *"


async def office(on: Any, slug: str = "contmax", provider: str = "script") -> UUID:
    tenant: UUID = await on.fetchval("insert into organizacoes (nome, slug) values ($1, $1) returning id", slug)
    await on.execute("insert into tenant_integrations (tenant_id, provider) values ($1, $2)", tenant, provider)
    return tenant


async def fall_due(on: Any, ago: str = "1 second") -> None:
    """Let every schedule's moment have passed so long ago, by the database's clock."""
    await on.execute("update drena.schedules set next_at = now() - $1::text::interval, occurrence = null", ago)


async def jobs(on: Any) -> int:
    found: int = await on.fetchval("select count(*) from integration_jobs")
    return found


async def end_jobs(on: Any) -> None:
    await on.execute("update integration_jobs set status = 'running', started_at = now() where status = 'pending'")
    await on.execute("update integration_jobs set status = 'success' where status = 'running'")


async def run_due(pool: Pool) -> list[str]:
    """What a look of one node makes of what is due."""
    async with pool.acquire() as conn:
        keys = await conn.fetch("select tenant_id, provider_slug, lane from drena.schedules where next_at <= now()")
    found = [await run_schedule(pool, tuple(key)) for key in keys]  # type: ignore[arg-type]
    return [ran.outcome for ran in found if ran is not None]


async def test_a_set_schedule_shows_its_next_moment_by_the_database_s_clock(pool):
    tenant = await office(pool)
    first = await set_schedule(pool, tenant, "script", cron="  0  2 * * * ")
    (listed,) = await list_schedules(pool)
    now = await pool.fetchval("select now()")
    assert (listed.cron, listed.timezone, listed.next_at) == (DAILY, "America/Sao_Paulo", first.at)
    assert now < first.at <= now + timedelta(days=1)
    assert 0 < await next_schedule_s(pool) <= 86_400
    view = await pool.fetchrow(
        "select v ->> 'next_at' as next_at, v -> 'schedule' ->> 'cron' as cron "
        "from tenant_integrations t, drena.integration_view(t) v"
    )
    assert (datetime.fromisoformat(view["next_at"]), view["cron"]) == (first.at, DAILY)


async def test_clients_see_a_schedule_come_move_and_go(pool):
    tenant = await office(pool)

    async def feed() -> int:
        offset: int = await pool.fetchval('select "offset" from drena.feed_head where tenant_id = $1', tenant)
        return offset

    seen = [await feed()]
    await set_schedule(pool, tenant, "script", cron=DAILY)
    seen.append(await feed())
    await fall_due(pool)
    await run_due(pool)
    seen.append(await feed())
    assert await clear_schedule(pool, tenant, "script")
    seen.append(await feed())
    assert seen == sorted(set(seen))
    assert not await clear_schedule(pool, tenant, "script")


async def test_a_schedule_that_makes_no_sense_is_not_set(pool):
    tenant = await office(pool)
    with pytest.raises(CronError):
        await set_schedule(pool, tenant, "script", cron="every day")
    with pytest.raises(CronError):
        await set_schedule(pool, tenant, "script", cron=DAILY, timezone="Mars/Olympus")
    assert await list_schedules(pool) == []


async def test_an_occurrence_asks_for_one_job_and_moves_on(pool):
    tenant = await office(pool)
    await set_schedule(pool, tenant, "script", cron=DAILY)
    await fall_due(pool)
    assert await run_due(pool) == ["created"]
    assert await run_due(pool) == []
    assert await jobs(pool) == 1
    (listed,) = await list_schedules(pool)
    assert listed.next_at is not None
    assert listed.next_at > datetime.now(UTC)


async def test_what_was_missed_for_a_week_runs_once(pool):
    tenant = await office(pool)
    await set_schedule(pool, tenant, "script", cron="*/5 * * * *")
    await fall_due(pool, "7 days")
    assert await run_due(pool) == ["created"]
    await end_jobs(pool)
    assert await run_due(pool) == []
    assert await jobs(pool) == 1


async def test_a_lane_that_is_still_active_is_left_alone_and_its_backoff_too(pool):
    tenant = await office(pool)
    await set_schedule(pool, tenant, "script", cron=DAILY)
    await pool.execute("select outcome from drena.request_job($1, 'script')", tenant)
    await pool.execute("update integration_jobs set run_at = now() + interval '1 hour'")
    await fall_due(pool)
    assert await run_due(pool) == ["active"]
    assert await jobs(pool) == 1
    assert await pool.fetchval("select run_at > now() + interval '50 minutes' from integration_jobs")


async def test_a_stuck_job_in_the_lane_is_healed_and_replaced(pool):
    tenant = await office(pool)
    await set_schedule(pool, tenant, "script", cron=DAILY)
    await pool.execute("select outcome from drena.request_job($1, 'script')", tenant)
    await pool.execute(
        "update integration_jobs set created_at = now() - interval '1 d', run_at = now() - interval '1 d'"
    )
    await fall_due(pool)
    assert await run_due(pool) == ["created"]
    states = await pool.fetch("select status from integration_jobs order by created_at")
    assert [row["status"] for row in states] == ["error", "pending"]


async def test_a_disabled_and_a_paused_integration_are_passed_over(pool):
    tenant = await office(pool)
    await set_schedule(pool, tenant, "script", cron=DAILY)
    await pool.execute("update tenant_integrations set is_enabled = false")
    await fall_due(pool)
    assert await run_due(pool) == ["integration_disabled"]
    await pool.execute("update tenant_integrations set is_enabled = true")
    await steering.pause(pool, None, "script")
    await fall_due(pool)
    assert await run_due(pool) == ["paused"]
    await pool.execute("delete from drena.pauses")
    await pool.execute("delete from tenant_integrations")
    await fall_due(pool)
    assert await run_due(pool) == ["integration_not_found"]
    assert await jobs(pool) == 0
    assert (await list_schedules(pool))[0].next_at > datetime.now(UTC)


async def test_offices_of_one_moment_start_apart_and_always_at_their_own_time(pool):
    await save_jitter(pool, 600)
    tenants = [await office(pool, f"office-{n}") for n in range(20)]
    moments = {t: (await set_schedule(pool, t, "script", cron=DAILY)).at for t in tenants}
    assert len(set(moments.values())) > 10
    spread = max(moments.values()) - min(moments.values())
    assert timedelta(minutes=2) < spread < timedelta(minutes=10)
    await fall_due(pool)
    assert await run_due(pool) == ["created"] * 20
    for listed in await list_schedules(pool):
        assert listed.next_at is not None
        assert (listed.next_at - moments[listed.tenant_id]) % timedelta(days=1) == timedelta()


async def test_twenty_nodes_that_look_at_once_make_one_job_an_occurrence(database, pool):
    tenants = [await office(pool, f"office-{n}") for n in range(5)]
    for tenant in tenants:
        await set_schedule(pool, tenant, "script", cron="* * * * *")
    async with asyncpg_trio.create_pool(database, min_size=0, max_size=20) as crowd:
        for occurrence in range(1, 6):
            await end_jobs(pool)
            await fall_due(pool)
            outcomes: list[str] = []

            async def look(outcomes: list[str] = outcomes) -> None:
                outcomes += await run_due(crowd)

            with trio.fail_after(30):
                async with trio.open_nursery() as nursery:
                    for _ in range(20):
                        nursery.start_soon(look)
            assert outcomes == ["created"] * 5
            assert await jobs(pool) == 5 * occurrence


async def test_a_schedule_broken_by_hand_stands_still_and_holds_up_no_other(pool):
    log, metrics = Recorder(), Metrics()
    for n, cron in enumerate(["every day", DAILY, DAILY]):
        tenant = await office(pool, f"office-{n}")
        await set_schedule(pool, tenant, "script", cron=DAILY)
        await pool.execute("update drena.schedules set cron = $2 where tenant_id = $1", tenant, cron)
    await fall_due(pool)
    await run_until(pool, log, metrics, "select count(*) = 2 from integration_jobs")
    (broken, *_rest) = [each for each in await list_schedules(pool) if each.next_at is None]
    assert broken.problem is not None
    assert broken.cron == "every day"
    assert len(log.find("a schedule makes no sense and stands still: set it anew")) == 1
    assert metrics.scheduled.counts == {("invalid",): 1, ("created",): 2}
    await set_schedule(pool, broken.tenant_id, "script", cron=DAILY)
    assert all(each.next_at and not each.problem for each in await list_schedules(pool))


async def test_a_job_that_the_database_refuses_holds_up_no_other_office(pool):
    tenants = [await office(pool, f"office-{n}") for n in range(3)]
    for tenant in tenants:
        await set_schedule(pool, tenant, "script", cron=DAILY)
    await fall_due(pool)
    await pool.execute(
        "create function refuse() returns trigger language plpgsql as $$ begin raise 'not this one'; end $$"
    )
    await pool.execute(
        f"create trigger a_refusal before insert on integration_jobs for each row "
        f"when (new.tenant_id = '{tenants[0]}') execute function refuse()"
    )
    log = Recorder()
    await run_until(pool, log, Metrics(), "select count(*) = 2 from integration_jobs")
    assert len(log.find("the database refuses a scheduled job, will try again")) == 1
    assert await pool.fetchval("select next_at <= now() from drena.schedules where tenant_id = $1", tenants[0])


async def run_until(pool: Pool, log: Recorder, metrics: Metrics, condition: str) -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(Scheduler(pool, metrics, log).run)  # type: ignore[arg-type]
        async with pool.acquire() as conn:
            await wait_until(conn, condition)
        nursery.cancel_scope.cancel()


async def test_setting_a_schedule_wakes_the_nodes_and_moving_on_does_not(database, pool):
    tenant = await office(pool)
    with trio.fail_after(20):
        async with asyncpg_trio.connect(database) as listening, listening.listen(CHANNEL) as heard:
            await set_schedule(pool, tenant, "script", cron=DAILY)
            await heard.receive()
            await fall_due(pool)
            assert await run_due(pool) == ["created"]
            await set_schedule(pool, tenant, "script", cron="5 2 * * *")
            await heard.receive()
            with pytest.raises(trio.WouldBlock):
                heard.receive_nowait()


async def test_a_node_runs_what_is_due_and_what_is_set_while_it_sleeps(database):
    ran: list[str] = []

    async def act(ctx: Any) -> None:  # noqa: ASYNC124
        ran.append(ctx.tenant.slug)

    class Clockwork(Script):
        async def run(self, ctx: Any) -> None:
            await act(ctx)

    async with open_node(database, Clockwork(), schedule__jitter_s=0) as node:
        tenant = await node.office("contmax")
        await set_schedule(node.conn, tenant, "script", cron=DAILY)
        await fall_due(node.conn)
        await node.conn.execute("notify drena_schedules")
        await wait_until(node.conn, "select count(*) = 1 from integration_jobs where status = 'success'")
        assert ran == ["contmax"]
        (line,) = node.log.find("schedule ran", outcome="created")
        assert line["late_s"] >= 1
        text = (await node.daemon.metrics.render()).decode()
    assert 'drena_schedule_runs_total{outcome="created"} 1.0' in text


async def test_a_node_killed_between_job_and_clock_leaves_neither_and_the_next_one_does_both(database, conn):
    """The node hangs where its transaction has the job and wants to move the clock; then it gets SIGKILL."""
    tenant = await office(conn, provider="acessorias")
    await set_schedule(conn, tenant, "acessorias", cron=DAILY)
    await stop_in_the_middle(conn)
    await conn.execute("select pg_advisory_lock(13)")
    await conn.execute("update drena.schedules set next_at = now() - interval '1 s'")
    env = environment(database, tokens={"contmax": "a-synthetic-token"})
    async with launch_daemon(env) as first:
        waiting = "select exists (select from pg_locks where locktype = 'advisory' and not granted)"
        await wait_until(conn, waiting)
        first.send(signal.SIGKILL)
        await first.wait()
    await conn.execute("select pg_advisory_unlock(13)")
    await conn.execute("drop trigger hang on drena.schedules")
    assert await jobs(conn) == 0
    assert await conn.fetchval("select next_at < now() from drena.schedules")
    async with launch_daemon(env):
        await wait_until(conn, "select count(*) = 1 from integration_jobs")
        await wait_until(conn, "select next_at > now() from drena.schedules")
    assert await jobs(conn) == 1


async def stop_in_the_middle(conn: Connection) -> None:
    await conn.execute(
        "create function hang() returns trigger language plpgsql as "
        "$$ begin perform pg_advisory_xact_lock(13); return new; end $$"
    )
    await conn.execute(
        "create trigger hang before update on drena.schedules for each row "
        "when (new.next_at > now()) execute function hang()"
    )
