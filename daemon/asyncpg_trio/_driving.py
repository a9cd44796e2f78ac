"""Stepping a coroutine of asyncpg inside a Trio task.

asyncpg's coroutines speak to a driver in three ways, and `drive` answers each:

* They yield a `Future` of ours: the task pumps the connection's socket until it is settled (`StandInLoop.wait`).
* They yield None (`asyncio.sleep(0)`): one checkpoint.
* They await a callable or an async iterable of the user (a password, a COPY source), which is Trio code: what that
  yields is Trio's own and goes up to Trio untouched.

While a step runs, the stand-in loop is the thread's running loop and `StepTask` its current task, because asyncpg uses
`asyncio.timeout()`, `asyncio.shield()` and `asyncio.Event`, which ask for both. No step contains a wait, so nothing
else ever sees them, and what was there before (a Trio run in guest mode) is put back after each step.

Cancellation: Trio's `Cancelled` reaches the pump, never asyncpg. The future is cancelled, which makes the protocol ask
for a cancel request, and the coroutine gets `asyncio.CancelledError`, the only cancellation it knows how to clean up
after. Whatever it then does, the original `Cancelled` is what leaves `drive`: it is held, never swallowed.
"""

from __future__ import annotations

import asyncio
import types
from typing import TYPE_CHECKING, Any

import trio

from ._asyncpg_private import enter_task, leave_task, running_loop, set_running_loop
from ._future import Future

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Generator

    from ._loop import StandInLoop


class StepTask:
    """As much of a task as `asyncio.timeout()` looks at; nobody ever cancels it."""

    def cancelling(self) -> int:
        return 0

    def uncancel(self) -> int:
        return 0


@types.coroutine
def drive(loop: StandInLoop, coro: Coroutine[Any, Any, Any]) -> Generator[Any, Any, Any]:
    """Run one coroutine of asyncpg to its end inside the current Trio task.

    Cancellation: leaves `loop.unfinished()` true when the server may still be working; the caller settles that.
    """
    task = StepTask()
    held: trio.Cancelled | None = None
    step: Callable[[Any], Any] = coro.send
    value: Any = None
    while True:
        outer = running_loop()
        set_running_loop(loop)
        enter_task(loop, task)
        try:
            yielded = step(value)
        except StopIteration as stop:
            if held is not None:
                raise held from None
            return stop.value
        except asyncio.CancelledError as error:
            if held is None:
                held = loop.take_held()
            if held is not None:
                raise held from None
            raise trio.ClosedResourceError("the operation was cancelled from inside asyncpg") from error
        finally:
            leave_task(loop, task)
            set_running_loop(outer)
        step, value = coro.send, None
        try:
            if type(yielded) is Future:
                yield from loop.wait(yielded).__await__()
            elif yielded is None:
                yield from loop.checkpoint().__await__()
            else:
                value = yield yielded
        except trio.Cancelled as error:
            held = error
            if type(yielded) is Future:
                yielded.cancel()
            step, value = coro.throw, asyncio.CancelledError()
        except BaseException as error:  # noqa: BLE001  (it goes to the coroutine, which raises it)
            step, value = coro.throw, error
