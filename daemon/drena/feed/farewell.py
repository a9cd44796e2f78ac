"""How a session ends: with a code, a reason, and when to come back."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

import trio

from drena.engine.outages import PASSING
from drena.feed.protocol import Code

AWAY: Final = (*PASSING, trio.TooSlowError)
"""What the database, or the way to it, raises while it is away."""


class Farewell(Exception):
    """The end of a session, as the client is told of it.

    Args:
        code: of the close frame.
        reason: one sentence.
        retry_ms: when to come back; None: not like this.
    """

    def __init__(self, code: int, reason: str, retry_ms: int | None = None) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason
        self.retry_ms = retry_ms


def rfc3339(moment: datetime | None) -> str | None:
    """As JSON carries it."""
    return None if moment is None else moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def away(error: BaseException) -> Farewell:
    """The database cannot be asked; anything that time does not heal is a fault of ours and travels on."""
    if isinstance(error, ValueError):
        raise error
    return Farewell(Code.SOURCE_DOWN, "the feed's source is out of reach", 5000)
