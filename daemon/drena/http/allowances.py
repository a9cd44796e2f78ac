"""How many requests somebody may make: a bucket of tokens for each name. Pure: the caller brings the time."""

from __future__ import annotations

import math
from collections import OrderedDict
from typing import Final

MOST_NAMES: Final = 10_000
"""So many buckets are kept; the one unused for longest goes first. It is full again long before that, unless somebody
comes from ten thousand addresses, and then no bucket helps."""


class Allowances:
    """A bucket for each name: it holds `burst` tokens and is filled with `per_minute` of them.

    Args:
        per_minute: the steady rate.
        burst: how many may come at once; the rate of ten seconds by default, ten at least.
    """

    def __init__(self, per_minute: float, burst: float | None = None) -> None:
        self._per_s = per_minute / 60
        self._burst = max(10.0, per_minute / 6) if burst is None else burst
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, name: str, now_s: float) -> int:
        """Take a token.

        Returns:
            0, or after how many whole seconds to ask again; nothing was taken then.
        """
        left = self._left(name, now_s)
        if left < 1:
            return self._wait_s(left)
        self._buckets[name] = (left - 1, now_s)
        self._buckets.move_to_end(name)
        if len(self._buckets) > MOST_NAMES:
            self._buckets.popitem(last=False)
        return 0

    def exhausted(self, name: str, now_s: float) -> int:
        """Like `take`, but nothing is taken."""
        left = self._left(name, now_s)
        return 0 if left >= 1 else self._wait_s(left)

    def _left(self, name: str, now_s: float) -> float:
        left, then_s = self._buckets.get(name, (self._burst, now_s))
        return min(self._burst, left + (now_s - then_s) * self._per_s)

    def _wait_s(self, left: float) -> int:
        return max(1, math.ceil((1 - left) / self._per_s))
