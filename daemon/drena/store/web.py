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


class TenantPlace(NamedTuple):
    """Where a page of tenants ended."""

    name: str
    id: UUID


class Counts(NamedTuple):
    """How many tenants have integrations, and how many of those are in which state."""

    tenants: int
    active: int
    error: int
    success: int
    idle: int


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


async def read_tenants_page(
    on: Executor,
    *,
    tenants: Collection[UUID] | None,
    words: Collection[str],
    state: str | None,
    after: TenantPlace | None,
    limit: int,
) -> list[tuple[TenantRow, TenantPlace]]:
    """A page of tenants by their names, each with its place; None stands for all of them."""
    name, tenant_id = after or (None, None)
    wanted, looked_for = None if tenants is None else list(tenants), list(words) or None
    rows = await on.fetch(sql("tenants_page"), wanted, looked_for, state, name, tenant_id, limit)
    return [(TenantRow(**row), TenantPlace(row["name"], row["id"])) for row in rows]


async def count_integrations(on: Executor, tenants: Collection[UUID] | None, words: Collection[str]) -> Counts:
    """How many integrations of these tenants are in which state."""
    row = await on.fetchrow(sql("integration_counts"), None if tenants is None else list(tenants), list(words) or None)
    assert row is not None
    return Counts(**row)


async def integration_days(on: Executor, tenant_id: UUID, provider: str, days: int, timezone: str) -> list[Day]:
    """An integration's last days, the oldest first."""
    rows = await on.fetch(sql("integration_days"), tenant_id, provider, days, timezone)
    return [Day(**row) for row in rows]


async def ping(on: Executor) -> None:
    """Ask the database for a sign of life."""
    await on.fetchrow(sql("ping"))
