"""Acts 2 and 3: both offices at once, and a second click while one of them runs."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

import trio

from drena.demo.offices import HORIZONTE, OFFICES
from drena.demo.showing import agreement, counters, done_of, follow, request
from drena.demo.statements import sql
from drena.store.reads import get_job

if TYPE_CHECKING:
    from uuid import UUID

    from drena.demo.showing import Showing
    from drena.store.reads import JobView

CLICK_AT: Final = 0.2
"""Share of the companies after which somebody clicks again."""
HELD_UP_MS: Final = 600
"""The API answers this much later until the second click has its answer: on a slow machine, a command may take longer
to start than a sync to end."""
LOOK_S: Final = 0.05


async def syncing(show: Showing) -> Any:
    """Sync both offices from nothing; returns the answer to the second click."""
    screen = show.screen
    screen.heading(2, "drain_title")
    screen.command("drena run")
    with screen.waiting("joining"):
        while not await show.stage.pool.fetchval(sql("joined")):  # noqa: ASYNC110  # another process has no event for us
            await trio.sleep(LOOK_S)
    jobs = await request(show, *OFFICES)
    if not screen.expect("expect_requested", {o.slug for o in OFFICES}, {o.slug for o in jobs}):
        return None
    answer: list[Any] = []
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_click_again, show, jobs[HORIZONTE], answer, name="click again")
        views = await follow(show, jobs)
    screen.expect("expect_together", True, _overlap(list(views.values())))
    for office, view in views.items():
        screen.expect("expect_success", ("success", None), (view.status, view.error_message), tenant=office.slug)
        screen.expect("expect_read", office.companies, counters(view)["read"], tenant=office.slug)
        found = await agreement(show, office)
        screen.expect(
            "expect_mirror",
            (found.documents, 0),
            (found.equal, found.unknown),
            tenant=office.slug,
            count=found.documents,
        )
    return answer[0]


async def _click_again(show: Showing, job: UUID, answer: list[Any]) -> None:
    """When the job is well under way, ask once more."""
    while True:
        view = await get_job(show.stage.pool, job)
        if view.ended or done_of(view) >= CLICK_AT * HORIZONTE.companies:
            break
        await trio.sleep(LOOK_S)
    show.screen.say("second_click", style="dim", tenant=HORIZONTE.slug)
    await show.stage.source.set_knobs(HORIZONTE, latency_ms=HELD_UP_MS)
    answer.append(await show.stage.request(HORIZONTE.slug))
    await show.stage.source.set_knobs(HORIZONTE, latency_ms=0)


def _overlap(views: list[JobView]) -> bool:
    """Whether the jobs were running at one moment; by the database's clock alone."""
    starts = [view.started_at for view in views if view.started_at is not None]
    ends = [view.finished_at for view in views if view.finished_at is not None]
    return len(starts) == len(ends) == len(views) and max(starts) < min(ends)


async def double_click(show: Showing, answer: Any) -> None:
    """Tell what the second click was answered."""
    screen = show.screen
    screen.heading(3, "double_title")
    screen.say("double_intro", tenant=HORIZONTE.slug)
    job = (answer or {}).get("job") or {}
    if answer is not None and answer["outcome"] == "active":
        screen.say("active_answer", style="bold yellow")
        done = (job["progress_detail"] or {}).get("done", 0)
        screen.table(
            ("", ""),
            [
                (screen.text("field_job"), job["id"]),
                (screen.text("field_status"), job["status"]),
                (screen.text("field_progress"), screen.text("progress_value", done=done, total=HORIZONTE.companies)),
                (screen.text("field_since"), f"{datetime.fromisoformat(job['created_at']).astimezone():%H:%M:%S}"),
            ],
        )
    got = (answer["outcome"], job.get("status")) if answer else None
    screen.expect("expect_active", ("active", "running"), got)
    screen.expect("expect_one_job", 1, await show.stage.pool.fetchval(sql("new_jobs"), HORIZONTE.id))
