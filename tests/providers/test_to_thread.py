"""`ctx.to_thread`: blocking calls with a bound, abandoned at once when their waiter is cancelled."""

from __future__ import annotations

import threading

import pytest
import trio
import trio.testing

from drena.engine.threads import THREADS_OF_A_PROVIDER, Threads
from drena.testing.lines import Lines

LIMIT_S = 20.0


async def test_it_returns_what_the_function_returns_and_raises_what_it_raises():
    with trio.fail_after(LIMIT_S):
        assert await Threads().run("acme", Lines(), divmod, 7, 2) == (3, 1)
        with pytest.raises(ZeroDivisionError):
            await Threads().run("acme", Lines(), divmod, 7, 0)


async def test_a_cancelled_call_ends_at_once_and_keeps_its_place_until_the_function_returns():
    threads, log, gate = Threads(), Lines(), threading.Semaphore(0)
    with trio.fail_after(LIMIT_S):
        async with trio.open_nursery() as nursery:
            for _ in range(THREADS_OF_A_PROVIDER):
                nursery.start_soon(threads.run, "acme", log, gate.acquire)
            await trio.testing.wait_all_tasks_blocked()
            nursery.cancel_scope.cancel()
        with trio.move_on_after(0.1) as waited:
            await threads.run("acme", log, int)
        assert waited.cancelled_caught
        assert any("call waits" in message for _, message, _ in log.lines)
        assert await threads.run("other", log, int) == 0  # another provider's threads are its own
        gate.release(THREADS_OF_A_PROVIDER)
        assert await threads.run("acme", log, int) == 0
