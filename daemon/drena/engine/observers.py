"""Observers: told of attempts that ended, at arm's length.

What is guaranteed to everybody else: telling never waits and costs one append; an observer that raises, exits, hangs or
falls behind is told off in the log and in the metrics, and that is all. Each has a task for what it is told and one for
`tend`, and a queue of a size: beyond it ends are dropped and counted, because an observer that must not miss anything
looks into the database anyway. When the node stops, what is queued has `GOODBYE_S` to be told.

This is one of the places that catch everything: whatever an observer raises ends here.
"""

from __future__ import annotations

import math
import random
import traceback
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final

import trio

from drena.errors import Exit
from drena.outgoing import ClientSettings, Pace, RetryRules

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

    import httpx2

    from asyncpg_trio import Connection, Pool
    from drena.api import AttemptEnd, Observer
    from drena.engine.outside import Outside
    from drena.log import LogLines
    from drena.metrics import Metrics
    from drena.redaction import Redactor

TEND_S: Final = 60.0
SHORTEST_TEND_S: Final = 0.5
AFTER_FAILURE_S: Final = 10.0
GOODBYE_S: Final = 2.0
PATIENCE_S: Final = 3.0
HTTP: Final = ClientSettings(
    connect_timeout_s=5.0, read_timeout_s=10.0, write_timeout_s=10.0, retry=RetryRules(tries=1)
)
REQUESTS_PER_MINUTE: Final = 600.0


class _Context:
    """See `drena.api.ObserverContext`."""

    def __init__(self, name: str, pool: Pool, outside: Outside, http: Callable[[], Any], log: LogLines) -> None:
        self._name = name
        self._pool = pool
        self._outside = outside
        self._http = http
        self.log = log.bind(observer=name)
        self.woken = trio.Event()

    @property
    def http(self) -> httpx2.AsyncClient:
        client: httpx2.AsyncClient = self._http()
        return client

    def secret(self, name: str) -> str:
        return self._outside.secrets.read(self._name, name, "")

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        async with self._pool.acquire() as conn, conn.transaction():
            yield conn

    def wake(self) -> None:
        self.woken.set()


class _Steady(Pace):
    """A limit only. Observers wait by themselves where a server asks them to: a request that was held back here would
    look to them like one that was not answered."""

    def throttled(self, epoch: int, now: float, reason: str) -> None:
        """Not here."""

    def pause(self, now: float, wait_s: float) -> None:
        """Not here."""


class Observers:
    """All observers of a node.

    Args:
        observers: what the plugins offer.
        pool, outside: what their contexts are made of.
        redactor: takes secrets out of tracebacks.
        metrics: counts what they were told.
        log: told of what they do wrong.
        die: ends the process with this exit code; called when an observer does not let it end.
    """

    def __init__(
        self,
        observers: Sequence[Observer],
        *,
        pool: Pool,
        outside: Outside,
        redactor: Redactor,
        metrics: Metrics,
        log: LogLines,
        die: Callable[[int], object],
    ) -> None:
        self._die = die
        self._ended = trio.Event()
        self._pool = pool
        self._outside = outside
        self._redactor = redactor
        self._metrics = metrics
        self._log = log
        self._ears: list[tuple[Observer, trio.MemorySendChannel[AttemptEnd], trio.MemoryReceiveChannel[AttemptEnd]]] = [
            (observer, *trio.open_memory_channel[Any](observer.QUEUED)) for observer in observers
        ]
        self._untold = 0
        """Ends that wait for an observer, or that one is being told of."""

    def tell(self, end: AttemptEnd) -> None:
        """An attempt has ended. Never waits, never raises."""
        for observer, send, _receive in self._ears:
            try:
                send.send_nowait(end)
            except trio.WouldBlock:
                self._metrics.observed.add(observer.name, "dropped")
            else:
                self._untold += 1

    async def run(self) -> None:
        """Let observers be told, and tend, until cancelled."""
        try:
            async with trio.open_nursery() as nursery:
                for observer, _send, receive in self._ears:
                    nursery.start_soon(self._serve, observer, receive, name=f"observer {observer.name}")
        finally:
            self._ended.set()

    async def bury(self) -> None:
        """Runs beside `run`: nothing ends an observer that shields itself from cancellation but the end of the process,
        and the process wants to end."""
        try:
            await trio.sleep_forever()
        finally:
            with trio.move_on_after(PATIENCE_S, shield=True):
                await self._ended.wait()
            if not self._ended.is_set():
                self._log.error("an observer does not react to the end; leaving without it")
                self._die(Exit.OK)

    async def wait_told(self) -> None:
        """Wait until all that is queued has been told, at most `GOODBYE_S`."""
        with trio.move_on_after(GOODBYE_S):
            while self._untold:  # noqa: ASYNC110  # the queues have no event, and this is the end
                await trio.sleep(0.01)

    async def _serve(self, observer: Observer, receive: trio.MemoryReceiveChannel[AttemptEnd]) -> None:
        pace = _Steady(REQUESTS_PER_MINUTE)
        log = self._log.bind(observer=observer.name)
        async with self._outside.clients.open(pace=pace, log=log, settings=HTTP) as http:
            ctx = _Context(observer.name, self._pool, self._outside, http, self._log)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._tend, observer, ctx, name=f"observer {observer.name} tends")
                async for end in receive:
                    try:
                        await self._call(observer, "attempt_ended", lambda end=end: observer.attempt_ended(ctx, end))  # type: ignore[misc]
                    finally:
                        self._untold -= 1

    async def _tend(self, observer: Observer, ctx: _Context) -> None:
        while True:
            ctx.woken = trio.Event()
            well, wait_s = await self._call(observer, "tend", lambda: observer.tend(ctx))
            if not well:
                wait_s = AFTER_FAILURE_S
            elif not isinstance(wait_s, (int, float)) or not math.isfinite(wait_s):
                wait_s = TEND_S
            shortest_s = SHORTEST_TEND_S if well else AFTER_FAILURE_S
            await trio.sleep(shortest_s * random.uniform(0.8, 1.2))  # noqa: S311  # nodes apart, no secret
            with trio.move_on_after(max(wait_s - shortest_s, 0.0)):
                await ctx.woken.wait()

    async def _call(self, observer: Observer, what: str, call: Callable[[], Awaitable[Any]]) -> tuple[bool, Any]:
        """Whether the call went well, and what it returned."""
        try:
            with trio.move_on_after(observer.CALL_S) as limit:
                answer = await call()
                self._metrics.observed.add(observer.name, "told" if what == "attempt_ended" else "tended")
                return True, answer
            if limit.cancelled_caught:
                self._blame(observer, what, "timeout", f"it took longer than {observer.CALL_S:g} s")
        except (trio.Cancelled, KeyboardInterrupt):
            raise
        except BaseExceptionGroup as group:
            passing, ours = group.split((trio.Cancelled, KeyboardInterrupt))
            if ours is not None:
                self._blame(observer, what, "failed", ours)
            if passing is not None:
                raise passing from None
        except BaseException as error:  # noqa: BLE001  # an observer's failure is its own alone
            self._blame(observer, what, "failed", error)
        return False, None

    def _blame(self, observer: Observer, what: str, outcome: str, error: BaseException | str) -> None:
        self._metrics.observed.add(observer.name, outcome)
        said = error if isinstance(error, str) else "".join(traceback.format_exception(error))[-8000:]
        self._log.error(
            "an observer failed; nothing else is affected",
            observer=observer.name,
            doing=what,
            error=self._redactor.text(said),
        )
