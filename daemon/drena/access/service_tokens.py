"""Service tokens: `drena_` and 256 random bits. The prefix lets people and scanners recognise one that leaked."""

from __future__ import annotations

import re
import secrets
from hashlib import sha256
from typing import Final

PREFIX: Final = "drena_"
_SHAPE: Final = re.compile(re.escape(PREFIX) + r"[A-Za-z0-9_-]{43}")


def new_token() -> str:
    """A token nobody has had before."""
    return PREFIX + secrets.token_urlsafe(32)


def is_service_token(token: str) -> bool:
    """Whether it says of itself that it is one; never true of a JWT, which begins with `ey`."""
    return token.startswith(PREFIX)


def digest_of(token: str) -> bytes | None:
    """What is stored in a token's place; None for what cannot be one, so that nobody asks the database about it."""
    return sha256(token.encode()).digest() if _SHAPE.fullmatch(token) else None
