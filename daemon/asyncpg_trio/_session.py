"""One PostgreSQL session: asyncpg's connection, its socket, and the rules for cancellation and death.

What it guarantees:

* `run` leaves the session in one of two states: idle, with the server's word for it (ReadyForQuery), or closed. Never
  "perhaps still busy".
* A call that is cancelled is cancelled on the server too. The cancel request goes out over a second connection, and the
  answer of the first one is awaited, both under one shielded deadline (`CANCEL_LIMIT_S`). A server that does not answer
  in time loses its session: the socket is closed, the caller's `Cancelled` goes on its way.
* All of it happens in the task that made the call. There is no other task.

Why the wait is worth it: PostgreSQL's cancel request names a backend, not a query. A request that is still on its way
when the next query starts would cancel that one. The second connection's end says that the signal was delivered. And a
request that comes before its query does is forgotten, so requests are repeated until the answer is there.
"""

from __future__ import annotations

import itertools
import re
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import trio

from . import _limits
from ._asyncpg_private import Record, WireConnection, exceptions, open_wire, send_cancel_request
from ._driving import drive
from ._loop import StandInLoop

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from ._future import Future

CONFUSED = re.compile("cannot switch to state|unexpected state|error in protocol implementation")
REFUSALS = (exceptions.PostgresError, exceptions.InterfaceError, exceptions.InternalClientError)
CANCEL_PAUSES_S = (0.02, 0.05, 0.1, 0.2, 0.4)  # between one cancel request and the next
STALE = (exceptions.OutdatedSchemaCacheError, exceptions.InvalidCachedStatementError)


class Wire(WireConnection):  # type: ignore[misc]  # asyncpg has no types here
    """asyncpg's connection, with its hooks led to the session that owns it."""

    __slots__ = ("session",)

    def __init__(self, protocol: Any, transport: Any, loop: StandInLoop, *args: Any) -> None:
        super().__init__(protocol, transport, loop, *args)
        loop.wires.append(self)

    def _cancel_current_command(self, waiter: Future, cancel_waiter: Future | None = None) -> None:
        self._loop.wants_cancellation(waiter, cancel_waiter)

    def _process_notification(self, pid: int, channel: str, payload: str) -> None:
        session = getattr(self, "session", None)
        if session is not None:
            session.notify(channel, payload, pid)

    def _drop_global_statement_cache(self) -> None:
        for wire in self.session.relatives():
            wire._drop_local_statement_cache()

    def _drop_global_type_cache(self) -> None:
        for wire in self.session.relatives():
            wire._drop_local_type_cache()

    def _cleanup(self) -> None:
        super()._cleanup()
        session = getattr(self, "session", None)
        if session is not None:
            session.closed = True


class Session:
    """An open session. Held by one `Connection` at a time, or idle in a pool."""

    def __init__(self, loop: StandInLoop, wire: Wire) -> None:
        self.loop = loop
        self.wire = wire
        self.closed = False
        self.record_class: type[Record] = wire._protocol.get_record_class()
        self.active_calls = 0
        self.used_at = self.opened_at = trio.current_time()
        self.listeners: dict[str, list[Callable[[str, str, int], None]]] = {}
        self.stray_listen = False
        self.heard_unasked = False
        self.closing = False
        self.expired = False
        self._hurried = False  # by a clean-up's deadline, which leaves no time to settle
        self.relatives: Callable[[], list[Wire]] = lambda: [wire]
        wire.session = self

    async def run(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Call a coroutine function of asyncpg.

        Cancellation: the query is cancelled on the server; see the head of this file for what is left behind.
        """
        await trio.lowlevel.checkpoint_if_cancelled()
        self.loop.run_due_timers()
        self.active_calls += 1
        try:
            return await drive(self.loop, function(*args, **kwargs))
        except BaseException as error:
            await self._after(error)  # noqa: ASYNC102  (bounded inside)
            raise
        finally:
            self._end_call()

    async def clean_up(self, function: Callable[..., Awaitable[object]], *args: Any) -> bool:
        """Call what must happen even in a cancelled scope, under a shielded deadline; whether it succeeded.

        Raises nothing. A server that lets the deadline pass loses its session; one that refuses does not.
        """
        self._hurried = True
        succeeded = False
        with trio.move_on_after(_limits.CANCEL_LIMIT_S, shield=True) as limit:
            try:
                await function(*args)
                succeeded = True
            except Exception:  # noqa: BLE001  (whatever it is, the caller asks whether things are clean)
                succeeded = False
        self._hurried = False
        if limit.cancelled_caught:
            self.terminate()
        return succeeded and not self.closed

    async def clean_up_by(self, statements: str) -> bool:
        """`clean_up` by SQL."""
        return await self.clean_up(self.run, self.wire.execute, statements)

    async def run_batches(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """`run`, for what sends one statement many times."""
        self.loop.sending_batches = True
        try:
            return await self.run(function, *args, **kwargs)
        finally:
            self.loop.sending_batches = False

    async def rows(
        self, query: str, args: tuple[Any, ...], limit: int, record_class: type[Record] | None = None
    ) -> list[Record]:
        """Run a query and return its rows."""
        found: list[Record] = await self._execute(query, args, limit, record_class, with_status=False)
        return found

    async def status(self, query: str, args: tuple[Any, ...]) -> str:
        """Run a query and return its status."""
        _, status, _ = await self._execute(query, args, 0, None, with_status=True)
        return str(status, "ascii")

    async def _execute(
        self,
        query: str,
        args: tuple[Any, ...],
        limit: int,
        record_class: type[Record] | None,
        *,
        with_status: bool,
    ) -> Any:
        """asyncpg's own way to run a query, cut short for a statement it knows already.

        Most of what a small query costs on the client is the way through asyncpg's layers for statements that must be
        prepared, introspected, logged or timed. A cached statement with nobody looking on needs none of it.
        """
        await trio.lowlevel.checkpoint_if_cancelled()
        wire, statement = self.wire, None
        self.loop.run_due_timers()
        if not (self.closed or self.active_calls or wire._query_loggers):
            statement = wire._stmt_cache.get((query, record_class or self.record_class, False))
        if statement is None:
            return await self.run(
                wire._execute, query, args, limit, None, return_status=with_status, record_class=record_class
            )
        self.active_calls = 1
        try:
            result = await wire._protocol.bind_execute(statement, args, "", limit, with_status, None)
        except BaseException as error:  # noqa: ASYNC103  (raised below)
            await self._after(error)  # noqa: ASYNC102  (bounded inside)
            if not isinstance(error, STALE):
                raise
            self._forget_stale(error)
        else:
            return result
        finally:
            self._end_call()
        return await self._execute(query, args, limit, record_class, with_status=with_status)

    def _forget_stale(self, error: Exception) -> None:
        """The schema changed under a cached statement: forget it; raise when it cannot be tried again, as asyncpg."""
        wire = self.wire
        if isinstance(error, exceptions.OutdatedSchemaCacheError):
            wire._drop_global_type_cache()
            wire._drop_global_statement_cache()
            raise error
        wire._drop_global_statement_cache()
        if self.in_transaction():
            raise error

    def _end_call(self) -> None:
        self.active_calls -= 1
        self.loop.run_soon()
        if self.closing and self.loop.transport is not None:
            self.loop.transport.look_again()

    def poll(self) -> bool:
        """Whether the session still lives, as far as what has arrived tells; costs one system call."""
        transport = self.loop.transport
        if not self.closed and transport is not None:
            before = transport.chunks_read
            transport.poll()
            self.heard_unasked = self.heard_unasked or transport.chunks_read > before
        return not self.closed

    async def prove(self) -> bool:
        """Whether the session works, by a round trip if it said something unasked: a notice, or its last words."""
        if self.heard_unasked and not self.closed:
            self.heard_unasked = False
            with trio.move_on_after(_limits.CANCEL_LIMIT_S) as limit:
                with suppress(OSError, *REFUSALS):
                    await self.run(self.wire.execute, "select 1")
                    return True
            if not limit.cancelled_caught:
                self.terminate()
        return not self.closed

    def in_transaction(self) -> bool:
        return not self.closed and bool(self.wire.is_in_transaction())

    def terminate(self) -> None:
        """Say goodbye if the kernel takes it, and close the socket; never waits."""
        self.closed = True
        self.wire.terminate()
        if self.loop.transport is not None:
            self.loop.transport.abort()
        self.loop.run_soon()

    def notify(self, channel: str, payload: str, pid: int) -> None:
        """Hand a notification to those who listen to its channel."""
        receivers = self.listeners.get(channel)
        if receivers is None:
            self.stray_listen = True
            return
        for receive in receivers:
            receive(channel, payload, pid)

    async def close(self) -> None:
        """Say goodbye and wait, not for long, until the server hung up. A call under way elsewhere is cancelled.

        Cancellation: the socket is closed all the same, at once.
        """
        self.closing = True
        try:
            if not self.closed:
                with trio.move_on_after(_limits.CLOSE_LIMIT_S), suppress(OSError, exceptions.PostgresError):
                    await self._cancel_until(lambda: not self.active_calls)
                    await drive(self.loop, self.wire.close())
        finally:
            self.terminate()
        await trio.lowlevel.checkpoint_if_cancelled()

    async def cancel_calls(self) -> None:
        """Cancel the calls under way in other tasks, and wait until they have ended."""
        await self._cancel_until(lambda: not self.active_calls)
        await trio.lowlevel.checkpoint_if_cancelled()

    async def _after(self, error: BaseException) -> None:
        """Bring the session back to idle, or close it, after a call that failed."""
        if self.loop.cancelling:
            if self._hurried:
                self.terminate()
            else:
                await self._settle()
        if isinstance(error, exceptions.InternalClientError) and CONFUSED.search(str(error)):
            # Most often the server's last words, which came while nothing was asked.
            self.terminate()
            raise exceptions.ConnectionDoesNotExistError("the server ended the connection") from error

    async def _until(self, satisfied: Callable[[], bool]) -> None:
        if self.loop.transport is not None:
            await self.loop.transport.pump_until(satisfied)

    async def _settle(self) -> None:
        """Get the cancelled call off the server, or give the session up."""
        sent, acknowledged = self.loop.take_cancellation()
        with trio.move_on_after(_limits.CANCEL_LIMIT_S, shield=True), suppress(OSError, *REFUSALS):
            if self.loop.transport is not None:
                self.loop.transport.poll()
            await self._cancel_until(acknowledged.done)
            if not sent.done():
                sent.set_result(None)
            if not self.closed:
                await drive(self.loop, self.wire._protocol._wait_for_cancellation())
        if self.closed or self.wire._protocol._is_cancelling():
            self.terminate()

    async def _cancel_until(self, satisfied: Callable[[], bool]) -> None:
        """Send cancel requests until one has had its effect.

        One is not enough: a request that overtakes its query finds the backend idle, and PostgreSQL forgets it.
        """
        for pause_s in itertools.chain(CANCEL_PAUSES_S, itertools.repeat(CANCEL_PAUSES_S[-1])):
            if satisfied() or self.closed:
                return
            await self._request_cancel()
            with trio.move_on_after(pause_s):
                await self._until(satisfied)

    async def _request_cancel(self) -> None:
        if self.closed:
            raise exceptions.ConnectionDoesNotExistError("the connection is closed")
        wire, loop = self.wire, StandInLoop()
        try:
            await drive(
                loop,
                send_cancel_request(
                    loop=loop,
                    addr=wire._addr,
                    params=wire._params,
                    backend_pid=wire._protocol.backend_pid,
                    backend_secret=wire._protocol.backend_secret,
                ),
            )
        except ConnectionResetError:
            pass  # some servers hang up that way, after the deed
        finally:
            if loop.transport is not None:
                loop.transport.abort()


async def open_session(options: dict[str, Any]) -> Session:
    """Dial, authenticate, and take the connection over from asyncpg; `options` as `_options.checked` gives them.

    Raises:
        OSError: when no host can be reached, TLS failures included.
        asyncpg.PostgresError: when the server refuses.
    Cancellation: leaves nothing open.
    """
    options = {**options}
    record_class = options.pop("record_class", Record)
    loop = StandInLoop()
    await trio.lowlevel.checkpoint_if_cancelled()
    try:
        wire = await drive(
            loop,
            open_wire(loop=loop, connection_class=Wire, record_class=record_class, command_timeout=None, **options),
        )
    except BaseException:
        _leave(loop, None)
        raise
    loop.transport, loop.connecting = wire._transport, False
    _leave(loop, wire)
    return Session(loop, wire)


def _leave(loop: StandInLoop, chosen: Wire | None) -> None:
    """Leave the hosts that were tried and not chosen."""
    for wire in loop.wires:
        if wire is not chosen:
            wire.terminate()
    loop.wires.clear()
    if chosen is None and loop.transport is not None:
        loop.transport.abort()
