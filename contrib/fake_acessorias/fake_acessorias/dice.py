"""Seeded chance: the same words give the same throws in every process and on every machine."""

from __future__ import annotations

import random


def dice(*words: object) -> random.Random:
    """Return a generator that depends on the words alone (never on ``PYTHONHASHSEED`` or the clock)."""
    return random.Random("/".join(map(str, words)))  # noqa: S311 - repeatable on purpose, nothing secret
