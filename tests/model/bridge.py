"""A Trio run in a thread of its own, for a state machine whose rules are plain functions."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Self

import trio

import asyncpg_trio

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

LIMIT_S = 120.0


class Running:
    """A call under way."""

    def __init__(self) -> None:
        self.answer: Any = None
        self.error: BaseException | None = None
        self.ended = trio.Event()


class Bridge:
    """Runs async functions on a pool, some of them at the same time."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._ready = threading.Event()
        self._thread = threading.Thread(target=trio.run, args=(self._serve,), name="bridge")

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(LIMIT_S)
        return self

    def __exit__(self, *_: object) -> None:
        trio.from_thread.run_sync(self._stop.set, trio_token=self._token)
        self._thread.join()

    async def _serve(self) -> None:
        self._token = trio.lowlevel.current_trio_token()
        self._stop = trio.Event()
        async with asyncpg_trio.create_pool(self._dsn, max_size=12) as self.pool, trio.open_nursery() as self._nursery:
            self._ready.set()
            await self._stop.wait()
            self._nursery.cancel_scope.cancel()

    def call(self, function: Callable[..., Awaitable[Any]], *args: Any) -> Any:
        """Run it to its end."""
        return trio.from_thread.run(_limited, function, args, trio_token=self._token)

    def start(self, function: Callable[..., Awaitable[Any]], *args: Any) -> Running:
        """Begin it."""
        running = Running()
        trio.from_thread.run_sync(self._nursery.start_soon, _run, running, function, args, trio_token=self._token)
        return running

    def ends_within(self, running: Running, limit_s: float) -> bool:
        """Wait a little for a call; false when it waits for somebody."""
        return trio.from_thread.run(_wait, running, limit_s, trio_token=self._token)

    def event(self) -> trio.Event:
        return trio.Event()

    def set(self, event: trio.Event) -> None:
        trio.from_thread.run_sync(event.set, trio_token=self._token)


async def _limited(function: Callable[..., Awaitable[Any]], args: tuple[Any, ...]) -> Any:
    with trio.fail_after(LIMIT_S):
        return await function(*args)


async def _run(running: Running, function: Callable[..., Awaitable[Any]], args: tuple[Any, ...]) -> None:
    try:
        with trio.fail_after(LIMIT_S):
            running.answer = await function(*args)
    except Exception as error:  # noqa: BLE001  # told to whoever waits for it
        running.error = error
    finally:
        running.ended.set()


async def _wait(running: Running, limit_s: float) -> bool:
    with trio.move_on_after(limit_s):
        await running.ended.wait()
    return running.ended.is_set()
