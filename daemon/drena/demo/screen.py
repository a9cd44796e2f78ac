"""What people see: headings, sentences, commands, tables, check marks, and bars while something runs.

On a terminal the bars move; without one, or on a dumb one, a line is printed for each quarter, so that a log of CI
reads well. Everything printed goes to a second, recording console too when a picture was asked for. Moving bars do
not: the recording gets their last state.
"""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import msgspec
from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from drena.demo.bars import Bars, LiveBars, PlainBars
from drena.demo.expectations import Expectations
from drena.demo.texts import say

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from io import TextIOWrapper

    from rich.console import RenderableType

    from drena.demo.picture import Recording
    from drena.texts import Language

INDENT = 3
PLAIN_COLUMNS = 100
"""Where there is no terminal to fit."""
COMFORTABLE = 76
"""From this width on, only the last column of a table wraps; below it, a row of more than `FEW` is a sentence."""
FEW = 3
WIDE = 90
"""From this width on, columns stand further apart."""


class Screen:
    """One showing's output.

    Args:
        language: of the texts.
        recording: keeps what was printed, for a picture.
    """

    def __init__(self, language: Language, recording: Recording | None = None) -> None:
        out: TextIOWrapper = sys.stdout  # type: ignore[assignment]
        out.reconfigure(errors="replace", line_buffering=True)  # a terminal that knows no accents still gets a demo
        self.console = Console(highlight=False, file=out)
        if not self.console.is_terminal and "COLUMNS" not in os.environ:
            self.console = Console(highlight=False, file=out, width=PLAIN_COLUMNS)
        self.recording = recording
        self.language = language
        self.expectations = Expectations()
        self.plain = not self.console.is_terminal or self.console.is_dumb_terminal

    def text(self, key: str, **values: Any) -> str:
        """A text in this showing's language."""
        return say(self.language, key, **values)

    def heading(self, number: int | None, key: str, **values: Any) -> None:
        """Begin a section."""
        title = Text(style="bold")
        title.append(f"{number}  " if number is not None else "", style="bold cyan")
        title.append(self.text(key, **values))
        self._print("")
        self._print(title)

    def say(self, key: str, *, style: str = "", **values: Any) -> None:
        """A sentence."""
        self._print(Padding(Text(self.text(key, **values), style=style), (0, 0, 0, INDENT)))

    def seconds(self, value: float) -> str:
        """Seconds with one decimal, as this language writes them."""
        text = f"{value:.1f} s"
        return text.replace(".", ",") if self.language == "pt" else text

    @contextmanager
    def waiting(self, key: str) -> Iterator[None]:
        """Something that takes a moment and has no bar; where nothing moves, nothing is printed."""
        if self.plain:
            yield
        else:
            with self.console.status(Text(self.text(key), style="dim"), spinner="dots", spinner_style="cyan"):
                yield

    def quote(self, line: str) -> None:
        """A line of somebody else's, as it is."""
        self._print(Padding(Text(line, style="dim"), (0, 0, 0, INDENT)))

    def command(self, words: str) -> None:
        """The command line of what is being done, to learn from."""
        self._print(Padding(Text(f"$ {words}", style="dim"), (0, 0, 0, INDENT)))

    def expect(self, key: str, expected: Any, got: Any, **values: Any) -> bool:
        """Judge a promise and show how it came out."""
        found = self.expectations.judge(self.text(key, **values), expected, got)
        line = Table.grid(padding=(0, 1, 0, 0))
        line.add_column(width=1)
        line.add_column(overflow="fold")
        if found.met:
            line.add_row("[green]✓[/]", escape(found.sentence))
        else:
            why = self.text("expected_got", expected=found.expected, got=found.got)
            line.add_row("[bold red]✗[/]", f"[bold red]{escape(found.sentence)}[/]\n{escape(why)}")
        self._print(Padding(line, (0, 0, 0, INDENT)))
        return found.met

    def page(self, url: str) -> None:
        """Where the status page is."""
        self.say("stay", url=url)

    def sum_up(self, seconds: float) -> None:
        """How it came out, at the very end."""
        judged, failed = self.expectations.judged, self.expectations.failed
        if failed:
            self.say("some_failed", style="bold red", failed=len(failed), count=len(judged), seconds=f"{seconds:.0f}")
        else:
            self.say("all_met", style="bold green", count=len(judged), seconds=f"{seconds:.0f}")
            self.say("next", style="dim")

    def table(self, columns: Sequence[str], rows: Sequence[Sequence[str]], *, right: Sequence[int] = ()) -> None:
        """A table without lines.

        Args:
            columns: keys of the headings; an empty one has none.
            rows: markup.
            right: the columns that stand to the right.
        """
        if self.console.width < COMFORTABLE and len(columns) > FEW:
            for row in rows:
                self._print(Padding(Text.from_markup(" · ".join(row)), (0, 0, 0, INDENT)))
            return
        gap = 2 if self.console.width >= WIDE else 1
        table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, gap, 0, 0), show_header=any(columns))
        for at, key in enumerate(columns):
            table.add_column(
                self.text(key) if key else "",
                justify="right" if at in right else "left",
                overflow="fold",
                no_wrap=at + 1 < len(columns) and self.console.width >= COMFORTABLE,
            )
        for row in rows:
            table.add_row(*row)
        self._print(Padding(table, (0, 0, 0, INDENT)))

    def bars(self, totals: Mapping[str, int]) -> Bars:
        """Bars for what runs now, one a name, moving while the block lasts.

        Args:
            totals: what each has to reach.
        """
        kind = PlainBars if self.plain else LiveBars
        return kind(totals, self.console, self._print, self.text("companies_unit"))

    def _print(self, what: RenderableType) -> None:
        if self.plain:
            with self.console.capture() as captured:
                self.console.print(what)
            self.console.file.writelines(f"{line.rstrip()}\n" for line in captured.get().splitlines())
        else:
            self.console.print(what)
        if self.recording is not None:
            self.recording.print(what)


class JsonScreen(Screen):
    """For programs: a line of JSON for each check, the status page when it stays, and the summary; a picture too."""

    def __init__(self, language: Language, recording: Recording | None = None) -> None:
        super().__init__(language, recording)
        self.plain = True

    def expect(self, key: str, expected: Any, got: Any, **values: Any) -> bool:
        met = super().expect(key, expected, got, **values)
        self._write(msgspec.to_builtins(self.expectations.judged[-1]))
        return met

    def page(self, url: str) -> None:
        super().page(url)
        self._write({"page": url})

    def sum_up(self, seconds: float) -> None:
        super().sum_up(seconds)
        count, failed = len(self.expectations.judged), len(self.expectations.failed)
        self._write({"ok": not failed, "checks": count, "failed": failed, "seconds": round(seconds, 1)})

    def _write(self, line: dict[str, Any]) -> None:
        self.console.file.write(msgspec.json.encode(line).decode() + "\n")

    def _print(self, what: RenderableType) -> None:
        if self.recording is not None:
            self.recording.print(what)
