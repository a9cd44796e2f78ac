"""The API about itself: what a problem's code means, and the OpenAPI document."""

from __future__ import annotations

from typing import TYPE_CHECKING

import trio
from starlette.responses import PlainTextResponse, Response

from drena.http.answers import JSON, json_answer
from drena.problems import PROBLEMS, Refused

if TYPE_CHECKING:
    from collections.abc import Callable

    from drena.http.calls import Call


async def explain_problem(call: Call) -> Response:  # noqa: ASYNC124  # as every operation
    """`GET /problems/{code}`: JSON for programs, text for people who follow a problem's `type`."""
    code = call.request.path_params["code"]
    kind = PROBLEMS.get(code)
    if kind is None:
        raise Refused("not_found")
    if "application/json" in call.request.headers.get("accept", ""):
        told = {"code": code, "status": kind.status, "title": kind.title._asdict(), "detail": kind.detail._asdict()}
        return json_answer(told)
    lines = [f"{kind.status} {code}"]
    lines += [f"{title}\n{detail}" for title, detail in zip(kind.title, kind.detail, strict=True)]
    return PlainTextResponse("\n\n".join(lines) + "\n")


class Document:
    """The OpenAPI document, made when somebody first asks for it: it takes a twentieth of a start, and few ask.

    Args:
        make: encodes it; called in a thread.
    """

    def __init__(self, make: Callable[[], bytes]) -> None:
        self._make = make
        self._body: bytes | None = None

    async def serve(self, call: Call) -> Response:  # noqa: ARG002  # as every operation
        """`GET /v1/openapi.json`."""
        if self._body is None:
            self._body = await trio.to_thread.run_sync(self._make)
        return Response(self._body, media_type=JSON, headers={"Cache-Control": "no-cache"})
