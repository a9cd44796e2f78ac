"""What asyncpg takes for an event loop: a handful of methods, no thread, no selector, no tasks.

One stand-in belongs to one connection. It makes futures, opens sockets with Trio, keeps the few timers asyncpg sets (a
cached statement's age; run when the connection is next used, since nothing can notice an expired one earlier), and
remembers that a query asked to be cancelled on the server until the session does that (`_session`).
"""

from __future__ import annotations

import heapq
import itertools
import logging
import socket
from collections import deque
from typing import TYPE_CHECKING, Any

import trio

from ._asyncpg_private import CancelledError, exceptions
from ._dialing import dial_tcp, dial_unix
from ._future import Future
from ._transport import Transport

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable


LOGGER = logging.getLogger("asyncpg_trio")


class Timer:
    """A call to be made at a time, unless it is cancelled first."""

    __slots__ = ("args", "callback", "order", "when")

    def __init__(self, when: float, order: int, callback: Callable[..., object], args: tuple[Any, ...]) -> None:
        self.when = when
        self.order = order
        self.callback: Callable[..., object] | None = callback
        self.args = args

    def __lt__(self, other: Timer) -> bool:
        return (self.when, self.order) < (other.when, other.order)

    def cancel(self) -> None:
        self.callback, self.args = None, ()


class StandInLoop:
    """The loop of one connection."""

    def __init__(self) -> None:
        self.transport: Transport | None = None
        self.connecting = True  # until a session takes over
        self.wires: list[Any] = []  # every connection asyncpg made here: one a host that let us in
        self._cancellation: tuple[Future, Future] | None = None
        self._futures: tuple[Future | None, Future | None] = (None, None)  # the two made last
        self._soon: deque[tuple[Callable[..., object], tuple[Any, ...]]] = deque()
        self._timers: list[Timer] = []
        self._order = itertools.count()
        self.driven = False  # whether asyncpg's code is being driven, and wants asyncio's kind of cancellation
        self.sending_batches = False  # whether an executemany is under way
        self._held: BaseException | None = None

    # What asyncpg calls.

    def create_future(self) -> Future:
        future = Future(self)
        self._futures = (self._futures[1], future)
        return future

    def get_debug(self) -> bool:
        return False

    def is_closed(self) -> bool:
        return False

    def is_running(self) -> bool:
        return True

    def time(self) -> float:
        return trio.current_time()

    def call_soon(self, callback: Callable[..., object], *args: Any, context: object = None) -> None:  # noqa: ARG002
        self._soon.append((callback, args))

    def call_later(self, delay: float, callback: Callable[..., object], *args: Any, context: object = None) -> Timer:
        return self.call_at(trio.current_time() + delay, callback, *args, context=context)

    def call_at(self, when: float, callback: Callable[..., object], *args: Any, context: object = None) -> Timer:  # noqa: ARG002
        timer = Timer(when, next(self._order), callback, args)
        heapq.heappush(self._timers, timer)
        return timer

    def create_task(self, coro: Any, **_: Any) -> None:
        coro.close()
        if self.connecting:
            return  # asyncpg 0.31 closes the hosts it rejected in a task; open_session does it, in either version
        raise NotImplementedError("asyncpg_trio starts no background task: callbacks must be plain functions")

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """asyncpg reports here that it resets a connection inside a transaction; the pool does that on purpose."""

    async def run_in_executor(self, executor: object, function: Callable[..., Any], *args: Any) -> Any:  # noqa: ARG002
        """COPY from and to plain files: each block in a worker thread."""
        return await self.as_asyncpg_expects(trio.to_thread.run_sync, function, *args)

    async def create_unix_connection(self, factory: Callable[[], Any], path: str) -> tuple[Transport, Any]:
        attached: tuple[Transport, Any] = await self.as_asyncpg_expects(self._attach, factory, dial_unix, path)
        return attached

    async def create_connection(
        self, factory: Callable[[], Any], host: str, port: int, *, ssl: ssl.SSLContext | None = None
    ) -> tuple[Transport, Any]:
        attached: tuple[Transport, Any] = await self.as_asyncpg_expects(
            self._attach, factory, dial_tcp, host, port, tls=ssl
        )
        return attached

    async def start_tls(
        self, transport: Transport, protocol: Any, context: ssl.SSLContext, *, server_hostname: str | None = None
    ) -> Transport:
        del protocol
        await self.as_asyncpg_expects(transport.start_tls, context, server_hostname)
        return transport

    # What the driver and the session call.

    async def as_asyncpg_expects(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Await Trio code from inside asyncpg's code, which cleans up only after asyncio's kind of cancellation."""
        try:
            return await function(*args, **kwargs)
        except trio.Cancelled as error:
            raise self.translate(error) from None  # noqa: ASYNC104  (or its translation)

    def translate(self, error: BaseException, *, pausing: bool = False) -> BaseException:
        """What asyncpg is to see of a cancellation; the original is held for `raise_held`.

        Between the batches of an executemany asyncpg cleans up, by a rollback, after a timeout only; it forgets a
        cancellation there and waits for an answer that never comes. So that is what it gets to see.
        """
        if not self.driven or isinstance(error, Exception):
            return error
        self._held = error
        return TimeoutError() if pausing and self.sending_batches else CancelledError()

    def raise_held(self) -> None:
        """Raise the cancellation that was translated, if there was one."""
        held, self._held = self._held, None
        if held is not None:
            raise held from None

    @property
    def cancelling(self) -> bool:
        """Whether the protocol wants its query cancelled on the server; `_session` sees to it."""
        return self._cancellation is not None

    def wants_cancellation(self, sent: Future, acknowledged: Future | None) -> None:
        """Note what the protocol waits for; asyncpg 0.31 keeps the second one to itself, but makes it just before."""
        acknowledged = acknowledged or self._futures[0]
        assert acknowledged is not None
        self._cancellation = (sent, acknowledged)

    def take_cancellation(self) -> tuple[Future, Future]:
        """What is to be set when the request is sent, and what the protocol sets when the answer has come."""
        assert self._cancellation is not None
        cancellation, self._cancellation = self._cancellation, None
        return cancellation

    async def wait(self, future: Future) -> Any:
        """Pump the socket until the future is settled, and return its result; fail it when the connection is gone.

        Cancellation: cancels the future, upon which the protocol asks for a cancel request.
        """
        if self.transport is not None and not future.done():
            try:
                await self.transport.pump_until(future.done)
            except BaseException as error:  # noqa: BLE001  (raised again, if in translation)
                pausing = not future.watched()
                future.cancel()
                raise self.translate(error, pausing=pausing) from None  # noqa: ASYNC104  (or its translation)
        if not future.done():
            future.set_exception(exceptions.ConnectionDoesNotExistError("the connection is closed"))
        return future.result()

    async def checkpoint(self) -> None:
        """asyncio.sleep(0)."""
        try:
            await trio.lowlevel.checkpoint()
        except trio.Cancelled as error:
            raise self.translate(error, pausing=True) from None  # noqa: ASYNC104  (or its translation)

    def run_soon(self) -> None:
        """Call back whom asyncpg wants called "soon": observers, whose errors are logged and go no further."""
        while self._soon:
            callback, args = self._soon.popleft()
            try:
                callback(*args)
            except Exception:
                LOGGER.exception("a callback failed: %r", callback)

    def run_due_timers(self) -> None:
        """Run what is due; called whenever the connection is about to be used."""
        while self._timers and self._timers[0].when <= trio.current_time():
            timer = heapq.heappop(self._timers)
            if timer.callback is not None:
                timer.callback(*timer.args)

    async def _attach(
        self, factory: Callable[[], Any], dial: Callable[..., Any], *address: Any, tls: ssl.SSLContext | None = None
    ) -> tuple[Transport, Any]:
        sock: socket.socket = await dial(*address)
        protocol = factory()
        transport = Transport(sock, protocol, self.run_soon)
        if tls is not None:
            try:
                await transport.start_tls(tls, address[0])
            except BaseException:
                sock.close()
                raise
        self.transport = transport
        protocol.connection_made(transport)
        return transport, protocol
