"""What the service manager hears of a node: that it is ready, what it does, and, while that is true, that it lives.

`WATCHDOG=1` is worth what stands behind it. It is sent by one task alone, each time after it has had an answer from the
database through the daemon's own pool and has then seen the dispatcher go round once, claim and look ahead included. A
process whose event loop turns while its dispatcher hangs sends none, and the manager ends and starts it again
(`WatchdogSec=` in the unit). A database that is away for longer than that has the same end: the new process waits for
it as every start does. The unit leaves more time than outages of a minute need, since those cost no job anything (I4).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import trio

from asyncpg_trio import exceptions as pg
from drena.engine.outages import PASSING
from drena.systemd import notify, watchdog_s

if TYPE_CHECKING:
    from collections.abc import Callable

    from asyncpg_trio import Pool
    from drena.engine.dispatcher import Dispatcher
    from drena.log import LogLines

LOOK_EVERY_S: Final = 10.0
"""How often `systemctl status` is told what goes on, at least."""
SIGNS_A_LIMIT: Final = 3
"""So many signs are sent in the time that the manager waits for one: two may be lost or late."""
WAITING: Final = "Waiting for the database."
JOINING: Final = "Waiting to join the other nodes."
STALLED: Final = "The dispatcher does not move."


class SignOfLife:
    """The task that speaks for one daemon.

    Args:
        pool: the daemon's own, as its work uses it.
        dispatcher: the one of the present term; None between terms.
        stopping: whether the daemon was told to stop.
        log: told of a dispatcher that does not move.
    """

    def __init__(
        self, pool: Pool, dispatcher: Callable[[], Dispatcher | None], stopping: Callable[[], bool], log: LogLines
    ) -> None:
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
            before, missing = missing, await self._prove(limit_s)
            if not missing:
                self._tell()
            else:
                notify(f"STATUS={missing}")
            if missing == STALLED != before:
                self._log.error("the dispatcher does not move; without a sign of life systemd restarts this process")
            await trio.sleep(min(limit_s / SIGNS_A_LIMIT, LOOK_EVERY_S))

    async def _prove(self, limit_s: float) -> str:
        """One round trip, then one turn of the dispatcher; what is missing of that after the limit, or nothing."""
        missing = WAITING
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
