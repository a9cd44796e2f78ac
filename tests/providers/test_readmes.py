"""The page of each provider tells all that an operator may set and meet: settings, secrets, lanes, codes, units."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pytest

from drena_acessorias import Acessorias
from drena_bomcontrole import BomControle
from drena_onecode import OneCode

if TYPE_CHECKING:
    from collections.abc import Iterator

    from drena.api import Provider

PROVIDERS = [Acessorias(), BomControle(), OneCode()]
RAISED = {"GiveUp": 0, "RetryLater": None}
"""Where the code stands among the arguments; None: by keyword alone."""


def page(provider: Provider) -> str:
    package = Path(inspect.getfile(type(provider))).parent
    return (package.parent / "README.md").read_text(encoding="utf-8")


def codes(provider: Provider) -> Iterator[str]:
    """Every code that the sources raise."""
    for file in Path(inspect.getfile(type(provider))).parent.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            name = getattr(getattr(node, "func", None), "id", None)
            if not isinstance(node, ast.Call) or name not in RAISED:
                continue
            place = RAISED[name]
            given = [word.value for word in node.keywords if word.arg == "code"]
            given += node.args[place : place + 1] if place is not None else []
            yield from (each.value for each in given if isinstance(each, ast.Constant))


@pytest.mark.parametrize("provider", PROVIDERS, ids=lambda provider: provider.slug)
def test_every_setting_is_on_the_page(provider: Provider) -> None:
    names = [field.encode_name for field in msgspec.structs.fields(provider.settings)]
    assert names
    assert [name for name in names if f"`{name}`" not in page(provider)] == []


@pytest.mark.parametrize("provider", PROVIDERS, ids=lambda provider: provider.slug)
def test_every_code_a_job_may_end_with_is_on_the_page(provider: Provider) -> None:
    found = set(codes(provider))
    assert len(found) > 5
    assert sorted(code for code in found if f"`{code}`" not in page(provider)) == []


@pytest.mark.parametrize("provider", PROVIDERS, ids=lambda provider: provider.slug)
def test_the_variable_of_every_secret_is_on_the_page(provider: Provider) -> None:
    for name in provider.secrets:
        assert f"{provider.slug}_{name}".upper() in page(provider)
