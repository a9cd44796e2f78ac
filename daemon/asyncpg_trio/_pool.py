"""A pool of sessions.

What it guarantees:

* A slot is taken before a session is looked for and given back in one synchronous step after it was dealt with, so no
  cancellation, at whatever checkpoint, can lose one. Waiting is fair: first come, first served.
* A session goes back to the idle ones only when it is known to be clean: no call under way, no transaction, no LISTEN,
  and nothing else its statements can have left (`_residue`). What may be dirty is reset, under a shielded deadline;
  what cannot be reset is closed. A clean session costs no round trip.
* An idle session whose server went away is found out when it is about to be handed out, and replaced.

One background task closes what was idle for too long; it touches idle sessions only, and is why `create_pool` holds a
nursery. An exception of the caller's block still leaves bare: it is kept aside, the nursery is ended (shielded, so that
its child's Cancelled stays inside), and it goes on. It is the only exception there is: nothing is unwrapped or hidden.
"""

from __future__ import annotations

from collections import deque
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Literal, Unpack

import trio

from . import _limits
from ._asyncpg_private import exceptions
from ._connection import Connection
from ._options import checked, refuse_timeout
from ._pooled_calls import PooledCallsMixin
from ._residue import ANYTHING, CHANNELS, EVERYTHING, cleaning
from ._session import open_session
from ._statistics import PoolStatistics

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
    from types import TracebackType

    from ._options import ConnectOptions
    from ._session import Session, Wire

    Hook = Callable[[Connection], Awaitable[object]]


class Pool(PooledCallsMixin):
    """Connections to share; made by :func:`create_pool`."""

    def __init__(
        self,
        options: dict[str, Any],
        *,
        min_size: int,
        max_size: int,
        max_idle_s: float,
        max_lifetime_s: float,
        init: Hook | None,
        setup: Hook | None,
        reset: Hook | Literal["auto", "always"],
    ) -> None:
        if max_size < 1 or not 0 <= min_size <= max_size or min(max_idle_s, max_lifetime_s) <= 0:
            raise ValueError("a pool needs max_size >= 1, 0 <= min_size <= max_size, and times greater than 0")
        self._options = options
        self._min_size = min_size
        self._max_size = max_size
        self._max_idle_s = max_idle_s
        self._max_lifetime_s = max_lifetime_s
        self._init = init
        self._setup = setup
        self._reset = reset
        self._free = max_size
        self._waiting = trio.lowlevel.ParkingLot()
        self._idle: deque[Session] = deque()
        self._held: set[Session] = set()
        self._all_returned = trio.Event()
        self._closing = False
        self._opened = self._discarded = self._resets = 0

    def acquire(self, *, timeout: None = None) -> Acquiring:
        """A connection for the length of a block: `async with pool.acquire() as conn`.

        Entering waits for a free slot, first come, first served.

        Raises:
            InterfaceError: when the pool is closed.
            OSError, PostgresError: when a new connection was needed and could not be had.
        Cancellation: leaves no slot taken. On leaving the block, what the connection needs in order to be clean is done
        even in a cancelled scope, within `CANCEL_LIMIT_S`.
        """
        refuse_timeout(timeout)
        return Acquiring(self)

    def _acquiring(self) -> Acquiring:
        return Acquiring(self, for_one_call=True)

    def statistics(self) -> PoolStatistics:
        """How the pool is doing now."""
        return PoolStatistics(
            size=self.get_size(),
            idle=len(self._idle),
            in_use=self._max_size - self._free,
            waiting=len(self._waiting),
            max_size=self._max_size,
            opened=self._opened,
            discarded=self._discarded,
            resets=self._resets,
        )

    def get_size(self) -> int:
        """Sessions open now."""
        return len(self._idle) + len(self._held)

    def get_idle_size(self) -> int:
        """Sessions open and unused."""
        return len(self._idle)

    def get_min_size(self) -> int:
        """How many sessions are kept open when idle."""
        return self._min_size

    def get_max_size(self) -> int:
        """How many sessions there can be."""
        return self._max_size

    def is_closing(self) -> bool:
        """Whether the pool is closed or being closed."""
        return self._closing

    def terminate(self) -> None:
        """Close every session at once, the held ones too; never waits."""
        self._stop_handing_out()
        for session in (*self._idle, *self._held):
            session.terminate()
        self._idle.clear()

    async def aclose(self) -> None:
        """Hand out nothing more, wait for what is held to come back, and close everything.

        Cancellation: closes everything at once, the held connections too.
        """
        self._stop_handing_out()
        try:
            if self._held:
                await self._all_returned.wait()
            await self._say_goodbye(self._idle)
        finally:
            with trio.move_on_after(_limits.CLOSE_LIMIT_S, shield=True):
                await self._say_goodbye([session for session in self._held if session.active_calls])
            self.terminate()

    async def expire_connections(self) -> None:
        """Close the idle sessions now, and the held ones when they come back."""
        for session in (*self._idle, *self._held):
            session.expired = True
        self._close_expired()
        await trio.lowlevel.checkpoint()

    # For create_pool and Acquiring.

    async def _fill(self) -> None:
        while len(self._idle) < self._min_size:
            self._idle.append(await self._open())

    async def _expire_while_idle(self) -> None:
        while True:
            await trio.sleep(min(self._max_idle_s, self._max_lifetime_s) / 4)
            self._close_expired()

    async def _take(self) -> Session:
        if self._closing:
            raise exceptions.InterfaceError("the pool is closed")
        await self._take_slot()
        session = None
        try:
            session = self._pick_idle()
            while session is not None and session.heard_unasked and not await session.prove():
                self._discarded += 1
                session = self._pick_idle()
            if session is None:
                session = await self._open()
        except BaseException:
            if session is not None:
                session.terminate()
                self._discarded += 1
            self._give_slot()
            raise
        self._held.add(session)
        return session

    def _give(self, session: Session) -> None:
        """Take a session back, closed or clean, with its slot; one step, nothing awaited."""
        self._held.discard(session)
        if session.closed:
            self._discarded += 1
        elif self._closing or self._is_old(session):
            session.terminate()
            self._discarded += 1
        else:
            session.used_at = trio.current_time()
            self._idle.append(session)
        self._give_slot()
        if self._closing and not self._held:
            self._all_returned.set()

    async def _take_slot(self) -> None:
        await trio.lowlevel.checkpoint_if_cancelled()
        if self._free and not self._waiting:
            self._free -= 1
        else:
            await self._waiting.park()
            if self._closing:
                self._give_slot()
                raise exceptions.InterfaceError("the pool was closed while waiting for a connection")

    def _give_slot(self) -> None:
        if self._waiting:
            self._waiting.unpark()
        else:
            self._free += 1

    def _pick_idle(self) -> Session | None:
        while self._idle:
            session = self._idle.pop()
            if session.poll() and not self._is_old(session):
                return session
            session.terminate()
            self._discarded += 1
        return None

    async def _open(self) -> Session:
        session = await open_session(self._options)
        self._opened += 1
        session.relatives = self._wires
        if self._init is not None:
            connection = Connection(session)
            try:
                await self._init(connection)
            except BaseException:
                session.terminate()
                raise
        return session

    async def _clean(self, session: Session, residue: int) -> None:
        """Reset what may be dirty, or close the session; raises nothing."""
        if session.closed:
            return
        if session.active_calls:
            await session.clean_up(session.close)  # another task still uses it: its query ends on the server too
            return
        statements = self._cleaning_of(session, residue)
        if not statements and not callable(self._reset):
            return
        self._resets += 1
        clean = not statements or await session.clean_up_by(statements)
        if clean and callable(self._reset):
            clean = await session.clean_up(self._reset, Connection(session))
        if not clean or session.in_transaction():
            session.terminate()

    def _cleaning_of(self, session: Session, residue: int) -> str:
        if session.stray_listen:
            residue |= CHANNELS
            session.stray_listen = False
        statements = cleaning(residue)
        if self._reset == "always" or residue & ANYTHING:
            statements = EVERYTHING
        if session.in_transaction():
            session.wire._top_xact = None
            statements = "ROLLBACK;" + statements
        return statements

    def _is_old(self, session: Session) -> bool:
        return session.expired or trio.current_time() - session.opened_at > self._max_lifetime_s

    def _close_expired(self) -> None:
        now = trio.current_time()
        for session in list(self._idle):
            surplus = self.get_size() > self._min_size and now - session.used_at > self._max_idle_s
            if surplus or self._is_old(session) or not session.poll():
                self._idle.remove(session)
                session.terminate()
                self._discarded += 1

    def _stop_handing_out(self) -> None:
        self._closing = True
        if not self._held:
            self._all_returned.set()
        while self._waiting:
            self._free -= 1
            self._give_slot()
            self._free += 1

    async def _say_goodbye(self, sessions: Iterable[Session]) -> None:
        with trio.move_on_after(_limits.CLOSE_LIMIT_S):
            async with trio.open_nursery() as nursery:
                for session in sessions:
                    nursery.start_soon(session.close)

    def _wires(self) -> list[Wire]:
        return [session.wire for session in (*self._idle, *self._held)]


class Acquiring:
    """A connection of a pool for the length of a block."""

    __slots__ = ("_connection", "_for_one_call", "_pool")

    def __init__(self, pool: Pool, *, for_one_call: bool = False) -> None:
        self._pool = pool
        self._for_one_call = for_one_call
        self._connection: Connection | None = None

    def __await__(self) -> Any:
        raise NotImplementedError(
            "`await pool.acquire()` is not supported: use `async with pool.acquire() as connection`"
        )

    async def __aenter__(self) -> Connection:
        pool = self._pool
        if not self._for_one_call:  # which lets others run by itself
            await trio.lowlevel.checkpoint()
        session = await pool._take()
        connection = Connection(session)
        if pool._setup is not None:
            try:
                await pool._setup(connection)
            except BaseException:
                session.terminate()
                connection._detach()
                pool._give(session)
                raise
        self._connection = connection
        return connection

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        connection = self._connection
        assert connection is not None
        residue, session = connection._residue, connection._detach()
        session.wire._pool_release_ctr += 1  # statements and cursors of this use end here
        try:
            await self._pool._clean(session, residue)  # noqa: ASYNC102  (bounded inside)
        finally:
            self._pool._give(session)


@asynccontextmanager
async def create_pool(
    dsn: str | None = None,
    *,
    min_size: int = 0,
    max_size: int = 10,
    max_idle_s: float = 300.0,
    max_lifetime_s: float = float("inf"),
    init: Hook | None = None,
    setup: Hook | None = None,
    reset: Hook | Literal["auto", "always"] = "auto",
    **options: Unpack[ConnectOptions],
) -> AsyncIterator[Pool]:
    """Open a pool for the length of a block.

    Args:
        dsn: where to connect; `options` are those of :func:`connect`.
        min_size: connections opened at once and kept when idle.
        max_size: connections there can be at the same time.
        max_idle_s: after how long an unused connection above `min_size` is closed.
        max_lifetime_s: after how long any connection is closed when it comes back or is idle.
        init: called once with each new connection.
        setup: called with a connection each time before it is handed out.
        reset: "auto" resets what its statements can have left; "always" resets everything after each use; a function
            is called with the connection after the automatic reset.

    Raises:
        OSError, PostgresError: when the first `min_size` connections cannot be had.
    """
    pool = Pool(
        checked({"dsn": dsn, **options}),
        min_size=min_size,
        max_size=max_size,
        max_idle_s=max_idle_s,
        max_lifetime_s=max_lifetime_s,
        init=init,
        setup=setup,
        reset=reset,
    )
    error: BaseException | None = None
    async with trio.open_nursery() as nursery:
        try:
            await pool._fill()
            if min(max_idle_s, max_lifetime_s) != float("inf"):
                nursery.start_soon(pool._expire_while_idle, name="asyncpg_trio pool: expire idle connections")
            yield pool
            await pool.aclose()
        except BaseException as caught:  # noqa: BLE001, ASYNC103  (raised again below)
            error = caught
        pool.terminate()
        nursery.cancel_scope.shield = True
        nursery.cancel_scope.cancel()
    if error is not None:
        raise error
