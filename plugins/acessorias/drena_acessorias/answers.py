"""What one answer of the API means. Pure: a status and a body in, a value or a verdict out.

Facts this rests on, all measured by public clients of the live service:

* JSON may arrive as ``text/html`` and HTML as an error page with any status, so the content type decides nothing.
* Business errors arrive as 200 with ``{"Erro": "…"}``; the key is also seen as `erro`, `error`, `msg`, `message`.
* 200 ``[]``, 204, 404 and 200 with `Erro` all stand for the end of a list, and all may be momentary: that is for
  `pages.py` to judge.
* Nobody recorded the bodies of 4xx and 5xx: they are never read.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final, Literal

import msgspec

from drena.api import GiveUp, RetryLater

ERROR_KEYS: Final = ("Erro", "erro", "error", "msg", "message")
COMPANY_KEYS: Final = frozenset({"ID", "Identificador"})
_TEXT_LIMIT: Final = 300
_BOM: Final = b"\xef\xbb\xbf"
_HTML: Final = re.compile(rb"\s*<[!a-zA-Z]")
_LIST: Final = msgspec.json.Decoder(list[msgspec.Raw])

Form = Literal["[]", "204", "404", "Erro"]


class Rows(msgspec.Struct, frozen=True):
    """At least one row of a list."""

    rows: list[Any]
    ids: list[Any]
    """What tells each of them from the others."""


class Nothing(msgspec.Struct, frozen=True):
    """No rows: the end of the list, or a momentary refusal that looks like it."""

    form: Form
    text: str = ""
    """The API's own words, of the form `Erro`."""


Read = Callable[[list[msgspec.Raw]], Rows | Nothing]


def classify(status: int, body: bytes, read: Read, *, retry_after: str | None = None) -> Rows | Nothing:
    """Tell rows from nothing, and both from trouble.

    Args:
        status: the HTTP status, after the retries that `Context.http` makes by itself.
        body: the whole body.
        read: makes rows of the JSON texts that the API listed, at least one: objects, unless the API misbehaves. Their
            syntax is checked, but nothing is built of them: most companies did not change, and building them would be
            more work than all that becomes of them.
        retry_after: the header of that name. Only a number of seconds is used: a date would set the server's clock
            against ours.

    Raises:
        GiveUp: the token is refused, or the request is and would be again.
        RetryLater: the API is out of order or out of patience, or its answer is cut or garbled.
    """
    if status == 204:
        return Nothing("204")
    if status == 404:
        return Nothing("404")
    if 200 <= status < 300:
        return _rows(body, read)
    raise _trouble(status, retry_after)


def _trouble(status: int, retry_after: str | None) -> GiveUp | RetryLater:
    if status == 401:
        return GiveUp(
            "token_invalid", "O Acessórias recusou o token (401): gere um novo e configure-o para este escritório."
        )
    if status == 403:
        return GiveUp(
            "token_forbidden",
            "O token do Acessórias não tem permissão para esta consulta (403): revise as permissões de quem o criou.",
        )
    if status == 429:
        return RetryLater(
            _seconds(retry_after), "O Acessórias pediu para esperar: limite de requisições (429).", code="rate_limited"
        )
    if status >= 500 or status in {408, 425}:
        return RetryLater(
            _seconds(retry_after),
            f"O Acessórias está fora do ar ou sobrecarregado (HTTP {status}).",
            code="provider_down",
        )
    return GiveUp(
        "request_refused",
        f"O Acessórias recusou a requisição (HTTP {status}): confira o endereço configurado para a integração.",
    )


def _seconds(retry_after: str | None) -> float | None:
    text = (retry_after or "").strip()
    return float(text) if text.isascii() and text.isdigit() and len(text) <= 6 else None


def _rows(body: bytes, read: Read) -> Rows | Nothing:
    try:
        listed = _listed(body.removeprefix(_BOM).decode())
        return listed if isinstance(listed, Nothing) else read(listed)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        if _HTML.match(body):
            raise RetryLater(
                None, "O Acessórias respondeu com uma página HTML em vez de dados.", code="answer_html"
            ) from error
        raise RetryLater(
            None, "A resposta do Acessórias veio cortada ou ilegível (JSON inválido).", code="answer_invalid"
        ) from error


def _listed(text: str) -> list[msgspec.Raw] | Nothing:
    if "\\u0000" in text:
        text = msgspec.json.encode(without_nul(msgspec.json.decode(text))).decode()
    if text.lstrip().startswith("["):
        rows = _LIST.decode(text)
        complaint = _complaint(msgspec.json.decode(rows[0])) if len(rows) == 1 else None
    else:
        rows, value = [msgspec.Raw(text)], msgspec.json.decode(text)
        complaint = _complaint(value)
        if complaint is None and not (isinstance(value, dict) and COMPANY_KEYS & value.keys()):
            raise RetryLater(None, "O Acessórias respondeu em um formato desconhecido.", code="answer_unknown")
    if complaint is not None:
        return Nothing("Erro", complaint)
    return rows or Nothing("[]")


def without_nul(value: Any) -> Any:
    """`value` without U+0000 in any text: PostgreSQL stores it neither as text nor in jsonb."""
    if isinstance(value, str):
        return value.replace("\0", "")
    if isinstance(value, list):
        return [without_nul(inner) for inner in value]
    if isinstance(value, dict):
        return {key.replace("\0", ""): without_nul(inner) for key, inner in value.items()}
    return value


def _complaint(value: Any) -> str | None:
    """The text of a business error; None when the value is none. A company with a field `msg` is still a company."""
    if not isinstance(value, dict) or COMPANY_KEYS & value.keys():
        return None
    for key in ERROR_KEYS:
        if key in value:
            text = value[key] if isinstance(value[key], str) else msgspec.json.encode(value[key]).decode()
            return " ".join(text.split())[:_TEXT_LIMIT]
    return None
