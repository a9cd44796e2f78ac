"""The template yields a plugin whose tests pass at once, as somebody would make one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from repository.tree import ROOT

TEMPLATE = ROOT / "contrib" / "plugin-template"
LIMIT_S = 240.0


def run(*words: str | Path, cwd: Path, **more: str) -> subprocess.CompletedProcess[str]:
    """Run one command to its end, and show what it said when it fails."""
    done = subprocess.run(
        [*map(str, words)],
        cwd=cwd,
        env={**os.environ, **more},
        capture_output=True,
        text=True,
        check=False,
        timeout=LIMIT_S,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done


@pytest.fixture(scope="module")
def plugin(tmp_path_factory) -> Path:
    """A rendered plugin, installed into its folder `site`."""
    folder = tmp_path_factory.mktemp("plugin")
    made = folder / "drena-acme-billing"
    run(sys.executable, "-m", "copier", "copy", "--defaults", "--data", "slug=acme_billing", TEMPLATE, made, cwd=folder)
    options = ["--quiet", "--no-deps", "--no-index", "--no-build-isolation", "--target", made / "site"]
    run(sys.executable, "-m", "pip", "--disable-pip-version-check", "install", *options, made, cwd=folder)
    return made


def test_its_tests_pass_at_once(plugin):
    done = run(
        sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", cwd=plugin, PYTHONPATH=str(plugin / "site")
    )
    assert " passed" in done.stdout
    assert "skipped" not in done.stdout


def test_what_it_yields_is_typed_and_tidy(plugin):
    rules = ["--isolated", "--line-length", "120"]
    run(
        sys.executable,
        "-m",
        "ruff",
        "check",
        *rules,
        "--select",
        "ANN,ASYNC,B,E,F,I,UP",
        "drena_acme_billing",
        cwd=plugin,
    )
    run(sys.executable, "-m", "ruff", "format", "--check", *rules, "drena_acme_billing", "tests", cwd=plugin)
    run(sys.executable, "-m", "mypy", "--strict", "--no-incremental", "drena_acme_billing", cwd=plugin)


def test_an_impossible_slug_is_refused(tmp_path):
    words = [
        sys.executable,
        "-m",
        "copier",
        "copy",
        "--defaults",
        "--data",
        "slug=Acme-Billing",
        TEMPLATE,
        tmp_path / "x",
    ]
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=LIMIT_S)
    assert done.returncode != 0
    assert "lower-case letters" in done.stderr + done.stdout
