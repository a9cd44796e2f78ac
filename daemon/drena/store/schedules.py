"""Schedules as typed calls: set, clear, list, and run what is due. See `queries/schedules.sql`.

Exactly one job an occurrence: the schedule's row is locked, its moment looked at again, the job asked for and the row
moved on to the next moment in one transaction. Two nodes skip each other; one that dies in between leaves everything as
it was, and the next one does all of it. The clock is the database's throughout.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple
from uuid import UUID

import msgspec

from drena.cron import DEFAULT_TIMEZONE, CronError, Occurrence, next_occurrence, offset_of
from drena.store.plain import plain_json
from drena.store.queries import sql

if TYPE_CHECKING:
    from asyncpg_trio import Pool
    from drena.store.jobs import Executor


class ScheduleKey(NamedTuple):
    """Which schedule."""

    tenant_id: UUID
    provider: str
    lane: str


class Ran(NamedTuple):
    """What became of an occurrence."""

    key: ScheduleKey
    outcome: str
    """As `drena.request_scheduled` says, or `invalid`: the schedule stands still."""
    late_s: float
    next_at: datetime | None
    problem: str | None = None


class ScheduleView(msgspec.Struct, frozen=True, kw_only=True):
    """A schedule as people see it."""

    tenant_id: UUID
    tenant: str
    provider: str
    lane: str
    cron: str
    timezone: str
    next_at: datetime | None
    """None while it has a problem."""
    problem: str | None
    enabled: bool
    paused: bool


async def set_schedule(
    on: Executor, tenant_id: UUID, provider: str, *, cron: str, timezone: str | None = None, lane: str = ""
) -> Occurrence:
    """Let an integration's jobs be asked for by the clock; what it had before is replaced.

    Args:
        on: where; a connection inside a transaction makes it part of that.
        tenant_id, provider, lane: of an integration that exists.
        cron: five fields.
        timezone: its zone; None for America/Sao_Paulo.

    Returns:
        The first occurrence.

    Raises:
        CronError: the expression or the zone makes no sense.
    """
    clock = await on.fetchrow(sql("schedule_clock"))
    assert clock is not None
    cron, timezone = " ".join(cron.split()), timezone or DEFAULT_TIMEZONE
    offset_s = offset_of(tenant_id, provider, lane, clock["jitter_s"])
    first = next_occurrence(cron, timezone, now=clock["now"], offset_s=offset_s)
    await on.execute(sql("set_schedule"), tenant_id, provider, lane, cron, timezone, first.at, first.nominal)
    return first


async def clear_schedule(on: Executor, tenant_id: UUID, provider: str, lane: str = "") -> bool:
    """Take a schedule away; False when there was none."""
    return await on.fetchrow(sql("clear_schedule"), tenant_id, provider, lane) is not None


async def list_schedules(on: Executor, tenant_id: UUID | None = None) -> list[ScheduleView]:
    """All schedules, or a tenant's; the next to come first."""
    return [ScheduleView(**row) for row in await on.fetch(sql("list_schedules"), tenant_id)]


async def has_integration(on: Executor, tenant_id: UUID, provider: str) -> bool:
    """Whether there is something to schedule."""
    return await on.fetchrow(sql("has_integration"), tenant_id, provider) is not None


async def save_jitter(on: Executor, jitter_s: float) -> None:
    """Let whoever sets a schedule, and every node, use this jitter."""
    await on.execute(sql("save_setting"), "schedule.jitter_s", plain_json(jitter_s))


async def due_schedules(on: Executor, limit: int) -> list[ScheduleKey]:
    """Which schedules are due, the longest first."""
    rows = await on.fetch(sql("due_schedules"), limit)
    return [ScheduleKey(row["tenant_id"], row["provider_slug"], row["lane"]) for row in rows]


async def next_schedule_s(on: Executor) -> float | None:
    """Seconds until the next schedule is due; None when there is none."""
    row = await on.fetchrow(sql("next_schedule"))
    assert row is not None
    return None if row["in_s"] is None else float(row["in_s"])


async def run_schedule(pool: Pool, key: ScheduleKey) -> Ran | None:
    """Deal with one due schedule: ask for its job, move it on. Cancelled, either all of it is done or nothing.

    Returns:
        What became of it; None when another node has it in hand, or had.
    """
    async with pool.acquire() as conn, conn.transaction():
        row = await conn.fetchrow(sql("hold_schedule"), *key)
        if row is None:
            return None
        late_s = (row["now"] - row["next_at"]).total_seconds()
        try:
            upcoming = next_occurrence(
                row["cron"],
                row["timezone"],
                now=row["now"],
                last=row["occurrence"],
                offset_s=offset_of(*key, row["jitter_s"]),
            )
        except CronError as error:
            await conn.execute(sql("halt_schedule"), *key, str(error))
            return Ran(key, "invalid", late_s, None, str(error))
        outcome = await conn.fetchval(sql("request_scheduled"), *key)
        await conn.execute(sql("move_schedule"), *key, upcoming.at, upcoming.nominal)
    return Ran(key, outcome, late_s, upcoming.at)
