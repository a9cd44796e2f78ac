"""`drena config`: what it explains of every setting, `--check`, and colours where people look."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner, Result

from drena.cli import main
from drena.config.schema import settings_of
from drena.config.settings import Config
from support.daemons import environment

if TYPE_CHECKING:
    from pathlib import Path


def ask(*words: str, **environ: str) -> Result:
    return CliRunner().invoke(main, ["config", *words], env={"DRENA_CONFIG": "/dev/null", **environ}, prog_name="drena")


def test_every_setting_is_told_with_value_source_default_meaning_and_what_a_reload_does() -> None:
    lines: list[dict[str, Any]] = json.loads(ask("--json", DRENA_TENANT__MAX_JOBS="7").stdout)
    by_key = {line["key"]: line for line in lines}
    assert by_key.keys() == {setting.key.replace("*", "SLUG") for setting in settings_of(Config)}
    assert all(line["description"] for line in lines)
    tenant = by_key["tenant.max_jobs"]
    assert (tenant["value"], tenant["default"], tenant["source"]) == (7, 2, "DRENA_TENANT__MAX_JOBS")
    assert (tenant["reload"], by_key["database.url"]["reload"]) == (True, False)
    pace = by_key["providers.SLUG.requests_per_minute"]
    assert (pace["value"], pace["source"], pace["reload"]) == (None, "default", True)
    assert pace["variable"] == "DRENA_PROVIDERS__SLUG__REQUESTS_PER_MINUTE"


def test_a_providers_settings_are_told_of_those_that_the_operator_named() -> None:
    lines = json.loads(ask("--json", DRENA_PROVIDERS__ACME__REQUESTS_PER_MINUTE="20").stdout)
    told = {line["key"]: line["value"] for line in lines if line["key"].startswith("providers.")}
    assert told["providers.acme.requests_per_minute"] == 20
    assert {key.split(".")[1] for key in told} == {"acme"}


def test_people_see_the_columns_in_their_language() -> None:
    shown = ask(LC_ALL="pt_BR.UTF-8").stdout
    header, *lines = shown.splitlines()
    assert header.split() == ["chave", "valor", "origem", "padrão", "recarrega", "descrição"]
    level = next(line for line in lines if line.startswith("log.level"))
    assert "sim" in level
    assert "A linha menos grave que é escrita." in level


def test_a_right_configuration_is_called_right(tmp_path: Path) -> None:
    file = tmp_path / "drena.toml"
    file.write_text("[tenant]\nmax_jobs = 3\n")
    done = ask("--check", DRENA_CONFIG=str(file), LC_ALL="C")
    assert (done.exit_code, done.stdout) == (0, f"The configuration is right: 1 setting, from file {file}.\n")
    more = ask("--check", DRENA_CONFIG=str(file), DRENA_LOG__LEVEL="debug", LC_ALL="pt_BR.UTF-8")
    assert more.stdout == f"A configuração está certa: 2 valores, de DRENA_LOG__LEVEL, arquivo {file}.\n"
    assert json.loads(ask("--check", "--json").stdout) == {"ok": True, "settings": 0, "sources": []}


def test_a_wrong_configuration_is_exit_code_3_and_one_sentence() -> None:
    done = ask("--check", DRENA_TENANT__MAX_JOBS="0", LC_ALL="C")
    assert (done.exit_code, done.stdout) == (3, "")
    assert done.stderr.startswith("drena: `tenant.max_jobs` cannot be 0:")


@pytest.mark.parametrize("plain", [{}, {"NO_COLOR": "1"}])
def test_a_terminal_gets_colours_unless_it_says_no(plain: dict[str, str]) -> None:
    """A table's header is bold on a terminal; nothing of it may reach a pipe or a terminal that wants none."""
    here, there = pty.openpty()
    env = environment(None, settings={"state_dir": "/nonexistent"}) | {"TERM": "xterm", "COLUMNS": "200", **plain}
    with subprocess.Popen([sys.executable, "-m", "drena", "plugins"], env=env, stdout=there) as running:
        os.close(there)
        shown = b""
        try:
            while chunk := os.read(here, 65536):
                shown += chunk
        except OSError:  # the terminal has gone with the program
            pass
        assert running.wait(30) == 0
    os.close(here)
    assert b"drena-acessorias" in shown
    assert (b"\x1b[" in shown) is (not plain)
