"""What one answer of the API means, and what a contact in it is. Pure.

Contacts come as ``{"data": []}``, as ``{"contacts": []}`` or as a list; their fields are called ``id`` or
``contactId``, ``name`` or ``nome``, ``phone``, ``telefone`` or ``number``. Nothing says how many there are.
"""

from __future__ import annotations

import re
from typing import Any, Final

import msgspec

from drena.api import GiveUp, RetryLater

_HTML: Final = re.compile(rb"\s*<[!a-zA-Z]")
_BOM: Final = b"\xef\xbb\xbf"
_LIST_KEYS: Final = ("data", "contacts")
_FEWEST_DIGITS: Final = 8


class Contact(msgspec.Struct, frozen=True, kw_only=True):
    """A contact, as far as it matters here."""

    id: str
    name: str
    phone: str | None
    """As it came; None when it cannot be a number to call."""


def contact(row: Any) -> Contact | None:
    """The contact in a row; None when it says neither which one it is, nor its name."""
    if not isinstance(row, dict):
        return None
    identity, name = _text(row, "id", "contactId"), _text(row, "name", "nome")
    if not identity or not name:
        return None
    phone = _text(row, "phone", "telefone", "number")
    dialled = sum(character.isdigit() for character in phone) >= _FEWEST_DIGITS
    return Contact(id=identity, name=name, phone=phone if dialled else None)


def _text(row: dict[str, Any], *keys: str) -> str:
    """The first of these keys that holds a text or a whole number."""
    for key in keys:
        value = row.get(key)
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
        if isinstance(value, str) and value.strip():
            return value.replace("\0", "").strip()
    return ""


def rows_of(status: int, body: bytes, *, retry_after: str | None = None) -> list[Any]:
    """The rows of a page; none at the end of the list, or when the API has its reasons.

    Raises:
        GiveUp: the token or the request is refused.
        RetryLater: the API is out of order or out of patience, or its answer is cut or garbled.
    """
    if status == 204:
        return []
    if not 200 <= status < 300:
        raise _trouble(status, retry_after)
    value = _decode(body)
    if isinstance(value, dict):
        value = next((value[key] for key in _LIST_KEYS if isinstance(value.get(key), list)), None)
    if not isinstance(value, list):
        raise RetryLater(None, "O OneCode respondeu em um formato desconhecido.", code="answer_unknown")
    return value


def _trouble(status: int, retry_after: str | None) -> GiveUp | RetryLater:
    if status in {401, 403}:
        return GiveUp(
            "token_invalid", f"O OneCode recusou o token ({status}): gere um novo e configure-o para este escritório."
        )
    text = (retry_after or "").strip()
    after_s = float(text) if text.isascii() and text.isdigit() and len(text) <= 6 else None
    if status == 429:
        return RetryLater(after_s, "O OneCode pediu para esperar: limite de requisições (429).", code="rate_limited")
    if status >= 500 or status in {408, 425}:
        reason = f"O OneCode está fora do ar ou sobrecarregado (HTTP {status})."
        return RetryLater(after_s, reason, code="provider_down")
    return GiveUp(
        "request_refused",
        f"O OneCode recusou a requisição (HTTP {status}): confira o endereço (base_url) da integração.",
    )


def _decode(body: bytes) -> Any:
    try:
        return msgspec.json.decode(body.removeprefix(_BOM))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        if _HTML.match(body):
            raise RetryLater(
                None, "O OneCode respondeu com uma página HTML em vez de dados.", code="answer_html"
            ) from error
        raise RetryLater(
            None, "A resposta do OneCode veio cortada ou ilegível (JSON inválido).", code="answer_invalid"
        ) from error
