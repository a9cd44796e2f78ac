"""The README names every knob with its default, every route, every option and every method of the launcher."""

import inspect
import json
import re
from pathlib import Path

import msgspec
import pytest

from fake_acessorias.admin import ADMIN_ROUTES
from fake_acessorias.cli import command
from fake_acessorias.knobs import FIELDS, Knobs, choices
from fake_acessorias.launch import Fake
from fake_acessorias.routes import ROUTES

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
KNOB_ROWS = dict(re.findall(r"^\| `(\w+)` \| (.*)$", README, re.MULTILINE))


def test_the_table_has_every_knob_and_no_other():
    assert list(KNOB_ROWS) == list(FIELDS)


@pytest.mark.parametrize("name", FIELDS)
def test_a_knob_stands_with_its_default_and_its_words(name):
    default = json.dumps(msgspec.to_builtins(getattr(Knobs(), name)), ensure_ascii=False)
    assert KNOB_ROWS[name].startswith(f"`{default}` | ")
    assert all(f"`{word}`" in KNOB_ROWS[name] for word in choices(name))


@pytest.mark.parametrize("path", sorted({"/".join(("", *pattern)) for _, pattern, _ in ROUTES}))
def test_every_route_is_named(path):
    assert f"{path}`" in README


@pytest.mark.parametrize("pattern", [pattern for pattern in ADMIN_ROUTES if pattern])
def test_every_admin_route_is_named(pattern):
    assert re.search(rf"[` ]{re.escape(pattern)}`", README)


@pytest.mark.parametrize("option", [name for given in command.params for name in (*given.opts, *given.secondary_opts)])
def test_every_option_is_named(option):
    assert f"`{option}" in README or option == "--version"


@pytest.mark.parametrize("name", [name for name, _ in inspect.getmembers(Fake, inspect.isfunction) if name[0] != "_"])
def test_every_method_of_the_launcher_is_named(name):
    assert re.search(rf"fake\.{name}\(|`{name}`", README)
