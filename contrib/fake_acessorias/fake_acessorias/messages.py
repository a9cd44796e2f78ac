"""A request as the fake's decisions see it, and an answer as its sockets carry it out."""

from __future__ import annotations

import datetime as dt
from typing import Any, Final
from urllib.parse import parse_qsl, unquote

import msgspec

BRASILIA: Final = dt.timezone(dt.timedelta(hours=-3), "BRT")
"""The source's clock: Brazil has had no summer time since 2019."""


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """One HTTP request, read whole."""

    method: str
    target: str
    authorization: str = ""
    content_type: str = ""
    body: bytes = b""
    at_s: float = 0.0
    """Seconds since the fake started."""
    moment: dt.datetime = dt.datetime(2026, 9, 1, 12, tzinfo=BRASILIA)
    """The source's date and time."""
    loopback: bool = True
    """Whether the caller sits on this machine."""

    @property
    def path(self) -> str:
        """The path as sent, still percent-encoded."""
        return self.target.partition("?")[0]

    @property
    def query(self) -> str:
        """The query as sent."""
        return self.target.partition("?")[2]

    def parameters(self) -> dict[str, str]:
        """Return the query's parameters, the first of each name, flags as empty strings."""
        pairs = parse_qsl(self.query, keep_blank_values=True)
        return dict(reversed(pairs))

    def segments(self) -> tuple[str, ...]:
        """Return the path's parts, split before decoding."""
        return tuple(unquote(part) for part in self.path.strip("/").split("/") if part)

    def token(self) -> str:
        """Return the bearer token, or an empty string."""
        scheme, _, token = self.authorization.partition(" ")
        return token.strip() if scheme.lower() == "bearer" else ""


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """One HTTP answer and what is to go wrong while it is sent."""

    status: int = 200
    body: bytes = b""
    content_type: str = "application/json; charset=utf-8"
    headers: tuple[tuple[str, str], ...] = ()
    fault: str = ""
    """For the record: ``reset``, ``fail``, ``erro``, ``cut``, ``truncate``, ``limited``, ``silenced``, ``empty``."""
    delay_s: float = 0.0
    trickle_s: float = 0.0
    keep: float = 1.0
    """Share of the body to send before an answer with fault ``cut`` closes the connection."""


def json_answer(value: Any, status: int = 200) -> Answer:
    """Return a value as a JSON answer."""
    return Answer(status=status, body=msgspec.json.encode(value))


def html_answer(status: int, words: str) -> Answer:
    """Return the kind of page a proxy sends."""
    title = f"{status} {words}"
    page = f"<!DOCTYPE html><html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>"
    return Answer(status=status, body=page.encode(), content_type="text/html; charset=utf-8")


NO_CONTENT: Final = Answer(status=204)
