"""What only HTTP asks the database for, as typed calls: see `queries/web.sql`."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple
from uuid import UUID

from drena.store.queries import sql

if TYPE_CHECKING:
    from collections.abc import Collection

    from drena.store.jobs import Executor


class KeyOf(NamedTuple):
    """An Idempotency-Key, and whose it is."""

    tenant_id: UUID
    principal: str
    key: str


class Kept(NamedTuple):
    """What was answered before."""

    fingerprint: bytes
    status: int
    answer: str


class TenantRow(NamedTuple):
    """A tenant as people see it."""

    id: UUID
    slug: str
    name: str


class Day(NamedTuple):
    """How an integration's jobs ended on a day."""

    day: str
    success: int
    error: int
    time_ms: int
    """Of the successful ones that know theirs, together."""
    timed: int


async def claim_key(on: Executor, key: KeyOf, fingerprint: bytes) -> bool:
    """Take a key until the end of this transaction; False when somebody has had it. Waits for one who is at it."""
    return await on.fetchrow(sql("claim_key"), *key, fingerprint) is not None


async def keep_answer(on: Executor, key: KeyOf, status: int, answer: str) -> None:
    """Keep what is answered to a claimed key."""
    await on.execute(sql("keep_answer"), *key, status, answer)


async def kept_answer(on: Executor, key: KeyOf) -> Kept | None:
    """What was answered to a key; None when it is not known any more."""
    row = await on.fetchrow(sql("kept_answer"), *key)
    return None if row is None else Kept(bytes(row["fingerprint"]), row["status"], row["answer"])


async def tenants_by_id(on: Executor, ids: Collection[UUID] | None, limit: int) -> list[TenantRow]:
    """Tenants by their names; None stands for all of them."""
    rows = await on.fetch(sql("tenants_by_id"), None if ids is None else list(ids), limit)
    return [TenantRow(**row) for row in rows]


async def integration_days(on: Executor, tenant_id: UUID, provider: str, days: int, timezone: str) -> list[Day]:
    """An integration's last days, the oldest first."""
    rows = await on.fetch(sql("integration_days"), tenant_id, provider, days, timezone)
    return [Day(**row) for row in rows]


async def ping(on: Executor) -> None:
    """Ask the database for a sign of life."""
    await on.fetchrow(sql("ping"))
