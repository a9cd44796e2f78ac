"""Stepping a coroutine of asyncpg inside a Trio task.

The plainest coroutines of asyncpg need no driver at all: they await one future, which pumps the socket by itself
(`_future`). All others go through `drive`, for two reasons:

* They use `asyncio.timeout()`, `asyncio.shield()` and `asyncio.Event`, which ask for a running loop and a current task.
  So while a step runs, the stand-in loop is the thread's running loop and `StepTask` its current task. No step contains
  a wait, so nothing else ever sees them, and what was there before (a Trio run in guest mode) is put back after it.
* They clean up after `asyncio.CancelledError` only. So a Trio `Cancelled` is held back where it arrives
  (`StandInLoop.translate`), asyncpg sees the exception it knows, and whatever it then does, the original `Cancelled`
  leaves `drive`: held, never swallowed.

What a step yields is Trio's own and goes up to Trio untouched, except None, which is `asyncio.sleep(0)`: a checkpoint.
"""

from __future__ import annotations

import asyncio
import types
from typing import TYPE_CHECKING, Any

from ._asyncpg_private import enter_task, leave_task, running_loop, set_running_loop

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

    Cancellation: leaves `loop.cancelling` true when the server may still be working; the session settles that.
    """
    task = StepTask()
    step: Callable[[Any], Any] = coro.send
    value: Any = None
    outer_driven, loop.driven = loop.driven, True
    try:
        while True:
            yielded = take_step(loop, task, step, value)
            step, value = coro.send, None
            try:
                if yielded is None:
                    yield from loop.checkpoint()
                else:
                    value = yield yielded
            except BaseException as error:  # noqa: BLE001, ASYNC103  (it goes to the coroutine, which raises it)
                step, value = coro.throw, error
    except StopIteration as stop:
        loop.raise_held()
        return stop.value
    except (Exception, asyncio.CancelledError):
        loop.raise_held()
        raise
    finally:
        loop.driven = outer_driven


def take_step(loop: StandInLoop, task: StepTask, step: Callable[[Any], Any], value: Any) -> Any:
    outer = running_loop()
    set_running_loop(loop)
    enter_task(loop, task)
    try:
        return step(value)
    finally:
        leave_task(loop, task)
        set_running_loop(outer)
