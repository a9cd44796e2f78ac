"""Nothing a command says is without its Portuguese: read off the sources, the help and the settings."""

from __future__ import annotations

import ast
import re
import string
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import click
import pytest
from click.testing import CliRunner

import drena
from drena.cli import main
from drena.cli.speech import paragraphs
from drena.config.schema import settings_of
from drena.config.settings import Config
from drena.store.checks import CHECKS
from drena.texts import (
    ROOMS,
    Phrasebook,
    language_of,
    phrasebook,
    portuguese_errors,
    portuguese_help,
    portuguese_messages,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

SOURCES = Path(drena.__file__).parent
OWN_LANGUAGES = ("demo", "testing", "waiting", "problems.py", "texts")
"""Rooms that carry both languages themselves, or speak to authors of plugins."""
ERRORS = {"ConfigError", "UsageError", "DatabaseError", "DatabaseAwayError", "DrenaError"}
SPEAKING = {"say", "tell"}
PHRASES = {
    english: words
    for room in ROOMS
    for english, words in import_module(f"drena.texts.portuguese_{room}").PHRASES.items()
}


def template(node: ast.AST) -> str | None:
    """A string as the phrasebook spells it, `{}` for what is filled in; None for anything else."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):  # adjacent literals are one
        return "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values)
    return None


@cache
def trees() -> list[tuple[Path, ast.Module]]:
    paths = [path.relative_to(SOURCES) for path in sorted(SOURCES.rglob("*.py"))]
    return [(path, ast.parse((SOURCES / path).read_text())) for path in paths if path.parts[0] not in OWN_LANGUAGES]


def strings(tree: ast.AST) -> Iterator[str]:
    """Every string under here, docstrings and keys left out."""
    told = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    parts = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    for node in ast.walk(tree):
        if id(node) not in told | parts and (found := template(node)) is not None:
            yield found


def is_sentence(text: str) -> bool:
    return " " in text and text[0] in string.ascii_uppercase + "{`" and text.endswith(".") and "STATUS=" not in text


def spoken_in(node: ast.AST) -> Iterator[str]:
    """What an argument may say: a string, or either side of a condition."""
    for side in (node.body, node.orelse) if isinstance(node, ast.IfExp) else (node,):
        found = template(side)
        if found is not None and " " in found.strip() and found.strip("{} "):
            yield found


def said_by_commands() -> Iterator[str]:
    for path, tree in trees():
        in_cli = path.parts[0] == "cli"
        if in_cli:
            yield from (text for text in strings(tree) if is_sentence(text))
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and node.args:
                name = getattr(node.func, "id", getattr(node.func, "attr", ""))
                if name in ERRORS or (in_cli and name in SPEAKING):
                    yield from (text for text in spoken_in(node.args[0]) if not text.startswith("STATUS="))
            elif isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "msg":
                yield from spoken_in(node.value)


def commands(group: click.Group = main) -> Iterator[click.Command]:
    yield group
    for command in group.commands.values():
        if isinstance(command, click.Group):
            yield from commands(command)
        elif not command.hidden:
            yield command


def shown_as_help() -> Iterator[str]:
    for command in commands():
        yield from (text for text in paragraphs(command.help or "") if not text.startswith("Example: "))
        for param in command.params:
            if isinstance(param, click.Option) and not param.hidden:
                assert param.help, f"{command.name} {param.name} has no help"
                yield param.help


def without_counterpart(sentences: Iterator[str]) -> list[str]:
    return sorted({sentence for sentence in sentences if sentence not in PHRASES})


def test_every_sentence_and_error_has_its_portuguese():
    assert without_counterpart(said_by_commands()) == []


def test_the_help_of_every_command_and_option_has_its_portuguese():
    assert without_counterpart(shown_as_help()) == []


def test_what_every_setting_is_for_has_its_portuguese():
    assert without_counterpart(setting.description for setting in settings_of(Config)) == []


def findings() -> Iterator[str]:
    """What the doctor says, with holes in place of names."""
    return (re.sub(r"{[^}]*}", "{}", text) for check in CHECKS for text in (check.what, check.remedy))


def test_what_the_doctor_finds_has_its_portuguese():
    assert without_counterpart(findings()) == []


def test_no_phrase_is_left_over_from_a_sentence_that_is_gone():
    here = {text for _path, tree in trees() for text in strings(tree)} | set(shown_as_help())
    composed = portuguese_errors.COMPOSED | portuguese_help.CLICK | portuguese_messages.WORDS
    left_over = PHRASES.keys() - here - set(findings()) - composed.keys()
    assert sorted(left_over) == []


@pytest.mark.parametrize("english", sorted(PHRASES), ids=lambda english: english[:60])
def test_a_counterpart_keeps_what_is_filled_in(english: str) -> None:
    fillings = [f"<{place}>" for place in range(english.count("{}"))]
    pieces = english.split("{}")
    sentence = "".join(a + b for a, b in zip(pieces, [*fillings, ""], strict=True))
    translated = phrasebook("pt").translate(sentence)
    assert translated != sentence or english in portuguese_messages.WORDS
    assert sorted(filling for filling in fillings if filling in translated) == sorted(fillings)


def test_of_two_phrases_that_fit_the_more_telling_one_is_taken_and_fillings_are_translated_too():
    book = Phrasebook({"{} is {}.": "{} é {}.", "{} is very {}.": "{} é muito {}.", "the door": "a porta", "a b": "c"})
    assert book.translate("the door is red.") == "a porta é red."
    assert book.translate("the door is very red.") == "a porta é muito red."
    assert book.translate("nothing known") == "nothing known"


def speak(*words: str, **environ: str) -> str:
    done = CliRunner().invoke(main, words, env={"DRENA_CONFIG": "/dev/null", **environ}, prog_name="drena")
    return done.output


@pytest.mark.parametrize(
    "words, environ",
    [
        (("--lang", "pt", "jobs", "--help"), {"LC_ALL": "C.UTF-8"}),
        (("jobs", "--help"), {"LC_ALL": "pt_BR.UTF-8"}),
        (("jobs", "--help"), {"LC_ALL": "", "LC_MESSAGES": "", "LANG": "pt_BR.UTF-8"}),
    ],
)
def test_help_is_in_the_language_of_the_locale_or_of_the_option(words: tuple[str, ...], environ: dict[str, str]):
    shown = speak(*words, **environ)
    for word in ("Uso: drena jobs", "Opções:", "Exemplo: drena jobs"):
        assert word in shown
    assert "Usage" not in shown


def test_an_error_is_in_the_language_of_the_option():
    assert speak("--lang", "pt", "jobz", LC_ALL="C.UTF-8").startswith("drena: Não existe o comando 'jobz'")
    assert speak("--lang", "en", "jobz", LC_ALL="pt_BR.UTF-8").startswith("drena: No such command 'jobz'")


@pytest.mark.parametrize(
    "environ, language",
    [({"LANG": "pt_BR.UTF-8"}, "pt"), ({"LANG": "pt_BR", "LC_ALL": "C"}, "en"), ({}, "en"), ({"LANG": "ptx"}, "pt")],
)
def test_the_locale_decides_when_nobody_says(environ: dict[str, str], language: str) -> None:
    assert language_of(environ) == language
