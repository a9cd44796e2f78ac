"""What is posted, how it is signed, and when to try again. Pure."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any, Final, NamedTuple

FIRST_WAIT_S: Final = 10.0
LONGEST_WAIT_S: Final = 3600.0
MOST_TRIES: Final = 20
SHORTEST_SECRET: Final = 16


class Letter(NamedTuple):
    """A request that is ready to be posted."""

    body: bytes
    headers: dict[str, str]


def write(change_id: str, state: str, at: str, facts: dict[str, Any], *, secret: str, now_s: int) -> Letter:
    """The notice of a change, signed now.

    Args:
        change_id: the same at every try.
        state: `failing` or `recovered`.
        at: when it was noticed, RFC 3339.
        facts: tenant, provider, job.
        secret: the key.
        now_s: seconds since 1970.
    """
    event = f"integration.{state}"
    body = json.dumps({"id": change_id, "event": event, "at": at, **facts}, ensure_ascii=False).encode()
    return Letter(
        body,
        {
            "Content-Type": "application/json",
            "Drena-Delivery": change_id,
            "Drena-Event": event,
            "Drena-Signature": f"t={now_s},v1={sign(secret, now_s, body)}",
        },
    )


def sign(secret: str, now_s: int, body: bytes) -> str:
    """HMAC-SHA-256 over the time and the body, in hex."""
    return hmac.new(secret.encode(), f"{now_s}.".encode() + body, hashlib.sha256).hexdigest()


def next_wait_s(tries: int, retry_after: str | None, roll: float) -> float | None:
    """How long to wait after a failed try; None when it was the last.

    Args:
        tries: how often it was posted.
        retry_after: the header of the answer; a date counts as none.
        roll: a random number in [0, 1), so that notices that failed together do not come back together.
    """
    if tries >= MOST_TRIES:
        return None
    wait_s = min(FIRST_WAIT_S * 2.0 ** (tries - 1), LONGEST_WAIT_S) * (0.75 + roll / 4)
    asked = (retry_after or "").strip()
    if asked.isascii() and asked.isdecimal():
        wait_s = max(wait_s, min(float(asked[:9]), LONGEST_WAIT_S))
    return wait_s
