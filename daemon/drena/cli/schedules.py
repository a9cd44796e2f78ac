"""Commands about the clock: `schedule set`, `clear`, `list`."""

from __future__ import annotations

from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import msgspec

from drena.cli.scene import open_stage
from drena.cli.speech import say, spoken
from drena.cli.tables import show, show_json
from drena.cli.working import refusal
from drena.cron import CronError
from drena.errors import UsageError
from drena.problems import Words
from drena.store.reads import find_tenant
from drena.store.schedules import clear_schedule, has_integration, list_schedules, set_schedule

if TYPE_CHECKING:
    from pathlib import Path


async def set_one(
    config: Path | None, tenant: str, provider: str, cron: str, timezone: str, lane: str, as_json: bool
) -> None:
    """`drena schedule set TENANT PROVIDER CRON`."""
    async with open_stage(config) as (_scene, pool), pool.acquire() as conn, conn.transaction():
        office = await find_tenant(conn, tenant)
        if not await has_integration(conn, office.id, provider):
            raise UsageError(refusal("integration_not_found", tenant, provider))
        try:
            first = await set_schedule(conn, office.id, provider, cron=cron, timezone=timezone, lane=lane)
        except CronError as error:
            wrong = cron if error.field == "cron" else timezone
            reason = Words(*error.words).of(spoken())
            raise UsageError(f"The schedule {wrong!r} cannot be set: {reason}.") from None
        listed = await list_schedules(conn, office.id)
    if as_json:
        show_json(next(each for each in listed if (each.provider, each.lane) == (provider, lane)))
        return
    at = first.at.astimezone(ZoneInfo(timezone))
    say(f"{provider} of {office.slug} runs next at {at:%Y-%m-%d %H:%M:%S} ({timezone}).")


async def clear_one(config: Path | None, tenant: str, provider: str, lane: str, as_json: bool) -> None:
    """`drena schedule clear TENANT PROVIDER`."""
    async with open_stage(config) as (_scene, pool):
        office = await find_tenant(pool, tenant)
        if not await clear_schedule(pool, office.id, provider, lane):
            raise UsageError(f"{provider} of {office.slug} has no schedule; `drena schedule list` shows them.")
        left = await list_schedules(pool, office.id)
    if as_json:
        show_json(left)
    else:
        say(f"{provider} of {office.slug} runs by the clock no more.")


async def show_all(config: Path | None, tenant: str | None, as_json: bool) -> None:
    """`drena schedule list`."""
    async with open_stage(config) as (_scene, pool):
        office = None if tenant is None else await find_tenant(pool, tenant)
        found = await list_schedules(pool, office.id if office else None)
    rows = [msgspec.structs.asdict(each) for each in found]
    columns = ("tenant", "provider", "lane", "cron", "timezone", "next_at", "enabled", "paused", "problem")
    show(rows, columns, as_json=as_json, empty="Nothing runs by the clock: set it with `drena schedule set`.")
