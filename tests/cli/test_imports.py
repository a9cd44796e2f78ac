"""Imports are nearly all of a start's time, so each command brings only its own. Counted in modules, not in seconds."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

LOADED = "import json, sys; print(json.dumps(sorted(sys.modules)))"


def loaded_after(code: str) -> set[str]:
    """The top packages that a new interpreter holds once it has run this."""
    done = subprocess.run([sys.executable, "-c", f"{code}\n{LOADED}"], capture_output=True, text=True, check=True)
    return {name.partition(".")[0] for name in json.loads(done.stdout.splitlines()[-1])}


@pytest.mark.parametrize("words", [["--version"], ["--help"], ["check", "--help"], ["completion", "bash"]])
def test_a_command_that_touches_nothing_imports_neither_trio_nor_the_database_nor_the_log(words):
    code = f"from drena.cli import main\ntry: main({words})\nexcept SystemExit as end: assert not end.code"
    heavy = {"asyncpg", "asyncpg_trio", "httpx2", "msgspec", "pluggy", "rich", "structlog", "trio"}
    assert not loaded_after(code) & heavy


def test_the_daemon_imports_nothing_that_draws_on_a_terminal():
    loaded = loaded_after("import drena.cli, drena.cli.serving")
    assert "trio" in loaded
    assert not loaded & {"pygments", "rich"}


def test_rich_is_there_for_who_wants_it_after_the_log():
    assert "rich" in loaded_after("import drena.log, rich.console")
    assert "rich" in loaded_after("import rich.console, drena.log")


def test_who_lets_in_only_programs_imports_no_cryptography():
    code = """
from drena.access.gate import Gate
from drena.config import Auth, Config
from pathlib import Path
from types import SimpleNamespace
host = SimpleNamespace(authorizer=None)
Gate(Config(state_dir=Path(), auth=Auth({})), None, host, None)
"""
    assert not loaded_after(code.format("")) & {"cryptography", "jwt"}
    by_secret = "jwt_secret='a secret of more than thirty-two bytes', issuer='https://issuer.example'"
    assert loaded_after(code.format(by_secret)) >= {"cryptography", "jwt"}
