"""What people ask of running nodes: cancel, pause, retry; and what the daemon does about providers that misbehave."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest
import trio

if TYPE_CHECKING:
    from support.nodes import Fleet

CANCEL_S = 2.0
SLACK_S = 3.0


@pytest.mark.parametrize("listening", [True, False], ids=["listening", "polling"])
async def test_a_running_job_is_cancelled_within_two_seconds_wherever_it_runs(fleet: Fleet, listening: bool) -> None:
    office = await fleet.office()
    more = {} if listening else {"database__listen_url": "postgresql://postgres@127.0.0.1:9/nowhere"}
    async with fleet.node("north", poll__poll_s=2, **more), fleet.node("south", poll__poll_s=2, **more):
        jobs = [await fleet.request(office, f"{n}", pages=1000, pace_s=0.05) for n in range(4)]
        await fleet.until("select count(distinct job_id) = 4 from ticks")
        for job in jobs:
            assert await fleet.ask("select outcome from drena.cancel_job($1)", job) == "cancel_requested"
            await fleet.status_is(job, "canceled", limit_s=CANCEL_S + SLACK_S)
    await fleet.prove(statuses={"canceled"})


async def test_a_job_is_cancelled_also_while_its_node_shuts_down(fleet: Fleet) -> None:
    office = await fleet.office()
    async with fleet.node("north", shutdown__grace_s=30) as north:
        job = await fleet.request(office, pages=1000, pace_s=0.05)
        await fleet.until("select count(*) > 0 from ticks where job_id = $1", job)
        north.send(signal.SIGTERM)
        await fleet.until("select pg_sleep(0.2) is not null")
        await fleet.ask("select outcome from drena.cancel_job($1)", job)
        await fleet.status_is(job, "canceled", limit_s=CANCEL_S + SLACK_S)
        assert await north.wait() == 0
    await fleet.prove(statuses={"canceled"})


async def test_a_provider_that_ignores_cancellation_delays_neither_the_verdict_nor_other_jobs(fleet: Fleet) -> None:
    office = await fleet.office()
    async with fleet.node("north") as north:
        job = await fleet.request(office, pages=4, mode="deaf", page=2, for_s=5)
        await fleet.until("select count(*) = 1 from ticks where job_id = $1", job)
        await fleet.ask("select outcome from drena.cancel_job($1)", job)
        await fleet.status_is(job, "canceled", limit_s=CANCEL_S + SLACK_S)
        again = await fleet.request(office, pages=2)
        await fleet.status_is(again, "success")
        await north.logged("provider does not react to cancellation; its job ends without it")
        await fleet.until("select pg_sleep(0.1) is not null and $1::int = 0", 0)
        with trio.fail_after(60):
            while not [e for e in fleet.entries(job) if e.event == "stopped"]:
                await fleet.until("select pg_sleep(0.1) is not null")
    assert await fleet.ask("select count(*) from ticks where job_id = $1", job) == 1
    await fleet.prove(statuses={"success", "canceled"})


async def test_a_job_of_a_dead_node_that_was_cancelled_ends_as_cancelled(fleet: Fleet) -> None:
    office = await fleet.office()
    async with fleet.node("north") as north:
        job = await fleet.request(office, pages=1000, pace_s=0.05)
        await fleet.until("select count(*) > 0 from ticks where job_id = $1", job)
        await north.kill()
        await fleet.ask("select outcome from drena.cancel_job($1)", job)
        async with fleet.node("south"):
            await fleet.status_is(job, "canceled")
    row = await fleet.job(job)
    assert (row["error_code"], row["attempts"], row["rescues"]) == ("canceled", 0, 1)
    await fleet.prove(statuses={"canceled"})


async def test_what_is_paused_waits_and_what_is_resumed_runs(fleet: Fleet) -> None:
    office, other = await fleet.office("contmax"), await fleet.office("solaris")
    async with fleet.node("north"):
        await fleet.rows("select drena.pause($1, 'ticker')", office)
        waits, runs = await fleet.request(office, pages=1), await fleet.request(other, pages=1)
        await fleet.status_is(runs, "success")
        await fleet.until("select pg_sleep(0.7) is not null")  # a poll and more
        assert (await fleet.job(waits))["status"] == "pending"
        assert await fleet.ask("select drena.resume($1, 'ticker')", office)
        await fleet.status_is(waits, "success")
        await fleet.rows("select drena.pause()")
        waits = await fleet.request(other, pages=1)
        await fleet.until("select pg_sleep(0.7) is not null")
        assert (await fleet.job(waits))["status"] == "pending"
        await fleet.ask("select drena.resume()")
        await fleet.status_is(waits, "success")
    await fleet.prove(statuses={"success"})


async def test_a_provider_that_stands_still_is_stopped_and_tried_again(fleet: Fleet) -> None:
    office = await fleet.office()
    async with fleet.node("north", env={"TICKER_NO_PROGRESS_S": "0.6"}) as north:
        job = await fleet.request(office, pages=4, mode="hang", page=3, attempts=1)
        await fleet.status_is(job, "success")
        retry = await north.logged("attempt failed, will retry", job_id=str(job))
    assert retry["code"] == "no_progress"
    assert (await fleet.job(job))["attempts"] == 2
    await fleet.prove(statuses={"success"})


async def test_a_provider_that_moves_is_never_stopped_for_standing_still(fleet: Fleet) -> None:
    office = await fleet.office()
    async with fleet.node("north", env={"TICKER_NO_PROGRESS_S": "0.6"}):
        job = await fleet.request(office, pages=20, pace_s=0.1)
        await fleet.status_is(job, "success")
    assert (await fleet.job(job))["attempts"] == 1
    await fleet.prove(statuses={"success"})


@pytest.mark.parametrize(
    "mode, attempts, status, code, made",
    [
        ("fail", 2, "success", None, 3),
        ("bug", 9, "error", "provider_bug", 5),
    ],
)
async def test_a_failing_provider_is_tried_again_by_itself_and_ends_in_the_end(
    fleet: Fleet, mode: str, attempts: int, status: str, code: str | None, made: int
) -> None:
    office = await fleet.office()
    async with fleet.node("north"):
        job = await fleet.request(office, pages=3, mode=mode, page=2, attempts=attempts)
        await fleet.status_is(job, status)
    row = await fleet.job(job)
    assert (row["error_code"], row["attempts"]) == (code, made)
    await fleet.prove(statuses={status})


async def test_a_node_without_the_provider_leaves_its_jobs_to_others(fleet: Fleet) -> None:
    office = await fleet.office()
    async with fleet.node("north", plugins__disabled="drena-ticker") as north:
        job = await fleet.request(office, pages=1)
        assert "ticker" not in (await north.logged("node joined"))["providers"]
        await fleet.until("select pg_sleep(0.7) is not null")
        row = await fleet.job(job)
        assert (row["status"], row["attempts"], row["lease_token"]) == ("pending", 0, 0)
        async with fleet.node("south"):
            await fleet.status_is(job, "success")
    assert {entry.pid for entry in fleet.entries()} != {north.pid}
    await fleet.prove(statuses={"success"})
