"""Changes that can be rehearsed: done in a transaction that is rolled back in the end.

A rehearsal says exactly what would change, because it is the change.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from asyncpg_trio import Connection


class _RehearsedError(Exception):
    """Makes the transaction roll back; never leaves this module."""


@asynccontextmanager
async def changing(conn: Connection, *, dry_run: bool) -> AsyncIterator[None]:
    """A transaction that commits when the block succeeds, unless it is a dry run. Cancelled, it rolls back."""
    try:
        async with conn.transaction():
            yield
            if dry_run:
                raise _RehearsedError
    except _RehearsedError:
        return
