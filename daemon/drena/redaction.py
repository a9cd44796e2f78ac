"""Taking secrets out of whatever leaves the process: log lines, error sentences, traces.

Two nets, one under the other. **Known values**: every secret handed to a plugin is registered and found again as it is,
url-encoded, in JSON or Python quoting, and within base64 at any alignment. **Shapes**: passwords in URLs, Authorization
headers, bearer tokens, `password=…`, whether known or not.

Guarantees, held by property tests:
- No registered value of at least `MIN_CHARS` stays in the result, and no part of one where two overlap: overlapping
  finds are joined before they are replaced.
- A long secret that somebody cut short is still taken out: half of it, and `PARTIAL_CHARS` at least, from its start.
- Redacting twice changes nothing more.

The search costs one dictionary look-up a character whatever the number of secrets (an alternation in a regular
expression would grow with it), and as many more as there are lengths where the first `MIN_CHARS` characters agree;
tokens share their first characters more often than their lengths. Without secrets it costs nothing. Secrets are only
ever added; a rotated one is still worth hiding.
"""

from __future__ import annotations

import base64
import dataclasses
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, time, timedelta
from decimal import Decimal
from pathlib import PurePath
from typing import Any, Final
from urllib.parse import quote, quote_plus
from uuid import UUID

import msgspec

MASK: Final = "***"
MIN_CHARS: Final = 4
"""Anything shorter is no secret: hiding it would blot out ordinary words."""
PARTIAL_CHARS: Final = 12
BASE64_CHARS: Final = 6
MAX_DEPTH: Final = 16
FEW: Final = 2
"""With this many times fewer beginnings of secrets than characters, looking for each beginning is faster."""

SENSITIVE_KEYS: Final = frozenset(
    [
        *("authorization", "proxy-authorization", "cookie", "set-cookie"),
        *("password", "passwd", "senha"),
        *("token", "access_token", "refresh_token", "api_key", "apikey", "x-api-key"),
    ]
)
"""Texts under these keys of a mapping are masked whole."""

PLAIN: Final = (bool, int, float, type(None), UUID, date, time, timedelta, Decimal)
"""Values that cannot hold a secret and stay as they are."""

_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*://[^\s:/@?#]*):(?:[^\s/?#]*@|(?!\d+[/?#])\S*@)")
_HEADER = re.compile(
    r"(authorization['\"]?\s*[:=,]\s*(?:b?['\"])?)(?:(?:bearer|basic|apikey|token|digest|negotiate)\s+)?[^\s'\",;)}\]]+",
    re.IGNORECASE,
)
_BEARER = re.compile(r"\b(bearer\s+)[^\s'\",;)}\]]+", re.IGNORECASE)
_ASSIGNED = re.compile(
    r"\b((?:password|passwd|senha|token|access_token|refresh_token|api[_-]?key)=)[^\s&;,'\"]+", re.IGNORECASE
)


class Redactor:
    """The secrets this process knows, and how to take them out.

    Used from the daemon's one event loop thread; nothing in it waits.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._known: set[str] = set()
        self._heads: dict[str, set[str]] = {}
        """Every form under as much of its beginning as must be there to count."""
        self._lengths: dict[str, set[int]] = {}
        """How long the heads are that begin with these `MIN_CHARS` characters."""
        for secret in secrets:
            self.add(secret)

    def add(self, secret: str) -> None:
        """Remember a secret. Adding it again costs nothing; one shorter than `MIN_CHARS` is not remembered."""
        if secret in self._known or len(secret) < MIN_CHARS:
            return
        self._known.add(secret)
        for form in _forms(secret):
            head = form[: _enough(form)]
            self._heads.setdefault(head, set()).add(form)
            self._lengths.setdefault(head[:MIN_CHARS], set()).add(len(head))

    def text(self, text: str) -> str:
        """The text without secrets."""
        return mask_shapes(self._mask_known(text) if self._heads else text)

    def value(self, value: Any) -> Any:
        """A copy of a nested value without secrets.

        Mappings, sequences and structs become dicts and lists of plain values; what is neither plain nor one of those
        becomes its redacted `repr`. Keys are redacted too.
        """
        return self._value(value, MAX_DEPTH)

    def _value(self, value: Any, depth: int) -> Any:
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, PLAIN):
            return value
        if depth == 0:
            return "…"
        if isinstance(value, msgspec.Struct):
            value = {name: getattr(value, name) for name in value.__struct_fields__}
        elif dataclasses.is_dataclass(value) and not isinstance(value, type):
            value = {field.name: getattr(value, field.name, None) for field in dataclasses.fields(value)}
        if isinstance(value, Mapping):
            return {self._key(key): self._member(key, each, depth) for key, each in value.items()}
        if isinstance(value, (list, tuple, set, frozenset)):
            return [self._value(each, depth - 1) for each in value]
        return self.text(str(value) if isinstance(value, (PurePath, BaseException)) else _safe_repr(value))

    def _key(self, key: Any) -> str:
        return self.text(key if isinstance(key, str) else str(key))

    def _member(self, key: Any, value: Any, depth: int) -> Any:
        if isinstance(key, str) and isinstance(value, (str, bytes)) and key.lower() in SENSITIVE_KEYS:
            return MASK
        return self._value(value, depth - 1)

    def _mask_known(self, text: str) -> str:
        if len(self._lengths) * FEW < len(text) and not any(start in text for start in self._lengths):
            return text
        spans = list(self._spans(text))
        if not spans:
            return text
        parts, kept = [], 0
        for start, end in _joined(spans):
            parts += [text[kept:start], MASK]
            kept = end
        return "".join([*parts, text[kept:]])

    def _spans(self, text: str) -> Iterator[tuple[int, int]]:
        """Where any form of any secret stands, overlaps included."""
        lengths, heads = self._lengths, self._heads
        for start in range(len(text) - MIN_CHARS + 1):
            for length in lengths.get(text[start : start + MIN_CHARS], ()):
                for form in heads.get(text[start : start + length], ()):
                    yield start, start + _match(text, start, form, length)


def mask_urls(text: str) -> str:
    """Mask the password of every URL in a text."""
    return _URL.sub(rf"\1:{MASK}@", text) if "://" in text and "@" in text else text


def mask_shapes(text: str) -> str:
    """Mask what looks like a secret, known or not."""
    text = mask_urls(text)
    lowered = text.lower()
    if "authorization" in lowered:
        text = _HEADER.sub(rf"\1{MASK}", text)
    if "bearer" in lowered:
        text = _BEARER.sub(rf"\1{MASK}", text)
    if "=" in text:
        text = _ASSIGNED.sub(rf"\1{MASK}", text)
    return text


def _forms(secret: str) -> set[str]:
    """The ways a secret is written where people meet it."""
    raw = secret.encode("utf-8", "surrogatepass")
    quoted = [quote(raw, safe=safe) for safe in ("", "/")] + [quote_plus(raw)]
    forms = {secret, *quoted, *(_lower_hex(q) for q in quoted)}
    forms |= {
        json.dumps(secret)[1:-1],
        json.dumps(secret, ensure_ascii=False)[1:-1],
        repr(secret)[1:-1],
        repr(raw)[2:-1],
    }
    if len(raw) >= BASE64_CHARS:
        forms |= set(_base64_cores(raw))
    return {form for form in forms if len(form) >= MIN_CHARS}


def _lower_hex(quoted: str) -> str:
    return re.sub(r"%[0-9A-F]{2}", lambda found: found[0].lower(), quoted)


def _base64_cores(raw: bytes) -> Iterator[str]:
    """The characters of base64 that depend on these bytes alone, whatever stands before and after them."""
    for offset in range(3):
        encoded = base64.b64encode(b"\0" * offset + raw).decode()
        first = (offset * 8 + 5) // 6
        last = (offset + len(raw)) * 8 // 6
        core = encoded[first:last]
        yield core
        yield core.translate(str.maketrans("+/", "-_"))


def _enough(form: str) -> int:
    """How many characters from the start of a form must be there to take them for it."""
    return min(len(form), max(PARTIAL_CHARS, -(-len(form) // 2)))


def _match(text: str, start: int, form: str, length: int) -> int:
    """How many characters at `start` belong to this form, of which `length` are known to."""
    if text.startswith(form, start):
        return len(form)
    while start + length < len(text) and text[start + length] == form[length]:
        length += 1
    return length


def _joined(spans: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Spans in order, overlapping and touching ones made one."""
    first, last = spans[0]
    for start, end in spans[1:]:
        if start <= last:
            last = max(last, end)
        else:
            yield first, last
            first, last = start, end
    yield first, last


def _safe_repr(value: Any) -> str:
    try:
        return repr(value)
    except Exception:  # noqa: BLE001 - a foreign __repr__ must not break a log line
        return f"<{type(value).__name__}>"
