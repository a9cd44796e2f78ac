"""Act 1: what the old system left stuck, and how each thing was settled."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from drena.demo.old_system import DAY_S, DEAD_SYNCS, GHOSTS, HOUR_S, JOBS, MINUTE_S
from drena.demo.statements import sql

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

    from drena.demo.old_system import OldJob
    from drena.demo.screen import Screen
    from drena.demo.showing import Showing

GHOST_AGE_S = 9 * DAY_S


async def settling(show: Showing) -> None:
    """Adopt the database, sweep it, and look at what became of every leftover."""
    screen, pool = show.screen, show.stage.pool
    screen.heading(1, "settle_title")
    screen.command("drena migrate")
    with screen.waiting("migrating"):
        await show.stage.drena("migrate")
    screen.command("drena sweep")
    with screen.waiting("sweeping"):
        named = {row["id"] for row in msgspec.json.decode(await show.stage.drena("sweep", "--json"))}
    now = {row["id"]: row for row in await pool.fetch(sql("old_jobs"), [job.id for job in JOBS])}
    statuses = {
        (office.slug, provider): await pool.fetchval(sql("last_status"), office.id, provider)
        for office, provider, _ in GHOSTS
    }
    _show(screen, now, statuses)

    stuck = [job for job in JOBS if job.code is not None]
    screen.expect(
        "expect_jobs_ended",
        {_short(job.id): f"error ({job.code})" for job in stuck},
        {_short(job.id): _ending(now[job.id]) for job in stuck},
    )
    young = [job for job in JOBS if job.code is None]
    screen.expect("expect_young_kept", [job.status for job in young], [now[job.id]["status"] for job in young])
    screen.expect("expect_ghosts", 0, await pool.fetchval(sql("ghosts")))
    screen.expect("expect_ghost_status", {(o.slug, p): status for o, p, status in GHOSTS}, statuses)
    screen.expect(
        "expect_syncs", [0, len(DEAD_SYNCS)], [await pool.fetchval(sql("syncs"), s) for s in ("running", "error")]
    )
    untold = [job.id for job in stuck if not now[job.id]["logged"]]
    unnamed = [job.id for job in stuck if job.code != "duplicate" and str(job.id) not in named]
    screen.expect("expect_told", [], untold + unnamed)


def _show(screen: Screen, now: Mapping[UUID, Any], statuses: Mapping[tuple[str, str], str]) -> None:
    rows = [_job_row(screen, job, now[job.id]) for job in JOBS]
    rows += [
        (
            screen.text("what_integration"),
            f"{office.slug} {provider}",
            "running",
            age(screen, GHOST_AGE_S),
            _coloured(statuses[office.slug, provider]),
            screen.text("why_ghost_success" if last == "success" else "why_ghost"),
        )
        for office, provider, last in GHOSTS
    ]
    rows += [
        (
            screen.text("what_sync"),
            f"{office.slug} acessorias",
            "running",
            age(screen, age_s),
            _coloured("error"),
            screen.text("why_ghost"),
        )
        for office, age_s in DEAD_SYNCS
    ]
    screen.table(("col_what", "col_where", "col_was", "col_age", "col_now", "col_why"), rows)


def _job_row(screen: Screen, job: OldJob, now: Any) -> tuple[str, ...]:
    kept = now["status"] == job.status
    return (
        screen.text("what_job", id=_short(job.id)),
        f"{job.office.slug} {job.provider}",
        job.status,
        age(screen, job.age_s),
        f"[yellow]{screen.text('left_alone')}[/]" if kept else _coloured(now["status"]),
        screen.text("why_none") if kept else screen.text(f"why_{now['error_code']}"),
    )


def age(screen: Screen, seconds: float) -> str:
    """A length of time in its largest unit."""
    for key, unit_s in (("days", DAY_S), ("hours", HOUR_S)):
        if seconds >= 2 * unit_s or (key == "hours" and seconds >= unit_s):
            return screen.text(key, count=round(seconds / unit_s))
    return screen.text("minutes", count=round(seconds / MINUTE_S))


def _ending(row: Any) -> str:
    if row["finished"] and row["error_message"]:
        return f"{row['status']} ({row['error_code']})"
    return f"{row['status']} ({row['error_code']}) without message or end time"


def _coloured(status: str) -> str:
    return f"[{'green' if status == 'success' else 'red'}]{status}[/]"


def _short(job: UUID) -> str:
    return str(job)[:8]
