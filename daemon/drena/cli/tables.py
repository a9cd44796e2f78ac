"""How listings look: a table for people, one JSON document for programs (`--json`)."""

from __future__ import annotations

import os
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

import click
import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from drena.cli.speech import say, tell

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

COLOURS = {
    "success": "green",
    "error": "red",
    "running": "cyan",
    "pending": "yellow",
    "canceled": "dim",
    "skipped": "red",
}
ONE_LINE = {"error_message", "last_error"}
"""What `drena job` shows whole."""
FLEXIBLE_CHARS = 40
LEAST_CHARS = 10
"""Columns wider than the one may be folded down to the other."""

TO_THE_SECOND = "%Y-%m-%d %H:%M:%S"
TO_THE_MINUTE = "%Y-%m-%d %H:%M"


def show(rows: Sequence[Mapping[str, Any]], columns: Sequence[str], *, as_json: bool, empty: str) -> None:
    """Print rows.

    Args:
        rows: values by name; JSON gets all of them.
        columns: what the table shows of them, in order.
        as_json: the `--json` option.
        empty: the sentence for people when there are none.
    """
    if as_json:
        show_json(rows)
    elif not rows:
        say(empty)
    else:
        console = _console()
        if not console.is_terminal:
            console.print(_table(rows, columns))
        elif (table := _compact(rows, columns, console.width)) is not None:
            console.print(table)
        else:
            console.print(_records(rows, columns))


def _table(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> Table:
    """Everything, as wide as it is."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in columns:
        table.add_column(header(name), overflow="fold")
    for row in rows:
        table.add_row(*(_cell(row.get(name)) for name in columns))
    return table


def _compact(rows: Sequence[Mapping[str, Any]], columns: Sequence[str], width: int) -> Table | None:
    """What fits a terminal: nothing that is empty, errors on one line, long texts folded, all else whole; else None."""
    shown = _with_something(rows, columns)
    widths = {
        name: max(len(header(name)), *(len(_cell(row.get(name), TO_THE_MINUTE)) for row in rows)) for name in shown
    }
    flexible = {name for name in shown if name != "id" and (name in ONE_LINE or widths[name] > FLEXIBLE_CHARS)}
    least = {name: min(widths[name], LEAST_CHARS) if name in flexible else widths[name] for name in shown}
    if sum(least.values()) + 2 * (len(shown) - 1) > width:
        return None
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in shown:
        table.add_column(header(name), overflow="fold", no_wrap=name not in flexible)
    for row in rows:
        table.add_row(*(_cell(row.get(name), TO_THE_MINUTE, one_line=name in ONE_LINE) for name in shown))
    return table


def _records(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> Table:
    """A row of its own for each value, for terminals that are too narrow."""
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(justify="right", style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for row in rows:
        for name in _with_something([row], columns):
            table.add_row(header(name), _cell(row.get(name)))
        table.add_row()
    return table


def _with_something(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> list[str]:
    return [name for name in columns if any(row.get(name) not in (None, "") for row in rows)]


def header(name: str) -> str:
    """A column's name as people read it."""
    return tell(name.replace("_", " "))


def show_json(value: Any) -> None:
    """Print one JSON document."""
    click.echo(msgspec.json.format(msgspec.json.encode(value, enc_hook=str), indent=2))  # bytes: UTF-8 in any locale


def in_words(value: Any, moment: str = TO_THE_SECOND) -> str:
    """A value as people read it."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.astimezone().strftime(moment)
    if isinstance(value, bool):
        return tell("yes" if value else "no")
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return str(value)


def _cell(value: Any, moment: str = TO_THE_SECOND, *, one_line: bool = False) -> Text:
    text = in_words(value, moment)
    if one_line:
        return Text(" ".join(text.split()), no_wrap=True, overflow="ellipsis")
    return Text(text, style=COLOURS.get(text, ""))


def _console() -> Console:
    """As wide as the terminal; as wide as it needs to be in a pipe, where nothing must be cut."""
    colours: Literal["auto"] | None = None if os.environ.get("NO_COLOR") else "auto"
    console = Console(highlight=False, color_system=colours)
    return console if console.is_terminal else Console(highlight=False, width=400)
