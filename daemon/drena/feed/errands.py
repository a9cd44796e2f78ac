"""What a connection has under way besides reading: nothing at all, most of the time.

A nursery of its own would be kept for hours by each of thousands of connections that need it for moments. So a nursery
is opened when there is something to do and goes when all of it is done; what is under way ends with `close`, which
waits for that, as a nursery would. An error ends the others of this connection, is told, and goes no further.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import trio

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


class Errands:
    """See the module.

    Args:
        home: the nursery of the server; one task of it looks after all that is under way here.
        failed: told of an error, without waiting.
    """

    __slots__ = ("_done", "_failed", "_home", "_left", "_nursery", "_over", "_waiting")

    def __init__(self, home: trio.Nursery, failed: Callable[[Exception], None]) -> None:
        self._home = home
        self._failed = failed
        self._nursery: trio.Nursery | None = None
        self._done: trio.Event | None = None
        """There while the task at home is; set at its end."""
        self._waiting: list[tuple[Callable[..., Awaitable[None]], tuple[object, ...]]] | None = None
        """What it has not begun yet."""
        self._left = 0
        self._over = False

    def start_soon(self, errand: Callable[..., Awaitable[None]], *args: object) -> None:
        """Run it beside the others; after `close` nothing is begun. Never waits."""
        if self._over:
            return
        if self._nursery is not None:
            self._begin(self._nursery, errand, args)
            return
        if self._waiting is None:
            self._waiting = []
        self._waiting.append((errand, args))
        if self._done is None:
            self._done = trio.Event()
            self._home.start_soon(self._run, name="feed errands")

    async def close(self) -> None:
        """End what is under way, and wait for that; each ends at its next step. Cancelled, it waits no longer."""
        self._over, self._waiting = True, None
        if self._nursery is not None:
            self._nursery.cancel_scope.cancel(reason="the connection has ended")
        if self._done is not None:
            await self._done.wait()

    async def _run(self) -> None:
        try:
            while self._waiting:
                waiting, self._waiting = self._waiting, None
                async with trio.open_nursery() as nursery:
                    self._nursery = nursery
                    for errand, args in waiting:
                        self._begin(nursery, errand, args)
        except Exception as error:  # noqa: BLE001  # whatever it is, it is this connection's alone
            self._failed(error)
        finally:
            done, self._done, self._nursery, self._left = self._done, None, None, 0
            assert done is not None
            done.set()

    def _begin(self, nursery: trio.Nursery, errand: Callable[..., Awaitable[None]], args: tuple[object, ...]) -> None:
        self._left += 1
        nursery.start_soon(self._see_through, errand, args, name=getattr(errand, "__qualname__", None))

    async def _see_through(self, errand: Callable[..., Awaitable[None]], args: tuple[object, ...]) -> None:
        try:
            await errand(*args)
        finally:
            self._left -= 1
            if not self._left:  # the nursery takes no more: what comes now is for the next one
                self._nursery = None
