"""The feeds' log as it is read: whichever database this is, it is recognised before anything is told of it.

An epoch lasts for one run of the database server (`migrations/0026`). Whoever reads first after that has been started
makes the epochs of the new run, and reads again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeVar

from drena.store.feed import (
    UnrecognisedError,
    read_picture,
    read_positions,
    read_progress,
    recognise,
    renew,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection
    from uuid import UUID

    from asyncpg_trio import Pool
    from drena.log import LogLines
    from drena.store.feed import Picture, Position, Progress

Answer = TypeVar("Answer")
ENDED_JOBS: Final = 20
ACTIVE_JOBS: Final = 10_000


class Source:
    """See the module. All of it raises `PostgresError` or `OSError` while the database is away.

    Args:
        pool: where the log is.
        log: told of databases that are not what they were.
    """

    def __init__(self, pool: Pool, log: LogLines) -> None:
        self._pool = pool
        self._log = log

    async def read(self, ask: Callable[..., Awaitable[Answer]], *args: Any, **more: Any) -> Answer:
        """Ask the database; when it was started since the epochs were made, these come first."""
        while True:
            try:
                return await ask(self._pool, *args, **more)
            except UnrecognisedError:
                found = await recognise(self._pool)
                if found == "restored":
                    self._log.warning("the database is not the one it was: every feed begins anew")
                elif found == "restarted":
                    self._log.info("the database server was started anew: feeds go on in a new epoch")

    async def picture(self, tenant: UUID) -> Picture:
        """A snapshot of a tenant; its feed begins with it, if it had none."""
        picture = None
        while picture is None:
            picture = await self.read(read_picture, tenant, ended=ENDED_JOBS, active=ACTIVE_JOBS)
            if picture is None:
                await self.read(read_positions, [tenant])  # begins the feed
        return picture

    async def progress(self, tenants: Collection[UUID]) -> list[Progress]:
        """How far their running jobs are."""
        return await read_progress(self._pool, tenants)

    async def renew(self, tenant: UUID, seen: Position) -> None:
        """A feed that somebody has seen further ahead than it is begins a new epoch."""
        self._log.warning("a feed was seen further ahead than it is: it begins anew", tenant_id=str(tenant))
        await renew(self._pool, tenant, seen)
