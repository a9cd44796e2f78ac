"""The future that asyncpg awaits.

asyncpg's C protocol settles futures from `data_received`, its coroutines await them. Awaiting one here pumps the
connection's socket until it is settled (`StandInLoop.wait`), as Trio code, in the task that awaits; so a coroutine of
asyncpg that waits for nothing but its own answer can be awaited by a Trio task as it is. Three things differ from
asyncio's future, on purpose:

* Callbacks run at once, not "soon". The protocol's own callbacks only move its state, and at once means that a
  cancelled query has asked for its cancellation before the coroutine that awaited it sees `CancelledError`.
* Nobody is woken. The task that awaits is the task that reads the socket, so it sees for itself that it is done.
* There is no "exception was never retrieved" report: a result nobody waits for any more belongs to a cancelled call.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from ._loop import StandInLoop

PENDING, FINISHED, FAILED, CANCELLED = range(4)


class Future:
    """One value to come, settled once."""

    _asyncio_future_blocking = False  # what asyncio.isfuture() asks for
    __slots__ = ("_callbacks", "_loop", "_state", "_value")

    def __init__(self, loop: StandInLoop) -> None:
        self._loop = loop
        self._state = PENDING
        self._value: Any = None
        self._callbacks: list[Callable[[Any], object]] | None = None

    def get_loop(self) -> StandInLoop:
        return self._loop

    def done(self) -> bool:
        return self._state != PENDING

    def watched(self) -> bool:
        """Whether the protocol looks after it; asyncio.Event's futures have nobody but the one who awaits."""
        return bool(self._callbacks)

    def cancelled(self) -> bool:
        return self._state == CANCELLED

    def result(self) -> Any:
        if self._state == FINISHED:
            return self._value
        if self._state == FAILED:
            raise self._value
        if self._state == CANCELLED:
            raise asyncio.CancelledError
        raise asyncio.InvalidStateError("the result is not there yet")

    def exception(self) -> BaseException | None:
        if self._state == CANCELLED:
            raise asyncio.CancelledError
        if self._state == PENDING:
            raise asyncio.InvalidStateError("the result is not there yet")
        return self._value if self._state == FAILED else None

    def set_result(self, value: Any) -> None:
        self._settle(FINISHED, value)

    def set_exception(self, error: BaseException | type[BaseException]) -> None:
        self._settle(FAILED, error() if isinstance(error, type) else error)

    def cancel(self, msg: object = None) -> bool:  # noqa: ARG002  (asyncio's signature)
        if self._state != PENDING:
            return False
        self._settle(CANCELLED, None)
        return True

    def add_done_callback(self, callback: Callable[[Any], object], *, context: object = None) -> None:  # noqa: ARG002
        if self._state != PENDING:
            callback(self)
        elif self._callbacks is None:
            self._callbacks = [callback]
        else:
            self._callbacks.append(callback)

    def remove_done_callback(self, callback: Callable[[Any], object]) -> int:
        before = self._callbacks or []
        self._callbacks = [kept for kept in before if kept != callback]
        return len(before) - len(self._callbacks)

    def _settle(self, state: int, value: Any) -> None:
        if self._state != PENDING:
            raise asyncio.InvalidStateError("the future is settled already")
        self._state, self._value = state, value
        callbacks, self._callbacks = self._callbacks, None
        for callback in callbacks or ():
            callback(self)

    def __await__(self) -> Generator[Any, Any, Any]:
        return self._loop.wait(self).__await__()

    __iter__ = __await__
