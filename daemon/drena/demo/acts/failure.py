"""Act 4: the API fails, and the job recovers by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from drena.demo.offices import CONTMAX
from drena.demo.showing import counters, follow, request
from drena.store.reads import get_job_logs

if TYPE_CHECKING:
    from drena.demo.showing import Showing
    from drena.store.reads import JobLine

FAILURES: Final = 2
PAGE: Final = 8


async def failure(show: Showing) -> None:
    """Let the API refuse one page twice; the third attempt goes on from there."""
    screen, source = show.screen, show.stage.source
    screen.heading(4, "failure_title")
    screen.say("failure_intro", count=FAILURES, page=PAGE, tenant=CONTMAX.slug)
    await source.set_knobs(CONTMAX, fail_next=FAILURES, fail_status=500, only_pages=[PAGE])
    await source.forget_requests()
    jobs = await request(show, CONTMAX)
    if not screen.expect("expect_requested_one", {CONTMAX.slug}, {office.slug for office in jobs}):
        return
    view = (await follow(show, jobs, lambda line: _tell(show, line)))[CONTMAX]
    retries = [line for line in await get_job_logs(show.stage.pool, view) if _event(line) == "attempt.retry"]
    pages = await source.pages_asked(CONTMAX)
    screen.expect(
        "expect_retries",
        ("success", FAILURES + 1, None),
        (view.status, view.attempts, view.error_message),
        count=FAILURES,
    )
    told = [line.fields["code"] for line in retries if line.fields.get("reason") and line.fields.get("retry_in_s")]
    screen.expect("expect_reasons", ["provider_down"] * FAILURES, told)
    screen.expect("expect_resumed", (1, CONTMAX.companies), (pages[1], counters(view)["read"]))
    await source.set_knobs(CONTMAX, only_pages=[])


def _tell(show: Showing, line: JobLine) -> None:
    at = f"{line.at.astimezone():%H:%M:%S}"
    if _event(line) == "attempt.retry":
        show.screen.say("retry_line", style="yellow", at=at, attempt=line.attempt, reason=line.fields["reason"])
        show.screen.say("retry_next", style="yellow", wait=show.screen.seconds(line.fields["retry_in_s"]))
    elif _event(line) == "attempt.started":
        show.screen.say("attempt_line", style="dim", at=at, attempt=line.attempt)


def _event(line: JobLine) -> str:
    return str(line.fields.get("event", ""))
