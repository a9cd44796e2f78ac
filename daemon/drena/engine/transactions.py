"""The fenced transaction an attempt writes through.

Invariant (I8): data, checkpoint, counters and the check of the lease token commit together or not at all. It holds
because the first statement of the transaction locks the job's row under the token, and whoever would take the job (a
rescue, a cancellation, another claim) has to write that row and therefore waits for this transaction or makes it find
nothing.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final

from drena.api import AttemptFenced, Counters
from drena.store.plain import plain_json
from drena.store.queries import sql

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Sequence

    from asyncpg_trio import Connection, Pool, Record
    from drena.store.jobs import Claim

CHECKPOINT_LIMIT_BYTES: Final = 64 * 1024


class FencedTransaction:
    """What `Context.transaction` yields; see `drena.api.Transaction`."""

    def __init__(self, conn: Connection) -> None:
        self._conn = conn
        self.saved: str | None = None
        self.counted: dict[str, Counters] = {}

    async def fetch(self, query: str, *args: Any) -> Sequence[Record]:
        return await self._conn.fetch(query, *args)

    async def fetchrow(self, query: str, *args: Any) -> Record | None:
        return await self._conn.fetchrow(query, *args)

    async def fetchval(self, query: str, *args: Any) -> Any:
        return await self._conn.fetchval(query, *args)

    async def execute(self, query: str, *args: Any) -> str:
        return await self._conn.execute(query, *args)

    async def executemany(self, query: str, args: Iterable[Sequence[Any]]) -> None:
        await self._conn.executemany(query, args)

    def checkpoint(self, value: Any) -> None:
        text = plain_json(value)
        if (size := len(text.encode())) > CHECKPOINT_LIMIT_BYTES:
            raise ValueError(f"a checkpoint may hold {CHECKPOINT_LIMIT_BYTES} bytes of JSON, this one has {size}")
        self.saved = text

    def count(
        self, entity: str, *, read: int = 0, created: int = 0, updated: int = 0, skipped: int = 0, errors: int = 0
    ) -> None:
        add(self.counted, entity, Counters(read=read, created=created, updated=updated, skipped=skipped, errors=errors))


def add(totals: dict[str, Counters], entity: str, more: Counters) -> None:
    """Add counters to the totals of an entity."""
    so_far = totals.setdefault(entity, Counters())
    for name in Counters.__struct_fields__:
        setattr(so_far, name, getattr(so_far, name) + getattr(more, name))


@asynccontextmanager
async def open_transaction(pool: Pool, claim: Claim) -> AsyncIterator[FencedTransaction]:
    """Open a transaction that holds the job; leaving normally commits, anything else rolls back.

    Raises:
        AttemptFenced: the job is no longer this attempt's.
    """
    async with pool.acquire() as conn, conn.transaction():
        if await conn.fetchval(sql("hold_job"), claim.job.id, claim.token) is None:
            raise AttemptFenced(f"job {claim.job.id} is no longer held under lease token {claim.token}")
        transaction = FencedTransaction(conn)
        yield transaction
        if transaction.saved is not None:
            await conn.execute(sql("save_checkpoint"), claim.job.id, transaction.saved)
        for entity, more in transaction.counted.items():
            await conn.execute(
                sql("count_rows"),
                claim.job.id,
                entity,
                more.read,
                more.created,
                more.updated,
                more.skipped,
                more.errors,
            )
