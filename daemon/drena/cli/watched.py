"""How `drena watch` looks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Group
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from drena.cli.speech import spoken, tell
from drena.cli.tables import COLOURS
from drena.feed.mirror import running_first

if TYPE_CHECKING:
    from rich.console import RenderableType

    from drena.cli.watching import Watcher
    from drena.views import JobView

BAR = 24
ENDED = 8
"""Ended jobs under the active ones."""
LONGEST = 60


def picture(watcher: Watcher) -> RenderableType:
    """Every job that is active, and the last that ended."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in ("tenant", "provider", "lane", "status", "", "%", ""):
        table.add_column(tell(column), no_wrap=True)
    for job in running_first(watcher.jobs, ended=ENDED):
        table.add_row(
            watcher.name_of(job),
            job.provider_slug,
            job.lane,
            Text(job.status, style=COLOURS.get(job.status, "")),
            ProgressBar(total=100, completed=_percent(job), width=BAR, pulse=_unknown(job)),
            f"{_percent(job):3d}",
            Text(note(job), overflow="ellipsis"),
        )
    return Group(table, Text(f"● {tell(watcher.state)}", style="green" if watcher.state == "live" else "yellow"))


def plain_line(watcher: Watcher, job: JobView) -> str:
    """A job as a line of text."""
    place = f"{watcher.name_of(job)} {job.provider_slug}{f'/{job.lane}' if job.lane else ''}"
    return f"{place} {job.status} {_percent(job)}% {note(job)}".rstrip()


def note(job: JobView) -> str:
    """What is told beside the bar: done of total, rate, time left; or how it ended."""
    if job.status == "error":
        return (job.error_message or job.error_code or "")[:LONGEST]
    detail = job.progress_detail
    if job.status != "running" or detail is None:
        return ""
    of = "" if detail.total is None else f"/{detail.total}"
    rate = "" if detail.rate_per_s is None else f" · {detail.rate_per_s:g}/s"
    left = "" if detail.eta_s is None else f" · {_duration(detail.eta_s)}"
    unit, phase = (detail.words.get(word, {}).get(spoken(), word) for word in (detail.unit, detail.phase))
    words = " ".join(word for word in (phase, detail.message) if word)
    return f"{detail.done}{of} {unit}{rate}{left}{f' · {words}' if words else ''}"[: 2 * LONGEST]


def _percent(job: JobView) -> int:
    return 100 if job.status == "success" else job.progress


def _unknown(job: JobView) -> bool:
    """Whether it runs and nobody knows how much there is to do."""
    return (
        job.status == "running" and not job.progress and (job.progress_detail is None or not job.progress_detail.total)
    )


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
