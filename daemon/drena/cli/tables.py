"""How listings look: a table for people, one JSON document for programs (`--json`)."""

from __future__ import annotations

import os
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

import click
import msgspec
from rich.console import Console
from rich.table import Table

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
        table = Table(box=None, header_style="bold", pad_edge=False)
        for name in columns:
            table.add_column(tell(name.replace("_", " ")), overflow="fold")
        for row in rows:
            table.add_row(*(_cell(row.get(name)) for name in columns))
        _console().print(table)


def show_json(value: Any) -> None:
    """Print one JSON document."""
    click.echo(msgspec.json.format(msgspec.json.encode(value, enc_hook=str), indent=2))  # bytes: UTF-8 in any locale


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return f"{value.astimezone():%Y-%m-%d %H:%M:%S}"
    if isinstance(value, bool):
        return tell("yes" if value else "no")
    if isinstance(value, list | tuple):
        value = ", ".join(map(str, value))
    text = str(value).replace("[", r"\[")
    colour = COLOURS.get(text)
    return f"[{colour}]{text}[/]" if colour else text


def _console() -> Console:
    """As wide as the terminal; as wide as it needs to be in a pipe, where nothing must be cut."""
    colours: Literal["auto"] | None = None if os.environ.get("NO_COLOR") else "auto"
    console = Console(highlight=False, color_system=colours)
    return console if console.is_terminal else Console(highlight=False, width=400)
