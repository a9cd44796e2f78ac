"""A real history is well to the doctor: two daemons, one killed in the middle of a sync, and every kind of end."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import trio

from drena.store.doctor import examine
from flows.stage import Stage
from support.daemons import launch_daemon
from support.fakes import open_fake, run_fake
from support.waiting import wait_ended, wait_until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import asyncpg_trio


@pytest.fixture
async def stage(database: str, conn: asyncpg_trio.Connection) -> AsyncIterator[Stage]:
    with run_fake() as address:
        async with open_fake(*address) as fake:
            yield Stage(dsn=database, conn=conn, fake=fake)


async def test_the_history_of_killed_and_stopped_daemons_is_well(stage: Stage) -> None:
    slow, gone, failing, quick = [await stage.open_office(slug, 105) for slug in ("slow", "gone", "failing", "quick")]
    await stage.fake.set_knobs(slow.token, latency_ms=150)
    await stage.fake.set_knobs(gone.token, latency_ms=400)
    stage.offices.remove(failing)  # no token: it gives up
    env = stage.environment(**{"lease.lease_s": 3, "tenant.max_jobs": 5})
    with trio.fail_after(55):
        async with launch_daemon(env) as first:
            jobs = {office.slug: (await stage.request(office))[1] for office in (slow, gone, failing, quick)}
            await wait_until(
                stage.conn, "select checkpoint is not null from integration_jobs where id = $1", jobs["slow"]
            )
            await first.kill()
        async with launch_daemon(env) as second:
            rescued = "select rescues >= 1 and status = 'running' from integration_jobs where id = $1"
            await wait_until(stage.conn, rescued, jobs["gone"])
            await stage.conn.fetch("select * from drena.cancel_job($1)", jobs["gone"])
            await wait_ended(stage.conn)
            await second.stop()
    ends = {row["id"]: row["status"] for row in await stage.conn.fetch("select id, status from integration_jobs")}
    assert [ends[jobs[slug]] for slug in ("slow", "gone", "failing", "quick")] == [
        "success", "canceled", "error", "success"
    ]  # fmt: skip
    assert await examine(stage.conn, patience_s=0.0) == []
