"""Ends of an attempt that Drena itself decides, in both languages.

The job keeps the Portuguese sentence, for the people of its office; a command shows the one of its user's language.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from drena.api import GiveUp, RetryLater
from drena.texts import Phrasebook

if TYPE_CHECKING:
    from drena.texts import Language

SETTING_FAULTS: Final = Phrasebook(
    {
        "Expected {}, got {}": "esperava-se {}, e veio {}",
        "Expected {}": "esperava-se {}",
        "Object missing required field {}": "falta o campo {}",
        "Object contains unknown field {}": "o campo {} não existe",
        "Invalid enum value {}": "o valor {} não está entre os possíveis",
        "Invalid value {}": "o valor {} não serve",
        "{} of length {}": "{} de tamanho {}",
        "{} matching regex {}": "{} que siga a expressão {}",
        "{} that's a multiple of {}": "{} múltiplo de {}",
        "Integer value out of range": "número grande demais",
        "Invalid RFC3339 encoded {}": "não é uma data ou hora da RFC 3339: {}",
        "Invalid UUID": "não é um UUID",
        "Invalid decimal string": "não é um número decimal",
    }
)
"""What msgspec says of a value, without where that is; what a plugin says itself stays as it is."""
PLACE: Final = re.compile(r" - at `\$\.?(.*)`$")


class Refusal(GiveUp):
    """A `GiveUp` of Drena's own.

    Args:
        code: as there.
        portuguese: its message.
        english: the same.
    """

    def __init__(self, code: str, portuguese: str, english: str) -> None:
        super().__init__(code, portuguese)
        self.english = english


class Delay(RetryLater):
    """A `RetryLater` of Drena's own, which leaves the wait to the backoff."""

    def __init__(self, code: str, portuguese: str, english: str) -> None:
        super().__init__(None, portuguese, code=code)
        self.english = english


def words_of(trouble: GiveUp | RetryLater, language: Language) -> str:
    """Its sentence; a provider's has one language only."""
    if language == "en" and isinstance(trouble, Refusal | Delay):
        return trouble.english
    return str(trouble)


def setting_fault(fault: str) -> tuple[str, str]:
    """What msgspec says of a bad setting, in Portuguese and English, with the setting's name as people write it."""
    place = PLACE.search(fault)
    english = fault[: place.start()] if place else fault
    portuguese = SETTING_FAULTS.translate(english)
    if place and place[1]:
        return f"{portuguese}, em `{place[1]}`", f"{english}, at `{place[1]}`"
    return portuguese, english
