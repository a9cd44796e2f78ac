"""The registry of problems: complete, in both languages, and the only one."""

from __future__ import annotations

import ast
import json
from string import Formatter

import pytest

from drena.problems import PROBLEMS, RESERVED, Refused, as_json, problem
from repository.tree import ROOT

PACKAGES = [ROOT / "daemon" / "drena", *(ROOT / "plugins").iterdir()]
FROM_SQL = {"integration_not_found", "integration_disabled"}
"""Outcomes of drena.request_job that are raised as they are."""


def raised():
    """Where the package makes a problem of a code it writes down: code, and file and line."""
    for package in PACKAGES:
        for path in sorted(package.rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
                    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
                    if name in ("Refused", "problem") and node.args[0].value not in ("pt", "en"):
                        yield node.args[0].value, f"{path.relative_to(ROOT)}:{node.lineno}"


def test_every_code_raised_anywhere_is_in_the_registry():
    places = list(raised())
    assert len(places) > 20, "the search found too little to be right"
    assert [place for code, place in places if code not in PROBLEMS] == []


def test_no_code_of_the_registry_is_left_over():
    used = {code for code, _place in raised()} | FROM_SQL
    text = "".join(path.read_text() for package in PACKAGES for path in package.rglob("*.py"))
    unused = {code for code in PROBLEMS.keys() - used if text.count(f'"{code}"') < 2}
    assert unused == set()


@pytest.mark.parametrize("code", PROBLEMS)
def test_a_problem_reads_well_in_both_languages(code):
    kind = PROBLEMS[code]
    assert 400 <= kind.status <= 599
    for words in (kind.title, kind.detail):
        assert words.pt != words.en
        for text in words:
            assert text == text.strip()
            assert text[0].isupper()
    names = [{name for _, name, _, _ in Formatter().parse(text) if name} for text in kind.detail]
    assert names[0] == names[1]
    for lang in ("pt", "en"):
        bare = problem(code, lang=lang)
        full = problem(code, lang=lang, **dict.fromkeys(names[0], "WORD"))
        for told in (bare, full):
            assert told.detail.endswith(".")
            assert "{" not in told.detail
        assert full.detail.count("WORD") == len(names[0])


def test_a_double_click_reads_as_the_offices_know_it():
    assert problem("job_active").title == "Execução em andamento"
    assert problem("job_active", lang="en").title == "Already running"


def test_a_problem_is_a_document_of_rfc_9457_with_its_extensions_beside():
    document = as_json(Refused("job_active", active_job={"id": "1"}).problem("en"), "req-1")
    assert document == {
        "type": "/problems/job_active",
        "title": "Already running",
        "status": 409,
        "detail": document["detail"],
        "code": "job_active",
        "request_id": "req-1",
        "active_job": {"id": "1"},
    }
    assert json.loads(json.dumps(document)) == document
    assert "request_id" not in as_json(problem("internal"))


def test_a_refusal_of_no_known_code_or_with_a_name_that_is_taken_is_a_bug():
    with pytest.raises(ValueError, match="no problem 'job_activ'"):
        Refused("job_activ")
    for name in RESERVED - {"code"}:
        with pytest.raises(ValueError, match=f"a '{name}' of its own"):
            Refused("internal", **{name: 1})


def test_what_is_temporary_has_the_status_that_says_so():
    temporary = {code for code, kind in PROBLEMS.items() if kind.status == 503}
    assert {"database_away", "shutting_down", "keys_away"} <= temporary
    assert {code for code, kind in PROBLEMS.items() if kind.status == 500} == {"internal"}
