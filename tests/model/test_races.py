"""Races that other queues lost, each alone: who waits for whom, and what the one who came too late is told.

The model in `test_queue_model.py` looks for races nobody thought of; these are the known ones.
"""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest
import trio

from drena.store.doctor import examine
from model import calls

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from asyncpg_trio import Connection, Pool

NORTH, SOUTH, WEST = (UUID(int=n + 1) for n in range(3))
WAITING = "select count(*) > 0 from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()"


class Scene:
    """Two connections with transactions of their own, and one job that a node holds."""

    def __init__(self, pool: Pool, first: Connection, second: Connection, job: UUID, token: int) -> None:
        self.pool = pool
        self.first = first
        self.second = second
        self.job = job
        self.token = token

    async def dies(self, node: UUID) -> None:
        await calls.expire(self.first, node)

    async def row(self) -> dict[str, Any]:
        return dict((await self.pool.fetch("select * from integration_jobs where id = $1", self.job))[0])

    async def begin(self, nursery: trio.Nursery, call: Any, *arguments: Any) -> list[Any]:
        """Make a call on the second connection that has to wait; its answer is there when the nursery has ended."""
        answers: list[Any] = []

        async def run() -> None:
            answers.append(await call(self.second, *arguments))

        nursery.start_soon(run)
        while not await self.pool.fetchval(WAITING):
            assert answers == [], "it should have waited"
        return answers


@pytest.fixture
async def scene(pool: Pool) -> AsyncIterator[Scene]:
    with trio.fail_after(30):
        async with AsyncExitStack() as stack:
            first = await stack.enter_async_context(pool.acquire())
            second = await stack.enter_async_context(pool.acquire())
            tenants: list[UUID] = []
            await calls.start_anew(first, tenants)
            for node in (NORTH, SOUTH, WEST):
                await calls.join(first, node)
            _, job, _ = await calls.request(first, tenants[0], "")
            async with first.transaction():
                claimed = await calls.claim(first, NORTH)
            yield Scene(pool, first, second, job, claimed[job])
            assert [finding for finding in await examine(first, patience_s=10_000) if finding.invariant] == []


async def test_a_renewal_that_comes_while_the_node_is_being_buried_finds_nothing(scene: Scene) -> None:
    await scene.dies(NORTH)
    async with trio.open_nursery() as nursery, scene.first.transaction():
        jobs, _ = await calls.rescue(scene.first, SOUTH)
        answers = await scene.begin(nursery, calls.renew, NORTH)
    assert (jobs, answers) == (frozenset({scene.job}), [False])


async def test_a_rescuer_passes_over_a_node_that_is_renewing(scene: Scene) -> None:
    await scene.dies(NORTH)
    async with scene.first.transaction():
        assert await calls.renew(scene.first, NORTH)
        assert await calls.rescue(scene.second, SOUTH) == (frozenset(), frozenset())
    assert await calls.rescue(scene.second, SOUTH) == (frozenset(), frozenset())
    assert (await scene.row())["status"] == "running"


async def test_of_two_rescuers_one_takes_the_job_and_the_other_does_not_wait(scene: Scene) -> None:
    await scene.dies(NORTH)
    async with scene.first.transaction():
        jobs, _ = await calls.rescue(scene.first, SOUTH)
        assert jobs == {scene.job}
        assert (await calls.rescue(scene.second, WEST))[0] == frozenset()
    assert (await calls.rescue(scene.second, WEST))[0] == frozenset()
    assert (await scene.row())["rescues"] == 1


async def test_a_finish_after_the_rescue_is_refused_also_when_the_job_runs_again(scene: Scene) -> None:
    await scene.dies(NORTH)
    await calls.rescue(scene.first, SOUTH)
    assert not await calls.finish(scene.first, scene.job, scene.token, "success")
    async with scene.first.transaction():
        assert set(await calls.claim(scene.first, SOUTH)) == {scene.job}
    assert not await calls.finish(scene.first, scene.job, scene.token, "success")
    assert not await calls.checkpoint(scene.first, scene.job, scene.token, 9)
    row = await scene.row()
    assert (row["status"], row["checkpoint"], row["node_id"]) == ("running", None, SOUTH)


async def test_a_rescuer_waits_for_a_finish_under_way_and_then_takes_nothing(scene: Scene) -> None:
    await scene.dies(NORTH)
    async with trio.open_nursery() as nursery, scene.first.transaction():
        assert await calls.finish(scene.first, scene.job, scene.token, "success")
        answers = await scene.begin(nursery, calls.rescue, SOUTH)
    assert answers[0][0] == frozenset()
    row = await scene.row()
    assert (row["status"], row["rescues"]) == ("success", 0)


async def test_a_rescuer_waits_for_a_page_under_way_and_the_job_goes_on_after_it(scene: Scene) -> None:
    await scene.dies(NORTH)
    async with trio.open_nursery() as nursery, scene.first.transaction():
        assert await calls.checkpoint(scene.first, scene.job, scene.token, 7)
        answers = await scene.begin(nursery, calls.rescue, SOUTH)
    assert answers[0][0] == {scene.job}
    row = await scene.row()
    assert (row["status"], row["checkpoint"]) == ("pending", '{"page": 7}')


async def test_a_node_that_was_buried_claims_nothing(scene: Scene) -> None:
    await scene.dies(NORTH)
    await calls.rescue(scene.first, SOUTH)
    async with scene.first.transaction():
        assert await calls.claim(scene.first, NORTH) == {}


async def test_an_attempt_that_fails_while_its_job_is_being_cancelled_is_its_last(scene: Scene) -> None:
    assert await calls.cancel(scene.first, scene.job) == "cancel_requested"
    assert await calls.finish(scene.first, scene.job, scene.token, "pending")
    row = await scene.row()
    assert (row["status"], row["error_code"], row["attempts"]) == ("canceled", "canceled", 1)


@pytest.mark.parametrize("moves", [False, True])
async def test_the_third_rescue_in_a_row_is_the_last_unless_the_job_moved(scene: Scene, moves: bool) -> None:
    token = scene.token
    for turn in range(3):
        if moves and turn == 1:
            assert await calls.checkpoint(scene.first, scene.job, token, turn)
        await scene.dies(NORTH)
        await calls.rescue(scene.first, SOUTH)
        if turn < 2:
            await calls.join(scene.first, NORTH)
            async with scene.first.transaction():
                token = (await calls.claim(scene.first, NORTH))[scene.job]
    row = await scene.row()
    found = (row["status"], row["error_code"], row["rescues"], row["attempts"])
    assert found == (("pending", "lease_lost", 3, 0) if moves else ("error", "poison", 3, 0))
