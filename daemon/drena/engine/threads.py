"""Threads for libraries that block, behind `drena.api.CheckContext.to_thread`.

A thread cannot be stopped. A call that is cancelled is abandoned: its waiter ends at once, the thread goes on, and its
place counts as taken until the function returns. The bound is kept for each provider by itself, so that a library that
hangs for ever takes the threads of its own provider and of no other (I7).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar

import trio

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVarTuple, Unpack

    from drena.api import Logger

    Args = TypeVarTuple("Args")

Result = TypeVar("Result")

THREADS_OF_A_PROVIDER: Final = 8


class Threads:
    """The threads of a node, for all its attempts and checks."""

    def __init__(self) -> None:
        self._limiters: dict[str, trio.CapacityLimiter] = {}

    async def run(self, slug: str, log: Logger, func: Callable[[Unpack[Args]], Result], *args: *Args) -> Result:
        """Call `func` in a thread of this provider; see `drena.api.CheckContext.to_thread`."""
        limiter = self._limiters.setdefault(slug, trio.CapacityLimiter(THREADS_OF_A_PROVIDER))
        if not limiter.available_tokens:
            log.warning("all threads of this provider are at work: a call waits", threads=THREADS_OF_A_PROVIDER)
        return await trio.to_thread.run_sync(
            func, *args, abandon_on_cancel=True, limiter=limiter, thread_name=f"drena {slug}"
        )
