"""What the service manager hears of a node: that it is ready, what it does, and, while that is true, that it lives.

`WATCHDOG=1` is worth what stands behind it, and one task alone sends it. Either the database answered through the
daemon's own pool and the dispatcher then went round once, claim and look ahead included; or the database is away, or
somebody else holds a lock that the daemon waits for, which no restart mends: the daemon knows it, says so in `STATUS=`
and goes on by itself, however long it takes.

Neither is taken from the pool, which looks the same when the fault is its own: this task asks on a fresh connection. A
process whose event loop turns while its pool or its dispatcher hangs sends no sign, and the manager ends and starts it
again (`WatchdogSec=` in the unit: a proof takes a third of it and `OWN_LIMIT_S` at most).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import trio

import asyncpg_trio
from asyncpg_trio import exceptions as pg
from drena.engine.outages import PASSING
from drena.errors import DatabaseError
from drena.store.database import clear_errors
from drena.store.queries import sql
from drena.systemd import notify, watchdog_s

if TYPE_CHECKING:
    from collections.abc import Callable

    from asyncpg_trio import Connection, Pool
    from drena.engine.dispatcher import Dispatcher
    from drena.log import LogLines

LOOK_EVERY_S: Final = 10.0
"""How often `systemctl status` is told what goes on, at least."""
SIGNS_A_LIMIT: Final = 3
"""So many signs are sent in the time that the manager waits for one: two may be lost or late."""
OWN_LIMIT_S: Final = 5.0
"""How long a fresh connection and its answer may take; beyond that the database is away."""
ASK_EVERY_S: Final = 0.25
"""Between one try and the next nobody waits for a lock: who holds it is asked for more than once."""
WAITING: Final = "Waiting for the database."
JOINING: Final = "Waiting to join the other nodes."
STARVED: Final = "The database answers, and no connection of the pool does."
STALLED: Final = "The dispatcher does not move."
FAULTS: Final = (STARVED, STALLED)
"""What only a new process mends."""


class SignOfLife:
    """The task that speaks for one daemon.

    Args:
        url: the database.
        pool: the daemon's own, as its work uses it.
        dispatcher: the one of the present term; None between terms.
        stopping: whether the daemon was told to stop.
        log: told what a restart would mend.
    """

    def __init__(
        self,
        url: str,
        pool: Pool,
        dispatcher: Callable[[], Dispatcher | None],
        stopping: Callable[[], bool],
        log: LogLines,
    ) -> None:
        self._url = url
        self._pool = pool
        self._dispatcher = dispatcher
        self._stopping = stopping
        self._log = log
        self.ready = False
        """Whether `READY=1` was said, or nobody listens."""

    async def run(self) -> None:
        """Say `READY=1` at the first proof, and `WATCHDOG=1` at each one, until cancelled. Never raises."""
        if not notify(f"STATUS={WAITING}"):  # nobody listens, and a proof costs the database something
            self.ready = True
            await trio.sleep_forever()
        limit_s = watchdog_s() or LOOK_EVERY_S * SIGNS_A_LIMIT
        missing = ""
        while True:
            before, missing = missing, await self._prove(limit_s / SIGNS_A_LIMIT)
            if not missing:
                self._tell()
            elif away := await self._outage():
                notify(f"STATUS={away}", "WATCHDOG=1")
                if missing in FAULTS and missing != before and not away.startswith(WAITING):
                    self._log.warning("held up by somebody else", reason=away)
            else:
                notify(f"STATUS={missing}")
                if missing in FAULTS and missing != before:
                    self._log.error("without a sign of life systemd will restart this process", reason=missing)
            await trio.sleep(min(limit_s / SIGNS_A_LIMIT, LOOK_EVERY_S))

    async def _prove(self, limit_s: float) -> str:
        """One round trip, then one turn of the dispatcher; what is missing of that after the limit, or nothing."""
        missing = STARVED
        with trio.move_on_after(limit_s):
            try:
                await self._pool.fetchval("select 1")
            except (*PASSING, pg.PostgresError):
                return WAITING
            if (dispatcher := self._dispatcher()) is None:
                return JOINING
            missing = STALLED
            await dispatcher.wait_turn()
            return ""
        return missing

    async def _outage(self) -> str:
        """Why the database serves nobody, or not us, as a connection of its own finds it; nothing when it is we."""
        settings = {"application_name": "drena sign of life"}
        try:
            with clear_errors(self._url), trio.fail_after(OWN_LIMIT_S):
                async with asyncpg_trio.connect(self._url, server_settings=settings, statement_cache_size=0) as conn:
                    return await _held_up(conn)
        except DatabaseError as error:
            return f"{WAITING} {error}"
        except (*PASSING, pg.PostgresError):
            return WAITING

    def _tell(self) -> None:
        dispatcher = self._dispatcher()
        running = 0 if dispatcher is None else dispatcher.running
        jobs = f"{running} job{'' if running == 1 else 's'} running."
        if self._stopping():
            notify(f"STATUS=Stopping; {jobs}", "WATCHDOG=1")
        elif self.ready:
            notify(f"STATUS=Serving; {jobs}", "WATCHDOG=1")
        else:
            self.ready = notify("READY=1", f"STATUS=Serving; {jobs}", "WATCHDOG=1")


async def _held_up(conn: Connection) -> str:
    """Who else has, or waits before us for, a lock that sessions of ours wait for; nothing when nobody does."""
    row = await conn.fetchrow(sql("who_holds_up"))
    with trio.move_on_after(OWN_LIMIT_S / 2):
        while row is None:
            await trio.sleep(ASK_EVERY_S)
            row = await conn.fetchrow(sql("who_holds_up"))
    if row is None:
        return ""
    since = "" if row["age_s"] is None else f", whose transaction has lasted {row['age_s']:.0f} s"
    return f"Waiting for a lock of process {row['pid']} ({row['application']}){since}."
