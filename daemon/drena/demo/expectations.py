"""What the demo promises. Each is a comparison of what must be with what is; one that fails makes the exit code 1."""

from __future__ import annotations

from typing import Any

import msgspec


class Expectation(msgspec.Struct, frozen=True):
    """One promise, judged."""

    sentence: str
    met: bool
    expected: str = ""
    got: str = ""


class Expectations:
    """All of a showing."""

    def __init__(self) -> None:
        self.judged: list[Expectation] = []

    @property
    def failed(self) -> list[Expectation]:
        """Those that were not met."""
        return [each for each in self.judged if not each.met]

    def judge(self, sentence: str, expected: Any, got: Any) -> Expectation:
        """Compare, and keep the outcome."""
        found = Expectation(sentence, expected == got, brief(expected), brief(got))
        self.judged.append(found)
        return found


def brief(value: Any, limit: int = 200) -> str:
    """A value in a line; collections by their first few."""
    if isinstance(value, set | frozenset):
        value = sorted(value)
    if isinstance(value, list | tuple):
        text = ", ".join(brief(each) for each in value) or "-"
    elif isinstance(value, dict):
        text = ", ".join(f"{key}: {brief(each)}" for key, each in value.items()) or "-"
    else:
        text = "-" if value is None else str(value)
    return text if len(text) <= limit else f"{text[:limit]}…"
