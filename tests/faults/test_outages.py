"""The database goes away and comes back, for shorter and longer than a lease.

Nothing alive is rescued, nothing is lost, no attempt is counted that failed for this alone, and no daemon dies of it.
"""

from __future__ import annotations

from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING

import pytest
import trio

from drena.store.queries import sql
from support.nodes import LEASE_S

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from support.nodes import Fleet
    from support.postgres import PostgresServer

EVERYTHING = """
select pg_{}_backend(pid) from pg_stat_activity
where datname = current_database() and pid <> pg_backend_pid() and application_name like 'drena%'
"""
DRIVER_GIVES_UP_S = 6.5
BOTH_WORK = "select count(distinct pid) = 2 from ticks"


@contextmanager
def down(victim: PostgresServer, mode: str) -> Iterator[None]:
    """The server away for the length of the block: stopped, crashed or frozen."""
    if mode == "freeze":
        victim.freeze()
    else:
        victim.stop(mode)  # type: ignore[arg-type]
    try:
        yield
    finally:
        if mode == "freeze":
            victim.thaw()
        else:
            victim.start()


@asynccontextmanager
async def two_busy_nodes(fleet: Fleet, pages: int) -> AsyncIterator[None]:
    """Two nodes, each with jobs in hand."""
    office, other = await fleet.office("contmax"), await fleet.office("solaris")
    async with fleet.node("north", node__max_jobs=4) as north, fleet.node("south", node__max_jobs=4) as south:
        for number in range(8):
            await fleet.request([office, other][number % 2], f"{number}", pages=pages, pace_s=0.05)
        await fleet.until(BOTH_WORK)
        yield
        assert (north.process.returncode, south.process.returncode) == (None, None), f"{north.text}\n{south.text}"


@pytest.mark.parametrize("mode", ["immediate", "freeze"])
async def test_an_outage_shorter_than_a_lease_costs_nothing(fleet: Fleet, victim: PostgresServer, mode: str) -> None:
    async with two_busy_nodes(fleet, pages=20):
        with down(victim, mode):
            await trio.sleep(LEASE_S / 6)  # the length of an outage is an input
        await fleet.all_ended()
    assert await fleet.rescues() == 0
    assert await fleet.ask("select max(attempts) from integration_jobs") == 1
    await fleet.prove(statuses={"success"})


@pytest.mark.parametrize("mode", ["fast", "freeze"])
async def test_an_outage_longer_than_a_lease_ends_the_terms_and_loses_nothing(
    fleet: Fleet, victim: PostgresServer, mode: str
) -> None:
    async with two_busy_nodes(fleet, pages=30):
        with down(victim, mode):
            await trio.sleep(LEASE_S * 1.3)
        back_s = trio.current_time()
        await fleet.until("select count(*) = 2 from drena.nodes where lease_until > now()")
        rejoined_s = trio.current_time() - back_s
        await fleet.all_ended()
    assert rejoined_s < LEASE_S * 4
    assert await fleet.rescues() == 0, "a node takes back its own jobs; nobody else may before it had the time"
    assert await fleet.ask("select max(attempts) from integration_jobs") == 1
    await fleet.prove(statuses={"success"})


async def test_attempts_stop_while_the_lease_still_holds_for_the_others(fleet: Fleet, victim: PostgresServer) -> None:
    """I3. What the driver takes to give up a server that answers nothing comes on top; nothing is written meanwhile."""
    async with two_busy_nodes(fleet, pages=1000):
        lease_until = await fleet.ask(
            "select max(extract(epoch from lease_until - clock_timestamp())::float8) from drena.nodes"
        )
        with down(victim, "freeze"):
            await trio.sleep(lease_until + DRIVER_GIVES_UP_S)
            started = [e for e in fleet.entries() if e.event == "started"]
            stopped = [e for e in fleet.entries() if e.event == "stopped"]
        assert len(started) == len(stopped) == 8
        await fleet.until("select count(*) = 8 from integration_jobs where status = 'running'")
        await fleet.rows("select count(*) from integration_jobs j, drena.cancel_job(j.id)")
        await fleet.all_ended()


@pytest.mark.parametrize("how", ["terminate", "cancel"])
async def test_a_storm_that_ends_every_session_or_query_ends_no_daemon_and_no_job(fleet: Fleet, how: str) -> None:
    async with two_busy_nodes(fleet, pages=30):
        for _ in range(10):
            await fleet.rows(EVERYTHING.format(how))
            await trio.sleep(0.1)
        await fleet.all_ended()
    assert await fleet.rescues() == 0
    if how == "terminate":
        assert await fleet.ask("select max(attempts) from integration_jobs") == 1
    await fleet.prove(statuses={"success"} if how == "terminate" else {"success", "error"})


async def test_the_listener_comes_back_and_jobs_are_found_before_the_poll(fleet: Fleet) -> None:
    office = await fleet.office()
    listening = "select pid from pg_stat_activity where application_name = 'drena listen'"
    async with fleet.node("north", poll__poll_s=25, lease__lease_s=15):
        old = await fleet.until(listening)
        await fleet.ask("select pg_terminate_backend($1)", old)
        await fleet.until(f"{listening} and pid <> $1 and datname = current_database() and state = 'idle'", old)
        job = await fleet.request(office, pages=1)
        await fleet.status_is(job, "success", limit_s=5)
    await fleet.prove(statuses={"success"})


async def test_a_claim_whose_acknowledgement_was_lost_leaves_no_job_running_without_an_attempt(fleet: Fleet) -> None:
    """The commit happened, the node does not know: what runs under its name but not in its hands goes back."""
    office = await fleet.office()
    async with fleet.node("north") as north:
        node = (await north.logged("node joined"))["node"]
        await fleet.rows("select drena.pause()")
        job = await fleet.request(office, pages=2)
        async with fleet.pool.acquire() as conn, conn.transaction():
            await conn.execute("delete from drena.pauses")
            await conn.execute(sql("gate_claims"))
            rows = await conn.fetch(
                sql("claim_jobs"), node, ["ticker"], 10, 10, "00000000-0000-0000-0000-000000000000", 10, [10]
            )
            assert [row["id"] for row in rows] == [job]
        await fleet.status_is(job, "success", limit_s=10)
    row = await fleet.job(job)
    assert (row["attempts"], row["rescues"]) == (1, 0)
    await fleet.prove(statuses={"success"})
