"""The statements of providers that wait for the database: one whose answer was lost must not wait for ever.

A provider's statement may take as long as it takes, so no limit can tell a slow one from a half-open connection, on
which nothing arrives any more. The database can: a session that is not at work on anything will not answer. It is asked
on another connection, and only about statements that have waited for `ANSWER_LIMIT_S`.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import trio

from drena.engine.outages import ANSWER_LIMIT_S, outlast
from drena.store.queries import sql

if TYPE_CHECKING:
    from collections.abc import Iterator

    from asyncpg_trio import Pool
    from drena.log import LogLines


class Statements:
    """Those that wait, of one node."""

    def __init__(self) -> None:
        self._waiting: dict[trio.CancelScope, tuple[int, float]] = {}
        self._some = trio.Event()

    @contextmanager
    def waiting(self, session: int) -> Iterator[trio.CancelScope]:
        """A statement's wait for its answer.

        Args:
            session: the process id of the server's session that is at work on it.

        Yields:
            The scope that is cancelled when no answer will come.
        """
        with trio.CancelScope() as scope:
            self._waiting[scope] = session, trio.current_time()
            self._some.set()
            try:
                yield scope
            finally:
                del self._waiting[scope]

    async def watch(self, pool: Pool, log: LogLines) -> None:
        """End the waits that nothing will end; until cancelled."""
        while True:
            await self._some.wait()
            await trio.sleep(ANSWER_LIMIT_S / 2)
            before_s = trio.current_time() - ANSWER_LIMIT_S
            long = {
                scope: session
                for scope, (session, since_s) in self._waiting.items()
                if since_s < before_s and not scope.cancel_called
            }
            if long:
                await self._give_up(long, pool, log)
            if not self._waiting:
                self._some = trio.Event()

    async def _give_up(self, long: dict[trio.CancelScope, int], pool: Pool, log: LogLines) -> None:
        """End those of these waits whose sessions are not at work, and the sessions."""
        asked = sorted(set(long.values()))
        rows = await outlast("look after statements", lambda: pool.fetch(sql("sessions_at_work"), asked), log)
        working = {row["pid"] for row in rows}
        lost = {scope: session for scope, session in long.items() if session not in working and scope in self._waiting}
        for scope, session in lost.items():
            log.warning("no answer will come to a provider's statement", session=session)
            scope.cancel(reason="the session is not at work")
        if lost:
            sessions = sorted(set(lost.values()))
            await outlast("end sessions", lambda: pool.fetch(sql("end_idle_sessions"), sessions), log)
