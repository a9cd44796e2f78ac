"""The rate limit of one token: so many requests in a sliding window. Refused requests do not count against it."""

from __future__ import annotations

from collections import deque


class Window:
    """When the admitted requests of the last window were."""

    def __init__(self) -> None:
        self._admitted: deque[float] = deque()

    def admit(self, now_s: float, limit: int, window_s: float) -> float:
        """Admit a request and return 0, or return the seconds until one will be admitted."""
        while self._admitted and self._admitted[0] <= now_s - window_s:
            self._admitted.popleft()
        if len(self._admitted) < limit:
            self._admitted.append(now_s)
            return 0.0
        return self._admitted[len(self._admitted) - limit] + window_s - now_s

    def left(self, limit: int) -> int:
        """Return how many more the window admits now."""
        return max(0, limit - len(self._admitted))
