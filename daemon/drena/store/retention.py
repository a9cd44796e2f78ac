"""Deletes history that nobody needs any more, in small batches, each a short transaction of its own.

What stays whatever the settings say: active jobs with everything about them, an integration's last ended job and its
last success. A job goes together with its log in one statement; the lines that tell its life (those with an `event`)
never go before it, so that `drena doctor` never reads half a history. Any number of nodes may prune at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from uuid import UUID

import msgspec
import trio

from drena.store.jobs import NOWHERE
from drena.store.queries import sql

if TYPE_CHECKING:
    from asyncpg_trio import Record
    from drena.config import Retention
    from drena.store.jobs import Executor

KEYS_HOURS: Final = 24
"""How long an Idempotency-Key is good; `claim_key` forgets it after as long."""
PAGE: Final = 200
"""Integrations or tenants that one statement looks at."""


class Pruned(msgspec.Struct, kw_only=True):
    """How many rows went."""

    jobs: int = 0
    job_log_lines: int = 0
    feed_entries: int = 0
    history_rows: int = 0
    idempotency_keys: int = 0

    @property
    def total(self) -> int:
        """All of them."""
        return self.jobs + self.job_log_lines + self.feed_entries + self.history_rows + self.idempotency_keys


async def prune(on: Executor, settings: Retention, *, rest: float = 0.0) -> Pruned:
    """Delete everything the settings let go. Cancelled, what was deleted so far stays deleted.

    Args:
        on: where; on a pool or an idle connection each batch commits by itself.
        settings: how long what is kept.
        rest: after each statement, wait this many times as long as it took: 1 leaves the database half of the time.

    Raises:
        PostgresError: a statement failed; those before it hold.
    """
    counts = Pruned()
    pace = _Pace(on, rest)
    await _prune_jobs(pace, settings, counts)
    counts.job_log_lines += await pace.drain("prune_job_lines", settings.job_logs_days, settings.batch)
    await _prune_feed(pace, settings, counts)
    counts.idempotency_keys += await pace.drain("prune_idempotency_keys", KEYS_HOURS, settings.batch)
    if settings.history_days is not None:
        for statement in ("prune_integration_logs", "prune_sync_jobs"):
            counts.history_rows += await pace.drain(statement, settings.history_days, settings.batch)
    return counts


async def _prune_jobs(pace: _Pace, settings: Retention, counts: Pruned) -> None:
    tenant, provider = NOWHERE, ""
    while page := await pace.fetch("integrations_after", tenant, provider, PAGE):
        tenants, providers = [row["tenant_id"] for row in page], [row["provider_slug"] for row in page]
        arguments = (tenants, providers, settings.jobs_days, settings.jobs_per_integration, settings.batch)
        while outlived := [row["id"] for row in await pace.fetch("outlived_jobs", *arguments)]:
            counts.job_log_lines += await pace.drain("prune_lines_of_jobs", outlived, settings.batch)
            gone = await pace.execute("prune_jobs", outlived)
            counts.jobs += gone
            if gone == 0 or len(outlived) < settings.batch:  # another node has them in hand, or there are no more
                break
        tenant, provider = tenants[-1], providers[-1]


async def _prune_feed(pace: _Pace, settings: Retention, counts: Pruned) -> None:
    tenant: UUID | None = NOWHERE
    while tenant is not None:
        (row,) = await pace.fetch("prune_feed", tenant, PAGE, settings.feed_hours, settings.batch)
        counts.feed_entries += row["gone"]
        if not row["gone"]:  # as long as something went there may be more of the same tenants
            tenant = row["last"]


class _Pace:
    """Runs statements by name, and rests after each."""

    def __init__(self, on: Executor, rest: float) -> None:
        self._on = on
        self._rest = rest

    async def fetch(self, statement: str, *args: object) -> list[Record]:
        began_s = trio.current_time()
        rows = await self._on.fetch(sql(statement), *args)
        await self._wait(began_s)
        return rows

    async def execute(self, statement: str, *args: object) -> int:
        """Run a DELETE and say how many rows went."""
        began_s = trio.current_time()
        tag = await self._on.execute(sql(statement), *args)
        await self._wait(began_s)
        return int(tag.rpartition(" ")[2])

    async def drain(self, statement: str, *args: object) -> int:
        """Run a DELETE whose last argument is its batch until it finds less than that."""
        total, batch = 0, args[-1]
        assert isinstance(batch, int)
        while gone := await self.execute(statement, *args):
            total += gone
            if gone < batch:
                break
        return total

    async def _wait(self, began_s: float) -> None:
        await trio.sleep((trio.current_time() - began_s) * self._rest)
