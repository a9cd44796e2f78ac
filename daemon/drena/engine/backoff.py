"""How long a failed job waits. Pure: no clock, no I/O."""

from __future__ import annotations


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
