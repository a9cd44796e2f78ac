"""How many writes of this node were refused because their lease token had gone (I2): the sign of zombies, by kind."""

from __future__ import annotations

from collections import Counter
from typing import Final, Literal, get_args

Kind = Literal["verdict", "progress", "log line", "transaction"]


class Refusals:
    """Counts since the node's start."""

    def __init__(self) -> None:
        self._counts: Counter[Kind] = Counter()

    kinds: Final[tuple[Kind, ...]] = get_args(Kind)

    def add(self, kind: Kind, number: int = 1) -> None:
        """Count refused writes of a kind; zero or fewer adds nothing."""
        if number > 0:
            self._counts[kind] += number

    def of(self, kind: Kind) -> int:
        """How many of a kind."""
        return self._counts[kind]

    @property
    def total(self) -> int:
        """How many in all; `drena nodes` shows it."""
        return self._counts.total()
