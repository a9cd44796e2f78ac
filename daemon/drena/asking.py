"""Pure: what a request for a job may carry, whoever asks: HTTP, the feed, the command line."""

from __future__ import annotations

import re
from typing import Any, Final

import msgspec

LANE_CHARS: Final = 100
PAYLOAD_BYTES: Final = 64 * 1024
_NUL: Final = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")


class UnfitPayloadError(ValueError):
    """A payload that cannot be kept; the message says in a word or two why."""


def is_lane(lane: str) -> bool:
    """Whether this can be the name of a lane."""
    return len(lane) <= LANE_CHARS and lane.isprintable()


def holds_nul(encoded: bytes) -> bool:
    """Whether a string in this JSON holds the character that PostgreSQL has no place for."""
    return _NUL.search(encoded) is not None


def encode_payload(payload: dict[str, Any]) -> str:
    """The payload as JSON that PostgreSQL takes.

    Raises:
        UnfitPayloadError: it is too large, or holds what PostgreSQL or JSON has no place for.
    """
    try:
        encoded = msgspec.json.encode(payload)
    except (UnicodeEncodeError, TypeError, RecursionError, ValueError):
        raise UnfitPayloadError("JSON") from None
    if len(encoded) > PAYLOAD_BYTES:
        raise UnfitPayloadError(f"> {PAYLOAD_BYTES} bytes")
    if holds_nul(encoded):
        raise UnfitPayloadError("NUL (\\u0000)")
    return encoded.decode()
