"""What msgspec says of a bad setting, as people of the office read it, and as the operator does."""

from __future__ import annotations

import datetime as dt
import uuid
from decimal import Decimal
from typing import Annotated, Any, Literal

import msgspec
import pytest

from drena.api import GiveUp
from drena.texts.troubles import setting_fault, words_of

REST = {"must": 1}


class Inner(msgspec.Struct, forbid_unknown_fields=True):
    deep: int = 0


class Settings(msgspec.Struct):
    must: int
    pages: Annotated[int, msgspec.Meta(ge=1, le=5000)] = 1
    share: Annotated[float, msgspec.Meta(gt=0, lt=1)] = 0.5
    step: Annotated[int, msgspec.Meta(multiple_of=5)] = 5
    word: Annotated[str, msgspec.Meta(pattern="^a", max_length=3)] = "a"
    some: Annotated[list[Literal["a", "b"]], msgspec.Meta(min_length=1)] = msgspec.field(default_factory=lambda: ["a"])
    day: dt.date = dt.date.min
    id: uuid.UUID = uuid.UUID(int=0)
    fee: Decimal = Decimal(0)
    inner: Inner = msgspec.field(default_factory=Inner)

    def __post_init__(self) -> None:
        if self.pages == 13:
            raise ValueError("13 páginas não servem")


def faults(**settings: Any) -> tuple[str, str]:
    with pytest.raises(msgspec.ValidationError) as caught:
        msgspec.json.decode(msgspec.json.encode(settings), type=Settings)
    return setting_fault(str(caught.value))


@pytest.mark.parametrize(
    "settings, portuguese",
    [
        ({"pages": "x"}, "esperava-se `int`, e veio `str`, em `pages`"),
        ({"pages": 0}, "esperava-se `int` >= 1, em `pages`"),
        ({"share": 1.5}, "esperava-se `float` < 1.0, em `share`"),
        ({"step": 7}, "esperava-se `int` múltiplo de 5, em `step`"),
        ({"word": "b"}, "esperava-se `str` que siga a expressão '^a', em `word`"),
        ({"word": "aaaa"}, "esperava-se `str` de tamanho <= 3, em `word`"),
        ({"some": []}, "esperava-se `array` de tamanho >= 1, em `some`"),
        ({"some": ["c"]}, "o valor 'c' não está entre os possíveis, em `some[0]`"),
        ({"day": "x"}, "não é uma data ou hora da RFC 3339: date, em `day`"),
        ({"id": "x"}, "não é um UUID, em `id`"),
        ({"fee": "x"}, "não é um número decimal, em `fee`"),
        ({"inner": {"flat": 1}}, "o campo `flat` não existe, em `inner`"),
        ({"inner": {"deep": None}}, "esperava-se `int`, e veio `null`, em `inner.deep`"),
        ({"pages": 13}, "13 páginas não servem"),  # the provider's own
    ],
)
def test_the_fault_of_a_setting_is_told_in_portuguese_with_its_name(settings: dict[str, Any], portuguese: str) -> None:
    told, english = faults(**REST, **settings)
    assert told == portuguese
    assert "$" not in english
    assert all(f"`{name}" in english for name in settings) or english == portuguese


def test_a_setting_that_is_missing_is_named() -> None:
    assert faults() == ("falta o campo `must`", "Object missing required field `must`")


def test_the_words_of_a_provider_are_the_same_in_every_language() -> None:
    assert words_of(GiveUp("token_invalid", "Token recusado."), "en") == "Token recusado."
