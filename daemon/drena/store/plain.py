"""JSON text that PostgreSQL takes: jsonb and text cannot hold the character NUL, which outside systems do send."""

from __future__ import annotations

from typing import Any

import msgspec


def plain_text(text: str) -> str:
    """The text without NUL characters."""
    return text.replace("\0", "")


def plain_json(value: Any) -> str:
    """Any value msgspec can turn into JSON, as text without NUL characters; what it cannot turn becomes its `str()`."""
    text = msgspec.json.encode(value, enc_hook=str).decode()
    if "\\u0000" in text:
        text = msgspec.json.encode(_without_nul(msgspec.json.decode(text))).decode()
    return text


def _without_nul(value: Any) -> Any:
    if isinstance(value, str):
        return plain_text(value)
    if isinstance(value, list):
        return [_without_nul(v) for v in value]
    if isinstance(value, dict):
        return {plain_text(k): _without_nul(v) for k, v in value.items()}
    return value
