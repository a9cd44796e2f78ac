"""What of the house style can be measured."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from repository.tree import ROOT, files, name_of, python_files

if TYPE_CHECKING:
    from collections.abc import Iterator

TOP_FOLDERS = {".ci", "contrib", "daemon", "plugins", "systemd", "tests"}
EMPTY_NAMES = {"base", "common", "helper", "helpers", "manager", "managers", "misc", "util", "utils"}
MOST_LINES_OF_A_FILE = 400
MOST_LINES_OF_A_FUNCTION = 60

# Where this repository was written, and where packages come from, is nobody's business: joined here, so that this file
# passes its own test.
PRIVATE_PLACES = ["".join(parts) for parts in (
    ("/wo", "rk/"), ("/opt/", "pypi"), ("/opt/", "wheels"), ("pypi", ".org"), ("python", "hosted.org"),
    ("deb.", "debian.org"), ("registry.", "npmjs"),
)]  # fmt: skip

SQL = re.compile(r"\s*(select\s.+\sfrom|insert\s+into|update\s+\S+\s+set|delete\s+from)\s", re.IGNORECASE | re.DOTALL)


def test_the_top_folders_are_those_of_the_design():
    found = {path.relative_to(ROOT).parts[0] for path in files() if path.parent != ROOT}
    assert found <= TOP_FOLDERS


def test_a_module_has_a_name_that_says_what_it_is():
    assert [name_of(path) for path in python_files() if path.stem.strip("_") in EMPTY_NAMES] == []


def test_a_file_can_be_read_in_one_sitting():
    lengths = {name_of(path): len(path.read_text().splitlines()) for path in python_files()}
    assert {name: lines for name, lines in lengths.items() if lines > MOST_LINES_OF_A_FILE} == {}


def test_a_function_fits_on_a_screen():
    lengths = {
        f"{name_of(path)}:{function.name}": _code_lines(function)
        for path in python_files()
        for function in _functions(ast.parse(path.read_text()))
    }
    assert {name: lines for name, lines in lengths.items() if lines > MOST_LINES_OF_A_FUNCTION} == {}


def test_the_daemons_sql_lives_in_the_store():
    found = [
        f"{name_of(path)}:{text.lineno}"
        for path in python_files()
        if path.is_relative_to(ROOT / "daemon" / "drena") and "store" not in path.parts
        for text in _texts(ast.parse(path.read_text()))
        if SQL.match(text.value)
    ]
    assert found == []


def test_no_file_names_a_place_of_the_machine_it_was_written_on_or_a_package_index():
    found = [
        f"{name_of(path)}: {place}"
        for path in files()
        for place in PRIVATE_PLACES
        if place.encode() in path.read_bytes()
    ]
    assert found == []


def _functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def _code_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """A function's lines without its docstring, which may be as long as it is useful."""
    assert function.end_lineno is not None
    first = function.body[1] if ast.get_docstring(function) is not None and len(function.body) > 1 else function.body[0]
    return function.end_lineno - first.lineno + 1


def _texts(tree: ast.AST) -> Iterator[ast.Constant]:
    """Every string of a module that is not a docstring."""
    told = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    texts = (node for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str))
    return (node for node in texts if id(node) not in told)
