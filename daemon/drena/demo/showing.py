"""What the acts share, and what they do in the same way: follow jobs to their end, compare the mirror."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from uuid import UUID

import msgspec
import trio

from drena.demo.offices import Office, TypedRow
from drena.demo.screen import Screen
from drena.demo.source import current
from drena.demo.stage import Stage
from drena.demo.statements import sql
from drena.store.reads import JobLine, JobView, get_job, get_job_logs

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

LOOK_S: Final = 0.1


class Showing(msgspec.Struct, kw_only=True):
    """One run of the demo."""

    stage: Stage
    screen: Screen
    typed: dict[str, list[TypedRow]] = {}
    """What people had typed, by office."""


class Agreement(msgspec.Struct, frozen=True, kw_only=True):
    """The mirror of one office beside its source."""

    registrations: int
    documents: int
    equal: int
    """Companies that hold exactly what the source holds."""
    unknown: int
    """Companies here that the source has not, or not any more under this ID."""


async def agreement(show: Showing, office: Office) -> Agreement:
    """Compare the mirror with the source, company by company, field by field."""
    companies = await show.stage.source.companies(office)
    truth = {company["ID"]: company for company in current(companies).values()}
    rows = await show.stage.pool.fetch(sql("mirrored"), office.id)
    held = {row["external_key"]: msgspec.json.decode(row["payload"]) for row in rows}
    return Agreement(
        registrations=len(companies),
        documents=len(truth),
        equal=sum(held.get(key) == company for key, company in truth.items()),
        unknown=len(held.keys() - truth.keys()),
    )


async def row_versions(show: Showing, office: Office) -> dict[str, str]:
    """Which transaction wrote each company of an office last."""
    return {row["key"]: row["version"] for row in await show.stage.pool.fetch(sql("row_versions"), office.id)}


async def request(show: Showing, *offices: Office) -> dict[Office, UUID]:
    """Ask for a sync of each, at once, through the command line; returns the jobs.

    Raises:
        DrenaError: the command failed.
    """
    jobs: dict[Office, UUID] = {}

    async def ask(office: Office) -> None:
        answer = await show.stage.request(office.slug)
        if answer["outcome"] == "created":
            jobs[office] = UUID(answer["job"]["id"])

    for office in offices:
        show.screen.command(f"drena request {office.slug} acessorias")
    with show.screen.waiting("asking"):
        async with trio.open_nursery() as nursery:
            for office in offices:
                nursery.start_soon(ask, office, name=f"request {office.slug}")
    return {office: jobs[office] for office in offices if office in jobs}


async def follow(
    show: Showing, jobs: Mapping[Office, UUID], tell: Callable[[JobLine], None] | None = None
) -> dict[Office, JobView]:
    """Show the bars of these jobs until all have ended.

    Args:
        show: this showing.
        jobs: which.
        tell: told of every new line of the jobs' logs.
    """
    told = dict.fromkeys(jobs, 0)
    with show.screen.bars({office.slug: office.companies for office in jobs}) as bars:
        while True:
            views = {office: await get_job(show.stage.pool, job) for office, job in jobs.items()}
            for office, view in views.items():
                if tell is not None:
                    lines = await get_job_logs(show.stage.pool, view)
                    for line in lines[told[office] :]:
                        tell(line)
                    told[office] = len(lines)
                bars.move(office.slug, done_of(view), _note(show.screen, view))
            if all(view.ended for view in views.values()):
                return views
            await trio.sleep(LOOK_S)


def done_of(view: JobView) -> int:
    """How many companies this job has read so far."""
    if view.status == "success" and isinstance(view.result, dict):
        return int(view.result.get("read", 0))
    return int((view.progress_detail or {}).get("done", 0))


def _note(screen: Screen, view: JobView) -> str:
    word = screen.text(f"status_{view.status}")
    if view.status == "success" and view.execution_time_ms is not None:
        return f"{word}, {screen.seconds(view.execution_time_ms / 1000)}"
    if view.status == "error":
        return f"{word}: {view.error_code}"
    return word


def counters(view: JobView) -> dict[str, int]:
    """What a job did, as its result says."""
    result = view.result if isinstance(view.result, dict) else {}
    return {name: int(result.get(name, -1)) for name in ("read", "created", "updated")}
