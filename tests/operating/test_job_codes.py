"""The operator's page tells every code that Drena itself ends a job with; a provider's own are on its page."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import TYPE_CHECKING

import drena
from repository.tree import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

SOURCES = Path(drena.__file__).parent
ROOMS = ("api/__init__.py", "secrets.py", "engine/*.py", "outgoing/*.py")
"""Where an attempt may meet its end."""
FIRST = {"GiveUp", "Refusal", "Delay", "_again"}
"""Calls with the code as the first argument."""


def raised() -> Iterator[str]:
    for file in (file for room in ROOMS for file in SOURCES.glob(room)):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.FunctionDef) and node.name == "__init__":
                defaults = zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True)
                yield from texts(value for name, value in defaults if name.arg == "code")
            if not isinstance(node, ast.Call):
                continue
            called = getattr(node.func, "id", getattr(node.func, "attr", ""))
            yield from texts(node.args[:1] if called in FIRST else [])
            if called in {"RetryLater", "__init__", "Verdict"}:
                yield from texts(word.value for word in node.keywords if word.arg == "code")


def texts(nodes: Iterator[ast.expr | None] | list[ast.expr]) -> Iterator[str]:
    yield from (node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str))


def written_by_sql() -> Iterator[str]:
    for file in (SOURCES / "store").rglob("*.sql"):
        text = file.read_text()
        for value in re.findall(r"error_code = (case.*?end\b|'[a-z_]+')", text, re.DOTALL):
            yield from re.findall(r"'([a-z_]+)'", re.sub(r"then coalesce\(.*?\)", "", value))
        for body in re.findall(r"function drena\.stale_code.*?\$\$(.*?)\$\$", text, re.DOTALL):
            yield from re.findall(r"then '([a-z_]+)'", body)


def told() -> set[str]:
    section = (ROOT / "contrib" / "operating.md").read_text().partition("## When a job ends in error")[2]
    rows = re.findall(r"^\| (`.*?) \|", section.partition("\n## ")[0], re.MULTILINE)
    return {code for row in rows for code in re.findall(r"`([a-z_]+)`", row)}


def test_every_code_of_drenas_own_is_on_the_operators_page_and_no_other() -> None:
    found = {*raised(), *written_by_sql()}
    assert found >= {"secret_missing", "provider_bug", "no_progress", "retry_later", "poison", "stale_pending"}
    assert told() == found
