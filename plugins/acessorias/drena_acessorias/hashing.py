"""The fingerprint that tells whether a company changed at the source.

The order of an object's keys says nothing and does not count. Everything else counts, at every depth: a value, its
type, a key that comes or goes, and the order of a list. JSON lists are ordered, and the API does not promise that the
order of contacts or obligations is meaningless; reading a mere reordering as a change costs one needless update, while
overlooking a change would keep the mirror wrong for ever.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import msgspec


def payload_hash(payload: Any) -> str:
    """64 hex characters over the JSON value `payload` in canonical form."""
    return sha256(msgspec.json.encode(payload, order="sorted")).hexdigest()
