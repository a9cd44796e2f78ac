"""Bars: on a terminal they move in place; elsewhere each quarter is a line."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Self

from rich.padding import Padding
from rich.progress import BarColumn, Progress, TaskID, TextColumn
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import TracebackType

    from rich.console import Console, RenderableType

WIDTH = 28
QUARTERS = 4


class Bars(ABC):
    """The bars of some jobs, by name.

    Args:
        totals: what each has to reach.
        console: where they move.
        show: prints something that stays.
        unit: of the numbers.
    """

    def __init__(
        self, totals: Mapping[str, int], console: Console, show: Callable[[RenderableType], None], unit: str
    ) -> None:
        self._totals = totals
        self._console = console
        self._show = show
        self._unit = unit
        self._done = dict.fromkeys(totals, 0)
        self._notes = dict.fromkeys(totals, "")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    @abstractmethod
    def move(self, name: str, done: int, note: str = "") -> None:
        """Say how far one has come.

        Args:
            name: which.
            done: never more than its total is shown.
            note: a word beside it.
        """


class PlainBars(Bars):
    """Lines."""

    def move(self, name: str, done: int, note: str = "") -> None:
        total = self._totals[name]
        done = max(self._done[name], min(done, total))
        quarter, before = (QUARTERS * each // total for each in (done, self._done[name]))
        news = note != self._notes[name] and self._notes[name]
        if news or before < quarter < QUARTERS:
            line = f"{name:<10} {done:>4}/{total} {self._unit}  {100 * done // total:>3} %  {note}"
            self._show(Padding(Text(line.rstrip()), (0, 0, 0, 3)))
        self._done[name], self._notes[name] = done, note


class LiveBars(Bars):
    """Bars that move, and stay where they ended."""

    def __enter__(self) -> Self:
        self._progress = Progress(
            TextColumn("   {task.description:<10}"),
            BarColumn(bar_width=WIDTH, complete_style="cyan", finished_style="green"),
            TextColumn("{task.completed:>4.0f}/{task.total:.0f} " + self._unit),
            TextColumn("[dim]{task.fields[note]}"),
            console=self._console,
            transient=True,
            refresh_per_second=12,
        )
        self._tasks: dict[str, TaskID] = {
            name: self._progress.add_task(name, total=total, note="") for name, total in self._totals.items()
        }
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()
        if error is None:
            self._show(self._last_state())

    def move(self, name: str, done: int, note: str = "") -> None:
        self._done[name], self._notes[name] = max(self._done[name], min(done, self._totals[name])), note
        self._progress.update(self._tasks[name], completed=self._done[name], note=note)

    def _last_state(self) -> RenderableType:
        grid = Table.grid(padding=(0, 1, 0, 0))
        for name, total in self._totals.items():
            bar = ProgressBar(
                total=total, completed=self._done[name], width=WIDTH, complete_style="cyan", finished_style="green"
            )
            grid.add_row(
                f"{name:<10}", bar, f"{self._done[name]:>4}/{total} {self._unit}", f"[dim]{self._notes[name]}[/]"
            )
        return Padding(grid, (0, 0, 0, 3))
