"""What people see without a terminal, and the recording of it."""

from __future__ import annotations

import io
import json
import sys
import xml.etree.ElementTree as ET

import pytest
from rich.console import Console
from rich.text import Text

from drena.demo.bars import PlainBars
from drena.demo.expectations import Expectations
from drena.demo.picture import ROWS, Recording
from drena.demo.screen import JsonScreen
from drena.errors import ConfigError


def bars() -> tuple[PlainBars, list[str]]:
    shown: list[str] = []

    def show(what: object) -> None:
        out = io.StringIO()
        Console(file=out, width=100).print(what)
        shown.append(out.getvalue().strip())

    return PlainBars({"contmax": 300}, Console(file=io.StringIO()), show, "companies"), shown


def test_without_a_terminal_each_quarter_is_one_line():
    moving, shown = bars()
    for done in range(0, 301, 20):
        moving.move("contmax", done, "running")
    moving.move("contmax", 300, "done, 3.9 s")
    assert [line.split()[1] for line in shown] == ["80/300", "160/300", "240/300", "300/300"]
    assert shown[-1].endswith("100 %  done, 3.9 s")


def test_a_bar_never_goes_back_and_never_past_its_end():
    moving, shown = bars()
    moving.move("contmax", 100, "running")
    moving.move("contmax", 80, "waiting")
    moving.move("contmax", 400, "done")
    assert [line.split()[1] for line in shown] == ["100/300", "100/300", "300/300"]


def test_an_expectation_that_is_not_met_says_what_was_expected_and_what_was_there():
    expectations = Expectations()
    expectations.judge("seven were written", {"1", "2"}, {"1"})
    expectations.judge("nothing was", set(), set())
    (failed,) = expectations.failed
    assert (failed.expected, failed.got) == ("1, 2", "1")
    assert len(expectations.judged) == 2


def test_the_recording_rolls_to_its_last_line_and_needs_nothing_from_the_network(tmp_path):
    recording = Recording()
    for number in range(ROWS + 10):
        recording.print(Text(f"line {number} <&>", style="bold"))
    recording.save(tmp_path / "demo.svg")
    text = (tmp_path / "demo.svg").read_text()
    ET.fromstring(text)
    assert "line&#160;45&#160;&lt;&amp;&gt;" in text
    assert "transform: translateY(-244.0px); animation" in text
    assert "http" not in text.replace("http://www.w3.org/2000/svg", "")


def test_a_picture_that_cannot_be_written_is_one_sentence(tmp_path):
    recording = Recording()
    recording.print("line")
    with pytest.raises(ConfigError, match="cannot be written"):
        recording.save(tmp_path / "nowhere" / "demo.svg")


def test_for_programs_there_is_a_line_a_check_and_a_summary_and_nothing_else(monkeypatch):
    out = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    monkeypatch.setattr(sys, "stdout", out)
    screen = JsonScreen("pt")
    screen.heading(1, "end_title")
    screen.say("intro")
    with screen.waiting("starting"), screen.bars({"contmax": 4}) as bars:
        bars.move("contmax", 4)
    screen.expect("expect_gone", [], [])
    screen.expect("expect_counts", 3, 2, tenant="contmax")
    screen.sum_up(1.23)
    out.flush()
    gone, counts, summary = map(json.loads, out.buffer.getvalue().decode().splitlines())
    assert (gone["met"], counts["met"], counts["expected"], counts["got"]) == (True, False, "3", "2")
    assert counts["sentence"] == "contmax: o banco e a fonte concordam"
    assert summary == {"ok": False, "checks": 2, "failed": 1, "seconds": 1.2}
