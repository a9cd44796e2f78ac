"""Nodes that are killed, frozen or told to stop: their jobs run again, and what they had written counts once."""

from __future__ import annotations

import signal
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import pytest
import trio

from support.cgroups import memory_group
from support.nodes import IN_TRANSACTION, LEASE_S, stopped

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.nodes import Fleet

IN_TIME_S = LEASE_S * 20 / 15
"""I5 gives 20 s to a lease of 15."""
SHORT_LEASE_S = 2.0
"""Where one node after the other has to wait for the end of the last one's."""
SLACK_S = 6.0
"""What short leases have no room for: starting a process's next poll, a busy machine."""


async def test_a_killed_nodes_jobs_run_again_in_time_from_their_checkpoint(fleet: Fleet) -> None:
    async with fleet.node("north") as north, fleet.node("south") as south:
        job = await fleet.request(await fleet.office(), pages=60, pace_s=0.05)
        await fleet.until("select count(*) >= 3 from ticks where job_id = $1", job)
        holder = await fleet.ask("select pid from ticks limit 1")
        killed, other = (north, south) if holder == north.pid else (south, north)
        await killed.kill()
        killed_s = trio.current_time()
        await fleet.until("select count(distinct pid) = 2 from ticks", limit_s=IN_TIME_S + SLACK_S)
        assert trio.current_time() - killed_s < IN_TIME_S + SLACK_S
        await other.logged("job rescued", job_id=str(job))
        await fleet.status_is(job, "success")
    row = await fleet.job(job)
    assert (row["attempts"], row["error_code"]) == (1, None)
    assert await fleet.rescues() == 1
    await fleet.prove(statuses={"success"})


async def assert_poison(fleet: Fleet, mode: str, confine: Callable[[int], object] = lambda _pid: None) -> None:
    """A job of this mode ends three nodes, whose pids go to `confine`, and is poison then; another's succeeds."""
    office, other = await fleet.office("contmax"), await fleet.office("solaris")
    job = await fleet.request(office, pages=3, mode=mode, page=2)
    for turn in range(3):
        async with fleet.node(f"victim {turn}", joined=False, lease__lease_s=SHORT_LEASE_S) as node:
            confine(node.pid)
            innocent = await fleet.request(other, f"{turn}", pages=30, pace_s=0.05)
            with trio.fail_after(60):
                assert await node.process.wait() == -signal.SIGKILL
    async with fleet.node("survivor", lease__lease_s=SHORT_LEASE_S):
        await fleet.status_is(job, "error")
        await fleet.all_ended()
    row = await fleet.job(job)
    assert (row["error_code"], row["rescues"], row["attempts"]) == ("poison", 3, 0)
    assert (await fleet.job(innocent))["status"] == "success"
    await fleet.prove(statuses={"success", "error"})


async def test_a_job_that_kills_its_nodes_is_poison_and_hurts_no_other_job(fleet: Fleet) -> None:
    await assert_poison(fleet, "crash")


async def test_a_job_that_eats_its_nodes_memory_is_poison_and_hurts_no_other_job(fleet: Fleet) -> None:
    """What the service's `MemoryMax` does: the kernel ends the node, and the next one rescues."""
    with memory_group(2**28) as group:
        await assert_poison(fleet, "eat", lambda pid: (group / "cgroup.procs").write_text(str(pid)))


async def test_a_job_that_moves_between_its_nodes_deaths_is_no_poison(fleet: Fleet) -> None:
    office = await fleet.office()
    job = await fleet.request(office, pages=30, pace_s=0.1)
    for turn in range(3):
        async with fleet.node(f"victim {turn}", lease__lease_s=SHORT_LEASE_S) as node:
            query = "select count(*) > 0 from ticks where pid = $1"
            await fleet.until(query, node.pid)
            await node.kill()
    async with fleet.node("survivor", lease__lease_s=SHORT_LEASE_S):
        await fleet.status_is(job, "success")
    assert await fleet.rescues() == 3
    await fleet.prove(statuses={"success"})


@pytest.mark.parametrize("mode", ["", "hold"])
async def test_a_zombie_that_wakes_after_its_lease_changes_nothing(fleet: Fleet, mode: str) -> None:
    """Frozen between pages, and frozen inside a transaction that holds the job's row."""
    office = await fleet.office()
    async with fleet.node("zombie") as zombie:
        job = await fleet.request(office, pages=60, pace_s=0.03, mode=mode, page=5, for_s=1.5)
        await fleet.until("select count(*) >= 4 from ticks where job_id = $1", job)
        if mode == "hold":
            await fleet.until(IN_TRANSACTION)
        async with AsyncExitStack() as stack:
            with stopped(zombie.pid):  # first: it must not end the job while the other one starts
                south = await stack.enter_async_context(fleet.node("south"))
                await south.logged("job rescued", job_id=str(job))
                await fleet.until("select count(distinct pid) = 2 from ticks")
            await zombie.logged("node joined", count=2)
            await fleet.status_is(job, "success")
    assert await fleet.rescues() == 1
    await fleet.prove(statuses={"success"})


async def test_a_zombie_that_wakes_after_its_job_has_ended_cannot_end_it_again(fleet: Fleet) -> None:
    office = await fleet.office()
    async with fleet.node("zombie") as zombie:
        job = await fleet.request(office, pages=4, mode="hang", page=4, for_s=1.0)
        await fleet.until("select count(*) = 3 from ticks where job_id = $1", job)
        with stopped(zombie.pid):
            async with fleet.node("south"):
                await fleet.until("select status = 'error' or status = 'success' from integration_jobs")
        await zombie.logged("node joined", count=2)
        again = await fleet.request(office, pages=1)
        await fleet.status_is(again, "success")
    assert (await fleet.job(job))["status"] == "success"
    await fleet.prove(statuses={"success"})


async def test_a_node_told_to_stop_under_load_puts_its_jobs_back_at_once_and_not_as_failed(fleet: Fleet) -> None:
    office = await fleet.office()
    async with fleet.node("north", shutdown__grace_s=0.3) as north:
        jobs = [await fleet.request(office, f"{n}", pages=20, pace_s=0.1) for n in range(4)]
        await fleet.until("select count(distinct job_id) = 4 from ticks")
        assert await north.stop() == 0
    assert await fleet.rows("select distinct status, attempts, rescues, node_id from integration_jobs") == [
        ("pending", 0, 0, None)
    ]
    assert await fleet.ask("select count(*) from integration_jobs where checkpoint is not null") == len(jobs)
    async with fleet.node("south"):
        await fleet.all_ended()
    assert await fleet.rescues() == 0
    assert {row[0] for row in await fleet.rows("select attempts from integration_jobs")} == {1}
    await fleet.prove(statuses={"success"})


async def test_a_node_told_to_stop_lets_short_work_end(fleet: Fleet) -> None:
    office = await fleet.office()
    async with fleet.node("north", shutdown__grace_s=10) as north:
        job = await fleet.request(office, pages=10, pace_s=0.05)
        late = await fleet.until("select count(*) >= 2 from ticks where job_id = $1", job)
        north.send(signal.SIGTERM)
        late = await fleet.request(office, "late")
        assert await north.wait() == 0
    assert (await fleet.job(job))["status"] == "success"
    assert (await fleet.job(late))["status"] == "pending"


async def test_told_twice_a_node_stops_at_once(fleet: Fleet) -> None:
    office = await fleet.office()
    async with fleet.node("north", shutdown__grace_s=60) as north:
        job = await fleet.request(office, pages=3, mode="hang", page=2)
        await fleet.until("select count(*) = 1 from ticks where job_id = $1", job)
        north.send(signal.SIGTERM)
        refused = await fleet.request(office, "not claimed any more")
        await fleet.until("select pg_sleep(0.3) is not null")  # it has been told and goes on
        assert (await fleet.job(job))["status"] == "running"
        north.send(signal.SIGTERM)
        assert await north.wait() == 0
    row = await fleet.job(job)
    assert (row["status"], row["attempts"], row["checkpoint"]) == ("pending", 0, '{"page": 1}')
    assert (await fleet.job(refused))["attempts"] == 0


async def test_a_provider_that_ignores_cancellation_delays_no_shutdown(fleet: Fleet) -> None:
    office = await fleet.office()
    async with fleet.node("north", shutdown__grace_s=0.2) as north:
        job = await fleet.request(office, pages=3, mode="deaf", page=2)
        await fleet.until("select count(*) = 1 from ticks where job_id = $1", job)
        assert await north.stop() == 0
    row = await fleet.job(job)
    assert (row["status"], row["attempts"]) == ("pending", 0)
