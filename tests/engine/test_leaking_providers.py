"""Tasks that a provider leaves behind end with its attempt, and what they raise goes no further.

Every test ends with a healthy job of another tenant on the same node, which is alive or `open_node` fails the test.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import trio

from engine.node import Script, open_node
from engine.test_misbehaving_providers import assert_unharmed, healthy

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from contextlib import AbstractAsyncContextManager

    from drena.api import Context

LIMIT_S = 180.0
LEFT = "provider left tasks behind: they are cancelled"
FAILED = "a task that a provider left behind failed"
never_closed: list[AbstractAsyncContextManager[trio.Nursery]] = []


async def fails() -> None:  # noqa: ASYNC124
    raise ValueError("left behind")


def start_beside(task: Callable[[], Awaitable[None]]) -> None:
    """Start a task in the nursery that the provider itself runs in."""
    nursery = trio.lowlevel.current_task().parent_nursery
    assert nursery is not None
    nursery.start_soon(task)


async def leaves_one_running(ctx: Context) -> str:  # noqa: ASYNC124
    start_beside(trio.sleep_forever)
    return "done"


async def leaves_one_that_fails(ctx: Context) -> str:  # noqa: ASYNC124
    start_beside(fails)
    return "done"


async def never_closes_a_nursery(ctx: Context) -> None:
    manager = trio.open_nursery()
    nursery = await manager.__aenter__()
    nursery.start_soon(trio.sleep_forever)
    never_closed.append(manager)  # or collecting it would warn


async def leaves_a_system_task_running(ctx: Context) -> str:  # noqa: ASYNC124
    trio.lowlevel.spawn_system_task(trio.sleep_forever)
    return "done"


async def leaves_a_system_task_that_fails(ctx: Context) -> str:
    failing = trio.Event()

    async def fail() -> None:  # noqa: ASYNC124
        failing.set()
        raise ValueError("left behind")

    trio.lowlevel.spawn_system_task(fail)
    await failing.wait()
    return "done"


@pytest.mark.parametrize(
    "act, status, code, told",
    [
        (leaves_one_running, "success", None, LEFT),
        (leaves_one_that_fails, "success", None, FAILED),
        (never_closes_a_nursery, "error", "provider_bug", None),
        (leaves_a_system_task_running, "success", None, None),
        (leaves_a_system_task_that_fails, "success", None, FAILED),
    ],
    ids=lambda each: getattr(each, "__name__", None),
)
async def test_a_provider_that_leaves_tasks_behind_hurts_only_its_attempt(
    database: str,
    act: Callable[[Context], Awaitable[str | None]],
    status: str,
    code: str | None,
    told: str | None,
) -> None:
    with trio.fail_after(LIMIT_S):
        async with open_node(database, Script(act=act, healthy=healthy)) as node:
            job = await node.perform("act")
            assert (job["status"], job["error_code"]) == (status, code)
            await assert_unharmed(node)
            assert told is None or node.log.find(told)


async def test_a_task_that_fails_while_the_daemon_stops_leaves_a_job_for_the_next(database: str) -> None:
    started = trio.Event()

    async def act(ctx: Context) -> str:
        async def fail_when_cancelled() -> None:
            try:
                await trio.sleep_forever()
            finally:
                raise ValueError("left behind")

        if ctx.checkpoint:
            return "resumed"
        async with ctx.transaction() as tx:
            tx.checkpoint({"page": 1})
        start_beside(fail_when_cancelled)
        started.set()
        await trio.sleep_forever()
        raise AssertionError

    with trio.fail_after(LIMIT_S):
        async with open_node(database, Script(act=act), shutdown__grace_s=0.1) as node:
            job_id = await node.request("act")
            await started.wait()
        async with open_node(database, Script(act=act)) as node:
            job = await node.ended(job_id)
            assert (job["status"], job["result"], job["attempts"]) == ("success", "resumed", 1)
