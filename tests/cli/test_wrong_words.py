"""Words and settings that mean nothing: one sentence that names them, and the nearest that would.

These run in this process: the words are many, and what a process adds is proven in `test_bad_input.py`.
"""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING

import pytest
import structlog
from click.testing import CliRunner

from drena.cli import main
from support.daemons import environment

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

USAGE, CONFIGURATION = 2, 3
NOBODY = "11111111-2222-3333-4444-555555555555"


@pytest.fixture(autouse=True)
def own_log() -> Iterator[None]:
    """A command sets up the process's log; the next test finds it as it was."""
    root = logging.getLogger()
    before = list(root.handlers)
    yield
    root.handlers[:] = before
    structlog.reset_defaults()


def assert_refused(words: str, env: Mapping[str, str], code: int, *named: str) -> None:
    """The command ends with this code and says one sentence that holds all of these."""
    done = CliRunner().invoke(main, words.split(), env=dict(env), prog_name="drena")
    assert isinstance(done.exception, SystemExit), done.exception
    assert done.stdout == ""
    assert re.fullmatch(r"drena: [^\n]+[.?]\n", done.stderr), done.stderr
    for word in named:
        assert word in done.stderr
    assert done.exit_code == code


@pytest.mark.parametrize(
    "words, named",
    [
        ("request contmx acessorias", "did you mean 'contmax'?"),
        (f"request {NOBODY} acessorias", NOBODY),
        ("request contmax acessoria", "did you mean 'acessorias'?"),
        ("request contmax sankhya", "there are: acessorias"),
        ("request solaris acessorias", "disabled"),
        ("jobs --tenant contmx", "did you mean 'contmax'?"),
        ("integrations --tenant solari", "did you mean 'solaris'?"),
        ("check contmax acesorias", "did you mean 'acessorias'?"),
        ("check contmax", "PROVIDER"),
        (f"job {NOBODY}", f"There is no job {NOBODY}"),
        ("job not-an-id", "not-an-id"),
        ("request contmax acessorias --payload {", "--payload"),
        ("request contmax acessorias --payload [1]", "--payload"),
        ("request contmax", "PROVIDER"),
        ("jobs --limit 0", "--limit"),
        ("jobs --status runing", "running"),
        ("jobz", "jobz"),
        ("jobs --jsn", "--json"),
    ],
)
def test_words_that_name_nothing(env: Mapping[str, str], words: str, named: str) -> None:
    assert_refused(words, env, USAGE, named)


@pytest.mark.parametrize(
    "text, named",
    [
        ("[database]\npool_sizes = 3\n", "`database.pool_size`"),
        ("[datbase]\nurl = 'x'\n", "`database`"),
        ("[lease]\nlease_s = 'soon'\n", "`lease.lease_s`"),
        ("[lease]\nlease_s = -1\n", "`lease.lease_s`"),
        ("[retry]\nbase_s = 10\ncap_s = 1\n", "`retry.base_s`"),
        ("this is not TOML", "not valid TOML"),
        ("[database]\nurl = 'mysql://root:s3cret@db/x'\n", "`database.url`"),
    ],
)
def test_a_malformed_settings_file(tmp_path: Path, text: str, named: str) -> None:
    file = tmp_path / "drena.toml"
    file.write_text(text)
    env = environment(None)
    assert_refused(f"--config {file} jobs", env, CONFIGURATION, named)


def test_a_settings_file_that_does_not_exist(tmp_path: Path) -> None:
    assert_refused(f"--config {tmp_path}/none.toml jobs", environment(None), CONFIGURATION, "none.toml")


def test_an_unknown_variable(env: Mapping[str, str]) -> None:
    env = {**env, "DRENA_LEASE__LEASE": "5"}
    assert_refused("jobs", env, CONFIGURATION, "`DRENA_LEASE__LEASE`", "did you mean `DRENA_LEASE__LEASE_S`?")
