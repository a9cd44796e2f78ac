"""Which requests are sent again, and when. Pure decisions; `clients.py` carries them out.

A request is repeated by itself when repeating cannot do a thing twice: GET, HEAD and OPTIONS after anything that looks
passing (no connection, a timeout, a reset, a body that ends early, 429, 502, 503, 504), every other method only when
the connection never came about, unless its sender says otherwise with `extensions={"drena.retry": True}`; `False` turns
repeating off. A body that is read from a stream is never sent twice.

Waits are full jitter: uniform between nothing and a bound that doubles, so that attempts that failed together do not
return together. A Retry-After within the limits is waited out in full, with jitter on top; one beyond them is not
worth sitting here for, so the answer goes back to the provider, which turns it into `RetryLater` and frees the lane.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final

RETRY_EXTENSION: Final = "drena.retry"
SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
PASSING: Final = frozenset({429, 502, 503, 504})
"""Statuses that time may heal."""

Random = Callable[[], float]
"""Like `random.random`: uniform in [0, 1)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryRules:
    """The bounds of repeating one request."""

    tries: int = 4
    """Sends in all, the first included."""
    base_s: float = 0.5
    """The first wait is below this; the bound doubles with each."""
    cap_s: float = 15.0
    """The bound stops doubling here."""
    retry_after_cap_s: float = 60.0
    """A longer Retry-After is left to the provider."""
    total_s: float = 180.0
    """Sending, reading and waiting for another try may take this long together. Waiting for the pace does not count."""


def may_repeat(method: str, asked: Any) -> bool:
    """Whether a request that may have reached the server can be sent again.

    Args:
        method: the HTTP method, upper case.
        asked: the request's `drena.retry` extension; None when it has none.
    """
    return method in SAFE_METHODS if asked is None else bool(asked)


def next_wait_s(
    rules: RetryRules, tries: int, left_s: float, random: Random, retry_after_s: float | None = None
) -> float | None:
    """How long to wait before the next try.

    Args:
        rules: the bounds.
        tries: how often the request has been sent.
        left_s: what is left of `rules.total_s`.
        random: uniform in [0, 1).
        retry_after_s: what the server asked for.

    Returns:
        Seconds, or None when this was the last try.
    """
    if tries >= rules.tries:
        return None
    jitter_s = random() * min(rules.cap_s, rules.base_s * 2 ** (tries - 1))
    if retry_after_s is None:
        wait_s = jitter_s
    elif retry_after_s <= rules.retry_after_cap_s:
        wait_s = retry_after_s + jitter_s
    else:
        return None
    return wait_s if wait_s < left_s else None


def retry_after(value: str | None, now: datetime) -> float | None:
    """The seconds a Retry-After header asks for.

    Args:
        value: the header: seconds or an HTTP date; None when there is none.
        now: the wall clock, with a time zone.

    Returns:
        Seconds from now, never negative; None for no header or one that means nothing.
    """
    text = (value or "").strip()
    if not text:
        return None
    if text.isascii() and text.replace(".", "", 1).isdigit():
        seconds = float(text)
        return seconds if math.isfinite(seconds) else None
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError):
        return None
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
    return max(0.0, (moment - now).total_seconds())
