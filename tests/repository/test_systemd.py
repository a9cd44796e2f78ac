"""The systemd unit, as far as a machine without a running systemd can tell."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys

import pytest

from repository.tree import ROOT

UNIT = ROOT / "systemd" / "drena.service"
GRACE_S = 20
EMBEDDED_STOP_S = 15


def test_the_unit_gives_the_grace_and_the_embedded_database_time_to_end():
    limit = re.search(r"^TimeoutStopSec=(\d+)$", UNIT.read_text(), re.MULTILINE)
    assert limit is not None
    assert int(limit[1]) > GRACE_S + EMBEDDED_STOP_S


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed here")
def test_systemd_finds_nothing_wrong_with_the_unit(tmp_path):
    unit = tmp_path / "drena.service"
    unit.write_text(re.sub(r"(?m)^ExecStart=\S+", f"ExecStart={sys.executable}", UNIT.read_text()))
    told = subprocess.run(["systemd-analyze", "verify", unit], capture_output=True, text=True, check=False)
    assert (told.returncode, told.stderr) == (0, "")
