"""Listings on a terminal: as a table when there is room for one, else a line for each value; ids are never broken."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from typing import Any

import pytest
from rich.console import Console

from drena.cli import tables

ID = "b70c812b-55ad-4f51-9b3c-c5c4063fcff4"
ERROR = "O Acessórias recusou tudo:\n" + "muito texto, " * 30
COLUMNS = ("id", "tenant", "lane", "status", "paused", "created_at", "error_message")
ROWS: list[dict[str, Any]] = [
    {"id": ID, "tenant": "contmax", "lane": "", "status": status, "paused": False, "error_message": error}
    | {"created_at": datetime(2026, 11, 28, 12, 30, 45, tzinfo=UTC)}
    for status, error in (("error", ERROR), ("success", None))
]


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> Any:
    """What a terminal of so many columns shows of the rows."""

    def show(width: int) -> list[str]:
        screen = Console(file=io.StringIO(), width=width, force_terminal=True, color_system=None)
        monkeypatch.setattr(tables, "_console", lambda: screen)
        tables.show(ROWS, COLUMNS, as_json=False, empty="")
        assert isinstance(screen.file, io.StringIO)
        return screen.file.getvalue().splitlines()

    return show


def test_a_wide_terminal_shows_a_line_for_each_row_without_what_is_empty(shown: Any) -> None:
    head, first, second = shown(100)
    assert "lane" not in head
    assert first.startswith(ID)
    assert "2026-11-28" in first
    assert "…" in first
    assert "no" in second.split()


@pytest.mark.parametrize("width", [60, 80])
def test_a_narrow_terminal_shows_a_line_for_each_value_and_the_whole_error(shown: Any, width: int) -> None:
    lines = shown(width)
    assert [line.split() for line in lines if ID in line] == [["id", ID]] * 2
    assert sum(line.count("muito") for line in lines) == 30
    assert "…" not in "".join(lines)


def test_the_two_ways_hold_the_same_values(shown: Any) -> None:
    for word in ("contmax", "success", "2026-11-28"):
        assert any(word in line for line in shown(100))
        assert any(word in line for line in shown(60))
