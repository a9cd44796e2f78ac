"""Whoever blocks the event loop is named with its stack, while it still blocks."""

from __future__ import annotations

import threading
import time
from typing import Any

import trio
import trio.testing

from drena.api import CheckContext, CheckResult, Context, Provider
from drena.engine.loop_watch import LoopWatch


class Blocking(Provider):
    slug = "blocking"
    name = "Blocks"

    async def check(self, ctx: CheckContext) -> CheckResult:
        raise NotImplementedError

    async def run(self, ctx: Context) -> None:
        raise NotImplementedError


class ToldLog:
    """Keeps what it is told, and lets a blocked loop wait for it."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, dict[str, Any]]] = []
        self.told = threading.Event()

    def error(self, message: str, **fields: Any) -> None:
        self.lines.append((message, fields))
        self.told.set()


def block_until(event: threading.Event) -> float:
    """Blocks the calling thread; returns for how long."""
    began_s = time.monotonic()
    assert event.wait(10)
    return time.monotonic() - began_s


async def test_a_provider_that_blocks_the_loop_is_named_with_its_stack_while_it_blocks() -> None:
    log = ToldLog()
    watch = LoopWatch({"blocking": Blocking()}, log)
    with trio.fail_after(20):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(watch.run)
            await trio.testing.wait_all_tasks_blocked()
            block_until(log.told)
            log.told.clear()
            while not log.told.is_set():  # noqa: ASYNC110  # another thread tells
                await trio.sleep(0.01)
            nursery.cancel_scope.cancel()
    (blocked, fields), (over, after) = log.lines
    assert blocked == "the event loop is blocked: everything waits"
    assert fields["provider"] == "blocking"
    assert "block_until(log.told)" in fields["stack"]
    assert over == "the event loop goes on"
    assert after["blocked_s"] >= 0.7


async def test_a_loop_that_is_not_blocked_is_not_accused() -> None:
    log = ToldLog()
    with trio.move_on_after(1.5):
        await LoopWatch({}, log).run()
    assert log.lines == []
