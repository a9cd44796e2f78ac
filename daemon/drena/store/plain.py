"""Text and JSON that PostgreSQL takes: it holds neither NUL nor lone surrogates, and outside systems send both."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable


def plain_text(text: str) -> str:
    """The text without NUL characters, and with `?` for lone surrogates."""
    return text.replace("\0", "").encode("utf-8", "replace").decode()


def plain_json(value: Any, *, foreign: Callable[[Any], Any] = str) -> str:
    """Any value msgspec can turn into JSON, as plain text.

    Args:
        foreign: what becomes of a thing that it cannot turn; by itself its `str()`.

    Raises:
        Exception: of a type nobody can foresee: it holds itself, has keys that are no texts, or `foreign` refuses it.
    """
    try:
        text = msgspec.json.encode(value, enc_hook=foreign).decode()
    except UnicodeEncodeError:
        text = "\\u0000"
    if "\\u0000" in text:
        text = msgspec.json.encode(_plain(msgspec.to_builtins(value, enc_hook=foreign))).decode()
    return text


def _plain(value: Any) -> Any:
    if isinstance(value, str):
        return plain_text(value)
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    if isinstance(value, dict):
        return {plain_text(k) if isinstance(k, str) else k: _plain(v) for k, v in value.items()}
    return value
