"""How long a failed job waits. Pure: no clock, no I/O."""

from __future__ import annotations

from typing import Any, Final

LONGEST_WISH_S: Final = 30 * 24 * 3600.0


def delay_s(attempt: int, *, base_s: float, cap_s: float, retry_after_s: float | None, roll: float) -> float:
    """Seconds until the next attempt.

    It doubles with every attempt up to the cap; half of it is jitter, so that jobs which failed together do not come
    back together. A server's wish to wait longer is honoured, also beyond the cap; a wish to wait less is not.

    Args:
        attempt: the attempt that failed, 1 for the first.
        base_s: the full delay after the first attempt.
        cap_s: the largest delay of our own.
        retry_after_s: what the outside system asked for, if it did.
        roll: a random number in [0, 1).
    """
    doublings = min(max(attempt, 1) - 1, 62)  # beyond that the cap has won, and floats stay finite
    full_s = min(cap_s, base_s * 2.0**doublings)
    jittered_s = full_s * (0.5 + 0.5 * roll)
    return max(jittered_s, retry_after_s or 0.0)


def wished_s(after_s: Any) -> float | None:
    """A provider's wish to wait, at most `LONGEST_WISH_S`; None for what is no wish: not a number, endless, past."""
    try:
        wish_s = float(after_s)
    except (TypeError, ValueError, OverflowError):
        return None
    return min(wish_s, LONGEST_WISH_S) if 0.0 < wish_s < float("inf") else None
