"""The languages of the command line: everything is written in English where it is said, and looked up here to be shown.

A sentence that a person may read stands, in English, at the place that knows why it is said, also deep in rooms that
have no idea who asks and in which language. On its way out (`drena.cli.speech`) the phrasebook finds it by its words:

    "There is no job {}."  ->  "Não existe o job {}."

`{}` stands for whatever was filled in; what was filled in is looked up in turn, so that sentences may be built of
others. A test reads the sources and fails when a sentence has no counterpart, or a counterpart no sentence.
Logs, JSON and codes are never translated. What the status page and HTTP say comes in both languages from the start
(`drena.waiting`, `drena.problems`).
"""

from __future__ import annotations

import re
from functools import cached_property
from importlib import import_module
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["HOLE", "LANGUAGES", "ROOMS", "Language", "Phrasebook", "language_of", "phrasebook"]

Language = Literal["pt", "en"]
LANGUAGES: Final = ("pt", "en")
HOLE: Final = "{}"
ROOMS: Final = ("help", "messages", "errors", "settings", "doctor")
"""Modules of this package, `portuguese_…`; read when somebody wants Portuguese."""


def language_of(environ: Mapping[str, str]) -> Language:
    """The language of this user's locale: Portuguese for `pt…`, English for everybody else."""
    locale = next((environ[name] for name in ("LC_ALL", "LC_MESSAGES", "LANG") if environ.get(name)), "")
    return "pt" if locale.lower().startswith("pt") else "en"


class Phrasebook:
    """Sentences and their counterparts in one language.

    Args:
        phrases: by the English sentence, `{}` where something is filled in. The counterpart has as many holes, `{}` in
            the same order or `{1}`, `{0}` in another.
    """

    def __init__(self, phrases: Mapping[str, str]) -> None:
        self._phrases = phrases

    def translate(self, sentence: str) -> str:
        """The counterpart of a sentence; the sentence itself when there is none."""
        if not sentence.strip():
            return sentence
        if (known := self._phrases.get(sentence)) is not None and HOLE not in sentence:
            return known
        for pattern, counterpart in self._patterns:
            if found := pattern.fullmatch(sentence):
                return counterpart.format(*(self.translate(filled) for filled in found.groups()))
        return sentence

    @cached_property
    def _patterns(self) -> list[tuple[re.Pattern[str], str]]:
        """Those with holes, the most telling first: of two that fit, the one with more words of its own is meant."""
        holed = sorted((each for each in self._phrases if HOLE in each), key=lambda each: -len(each.replace(HOLE, "")))
        return [
            (re.compile("(.*?)".join(map(re.escape, each.split(HOLE))), re.DOTALL), self._phrases[each])
            for each in holed
        ]


def phrasebook(language: Language) -> Phrasebook:
    """The phrases of a language; English needs none."""
    if language == "en":
        return Phrasebook({})
    rooms = [import_module(f"drena.texts.portuguese_{room}") for room in ROOMS]
    return Phrasebook({english: words for room in rooms for english, words in room.PHRASES.items()})
