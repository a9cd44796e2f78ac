"""The fingerprint that tells whether a row changed at the source.

Of a delivery it is taken over its canonical text: the order of an object's keys says nothing and does not count. Of a
company it is taken over the text as it came, which needs nothing built, and `mirror.py` settles whether a text that
differs also says something else. Everything else counts, at every depth: a value, its type, a key that comes or goes,
and the order of a list. JSON lists are ordered, and the API does not promise that the order of contacts or obligations
is meaningless; reading a mere reordering as a change costs one needless update, while overlooking a change would keep
the mirror wrong for ever.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Any, Final

import msgspec

_SORTED: Final = msgspec.json.Encoder(order="sorted")


def canonical(payload: Any) -> bytes:
    """The one JSON text of this value: keys sorted at every depth, no blanks."""
    return _SORTED.encode(payload)


def payload_hash(text: bytes) -> str:
    """64 hex characters over a JSON text."""
    return sha256(text).hexdigest()
