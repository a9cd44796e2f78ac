"""A run that changes nothing: the provider's own `run`, in one transaction that is rolled back in the end.

Each `ctx.transaction()` is a savepoint inside it, so the provider reads what it wrote before, and says exactly what a
job would do, because it does it. Checkpoint and counters live in memory; there is no job row, and no progress is kept.
The pace is kept: the outside system sees a job like any other.

What a dry run does leave: gaps in sequences (`empresas.numero`), and locks on the rows it touched until it ends. A job
of the same integration that starts meanwhile waits for those rows; one that is active already makes it be refused.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import msgspec

from drena.api import Counters, Job
from drena.engine.context import ProviderContext
from drena.engine.statements import Statements
from drena.engine.transactions import FencedTransaction, Turns, add
from drena.store.queries import sql
from drena.store.rehearsal import changing

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping
    from contextlib import AbstractAsyncContextManager

    from asyncpg_trio import Connection
    from drena.api import Provider

FIRST_ATTEMPT = 1


class Rehearsed(msgspec.Struct, frozen=True, kw_only=True):
    """What a run would do."""

    counters: Mapping[str, Counters]
    result: Any


class DryRunContext(ProviderContext):
    """What `run` is given in a dry run; see `drena.api.Context`."""

    dry_run = True

    def __init__(
        self,
        conn: Connection,
        lane: str,
        payload: Mapping[str, Any],
        on_progress: Callable[[str], None],
        **shared: Any,
    ) -> None:
        super().__init__(**shared)
        self._conn = conn
        self._turns = Turns()  # savepoints of one connection nest, they do not overlap
        self._on_progress = on_progress
        self.job = Job(
            id=uuid4(),
            tenant_id=self.tenant.id,
            provider_slug=self._provider.slug,
            lane=lane,
            attempt=FIRST_ATTEMPT,
            max_attempts=FIRST_ATTEMPT,
            payload=payload,
        )
        self.checkpoint: Any = None
        self.counters: dict[str, Counters] = {}

    def transaction(self) -> AbstractAsyncContextManager[FencedTransaction]:
        return self._transaction()

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[FencedTransaction]:
        async with self._turns.turn():
            async with self._conn.transaction():
                transaction = FencedTransaction(self._conn, Statements(), 0)
                try:
                    yield transaction
                finally:
                    transaction.end()
            if transaction.saved is not None:
                self.checkpoint = msgspec.json.decode(transaction.saved)
            for entity, more in transaction.counted.items():
                add(self.counters, entity, more)

    def progress(
        self, done: int, total: int | None = None, *, unit: str = "", phase: str = "", message: str = ""
    ) -> None:
        unit = next((word.pt for word in self._provider.words if word.key == unit), unit)  # as the message
        how_far = f"{done}/{total}" if total else str(done)
        self._on_progress(f"{message or phase} ({how_far}{' ' + unit if unit else ''})")


async def rehearse(
    conn: Connection,
    provider: Provider,
    *,
    lane: str,
    payload: Mapping[str, Any],
    on_progress: Callable[[str], None],
    **shared: Any,
) -> Rehearsed:
    """Run `provider.run` once and roll everything back. Cancelled, everything is rolled back too.

    Args:
        conn: outside any transaction; held until the end.
        provider: one with `dry_run`.
        lane: of the job it would be.
        payload: of the job it would be.
        on_progress: told each progress, in one line.
        shared: what `ProviderContext` takes.

    Raises:
        Exception: whatever `run` raises.
    """
    async with changing(conn, dry_run=True):
        await conn.execute(sql("stand_idle"))
        ctx = DryRunContext(conn, lane, payload, on_progress, provider=provider, **shared)
        result = await provider.run(ctx)
    return Rehearsed(counters=ctx.counters, result=result)
