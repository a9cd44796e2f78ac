"""Answers: JSON, problems, and how much of either a client may be told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec
from starlette.responses import Response

from drena.problems import as_json, problem

if TYPE_CHECKING:
    from collections.abc import Mapping

    from drena.problems import Language, Problem

JSON: Final = "application/json"
PROBLEM: Final = "application/problem+json"

REFUSALS: Final = {
    400: "request_invalid",
    408: "request_timeout",
    413: "body_too_large",
    431: "headers_too_large",
    501: "transfer_coding_unsupported",
    505: "http_version_unsupported",
}
"""What the server itself refuses, before there is a request."""

STATIC_HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
"""On every answer that says nothing else of them."""


def json_answer(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A value as JSON."""
    return Response(msgspec.json.encode(value), status, dict(headers or {}), media_type=JSON)


def problem_answer(told: Problem, lang: Language, request_id: str) -> Response:
    """A problem as RFC 9457 wants it, with the headers that go with its status."""
    headers = {"Content-Language": "pt-BR" if lang == "pt" else "en"}
    if (wait_s := told.extensions.get("retry_after_s")) is not None:
        headers["Retry-After"] = str(wait_s)
    elif told.status == 503:
        headers["Retry-After"] = "2"
    if told.status == 401:
        error = "" if told.code == "unauthenticated" else ', error="invalid_token"'
        headers["WWW-Authenticate"] = f'Bearer realm="drena"{error}'
    if told.status == 405:
        headers["Allow"] = told.extensions["allowed"]
    body = msgspec.json.encode(as_json(told, request_id))
    return Response(body, told.status, headers, media_type=PROBLEM)


def refusal(status: int, *, head_bytes: int) -> tuple[list[tuple[bytes, bytes]], bytes]:
    """The answer to what is no request we could read: nobody's language is known, so it is in both.

    Args:
        status: what h11 or the connection found.
        head_bytes: how large a head may be.
    """
    code = REFUSALS.get(status, "request_invalid")
    pt, en = (
        problem(code, lang=lang, **({"limit_bytes": head_bytes} if status == 431 else {})) for lang in ("pt", "en")
    )
    told = as_json(pt) | {"status": status, "title": f"{pt.title} / {en.title}", "detail": f"{pt.detail} / {en.detail}"}
    headers = {**STATIC_HEADERS, "Content-Type": PROBLEM}
    return [(name.lower().encode(), value.encode()) for name, value in headers.items()], msgspec.json.encode(told)
