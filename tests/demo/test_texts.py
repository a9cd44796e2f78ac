"""Both languages say the same things."""

from __future__ import annotations

import re
import string

import pytest

from drena.demo.texts import TEXTS
from drena.texts import language_of
from repository.tree import ROOT


@pytest.mark.parametrize("key", TEXTS)
def test_both_languages_of_a_text_take_the_same_values(key):
    portuguese, english = (
        {name for _, name, _, _ in string.Formatter().parse(text) if name is not None} for text in TEXTS[key]
    )
    assert portuguese == english


def test_every_text_that_is_asked_for_exists_and_none_is_left_over():
    sources = "".join(path.read_text() for path in (ROOT / "daemon/drena/demo").rglob("*.py") if path.stem != "texts")
    words = set(re.findall(r"""["'](\w+)["']""", sources))
    families = ("kind_", "why_", "status_", "name_")
    assert {key for key in TEXTS if key not in words and not key.startswith(families)} == set()
    asked = re.findall(r'(?:say|expect|text|waiting|heading)\(\s*(?:\d, |None, )?"(\w+)"', sources)
    assert {key for key in asked if key not in TEXTS} == set()


@pytest.mark.parametrize(
    "environ, language",
    [
        ({}, "en"),
        ({"LANG": "C.UTF-8"}, "en"),
        ({"LANG": "pt_BR.UTF-8"}, "pt"),
        ({"LANG": "pt_BR.UTF-8", "LC_ALL": "en_GB.UTF-8"}, "en"),
        ({"LANG": "en_US.UTF-8", "LC_MESSAGES": "pt_PT"}, "pt"),
        ({"LANG": "pt_BR", "LC_ALL": ""}, "pt"),
    ],
)
def test_the_language_is_the_locales(environ, language):
    assert language_of(environ) == language
