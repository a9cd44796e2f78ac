"""Lines for systemd's journal carry their priority; lines for anybody else do not."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest

from drena.log import configure_logging, get_logger
from drena.redaction import Redactor

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("read_by_journal", [True, False])
def test_the_journal_is_told_how_serious_a_line_is(tmp_path: Path, *, read_by_journal: bool) -> None:
    with (tmp_path / "stderr").open("w+") as stream:
        at = os.fstat(stream.fileno())
        environ = {"JOURNAL_STREAM": f"{at.st_dev}:{at.st_ino + (not read_by_journal)}"}
        log = configure_logging(redactor=Redactor(), level="debug", stream=stream, environ=environ)
        try:
            for level in ("debug", "info", "warning", "error"):
                getattr(get_logger(), level)("something", level_told=level)
        finally:
            log.close()
        stream.seek(0)
        lines = stream.read().splitlines()
    marks = ["<7>", "<6>", "<4>", "<3>"] if read_by_journal else [""] * 4
    for mark, line in zip(marks, lines, strict=True):
        assert line.startswith(mark + "{")
        assert json.loads(line.removeprefix(mark))["event"] == "something"
