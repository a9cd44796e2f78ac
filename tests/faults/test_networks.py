"""A node whose network to the database is cut, slow, half open or gone, while the other's is fine."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import trio

from support.nodes import IN_TRANSACTION, LEASE_S
from support.proxies import open_proxy

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from uuid import UUID

    from support.daemons import DaemonProcess
    from support.nodes import Fleet
    from support.postgres import PostgresServer
    from support.proxies import Proxy


@asynccontextmanager
async def behind_a_proxy(
    fleet: Fleet, victim: PostgresServer, **orders: object
) -> AsyncIterator[tuple[DaemonProcess, Proxy, UUID]]:
    """A node behind a proxy with one job in hand."""
    office = await fleet.office()
    async with open_proxy(victim.port) as proxy, fleet.node("north", through=proxy) as north:
        job = await fleet.request(office, **orders)
        await fleet.until("select count(*) >= 2 from ticks where job_id = $1", job)
        yield north, proxy, job
        proxy.heal()


async def test_a_cut_network_costs_a_reconnect(fleet: Fleet, victim: PostgresServer) -> None:
    async with behind_a_proxy(fleet, victim, pages=60, pace_s=0.02) as (_, proxy, job):
        for _ in range(10):
            proxy.cut()
            await trio.sleep(0.05)
        await fleet.status_is(job, "success")
    assert (await fleet.job(job))["attempts"] == 1
    assert await fleet.rescues() == 0
    await fleet.prove(statuses={"success"})


async def test_a_slow_network_slows_and_breaks_nothing(fleet: Fleet, victim: PostgresServer) -> None:
    async with behind_a_proxy(fleet, victim, pages=12, pace_s=0.02) as (north, proxy, job):
        proxy.delay_s = 0.05
        await fleet.status_is(job, "success")
        assert not north.find("the lease was taken by another node; stopping the attempts of this one")
    assert await fleet.rescues() == 0
    await fleet.prove(statuses={"success"})


async def test_half_open_connections_are_given_up_within_a_lease_and_work_goes_on(
    fleet: Fleet, victim: PostgresServer
) -> None:
    """Every connection of the node silently stops carrying anything; new ones would work."""
    async with behind_a_proxy(fleet, victim, pages=30, pace_s=0.02) as (_, proxy, job):
        proxy.half_open()
        fresh = await fleet.request(await fleet.office("solaris"), pages=2)
        await fleet.status_is(fresh, "success", limit_s=LEASE_S * 5)
        await fleet.status_is(job, "success", limit_s=LEASE_S * 5)
    await fleet.prove(statuses={"success"})


async def test_a_half_open_connection_in_the_middle_of_a_transaction_holds_nobody_up(
    fleet: Fleet, victim: PostgresServer
) -> None:
    orders = {"pages": 10, "pace_s": 0.02, "mode": "hold", "page": 3, "for_s": 1.0, "attempts": 1}
    async with behind_a_proxy(fleet, victim, **orders) as (_, proxy, job):
        await fleet.until(IN_TRANSACTION)
        proxy.half_open()
        proxy.refusing = True
        async with fleet.node("south"):
            await fleet.status_is(job, "success", limit_s=LEASE_S * 5)
    await fleet.prove(statuses={"success"})


async def test_a_node_without_network_stops_its_attempts_before_the_other_starts_them_and_rejoins(
    fleet: Fleet, victim: PostgresServer
) -> None:
    working = behind_a_proxy(fleet, victim, pages=3, mode="hang", page=3)
    async with working as (north, proxy, job), fleet.node("south") as south:
        proxy.freeze()
        await south.logged("job rescued", job_id=str(job))
        await south.logged("attempt started", job_id=str(job))
        with trio.fail_after(60):
            while len(fleet.entries(job)) < 3:  # noqa: ASYNC110  # a file has no event for us
                await trio.sleep(0.02)  # from the claim to the provider's first line
        assert [(e.pid, e.event) for e in fleet.entries(job)] == [
            (north.pid, "started"),
            (north.pid, "stopped"),
            (south.pid, "started"),
        ]
        proxy.thaw()
        await north.logged("node joined", count=2)
        assert north.process.returncode is None
        again = await fleet.request(await fleet.office("solaris"), pages=1)
        await fleet.status_is(again, "success")
        await fleet.ask("select outcome from drena.cancel_job($1)", job)
        await fleet.status_is(job, "canceled")
    assert await fleet.rescues() == 1
    await fleet.prove(statuses={"success", "canceled"})


async def test_a_job_whose_node_is_cut_off_can_be_cancelled(fleet: Fleet, victim: PostgresServer) -> None:
    working = behind_a_proxy(fleet, victim, pages=1000, pace_s=0.02)
    async with working as (_, proxy, job), fleet.node("south"):
        proxy.freeze()
        assert await fleet.ask("select outcome from drena.cancel_job($1)", job) == "cancel_requested"
        await fleet.status_is(job, "canceled", limit_s=LEASE_S * 2)
    await fleet.prove(statuses={"canceled"})
