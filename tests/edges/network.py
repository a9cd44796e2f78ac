"""A fake network for the client of an attempt, and the client opened on it."""

from __future__ import annotations

from contextlib import asynccontextmanager
from datetime import UTC, datetime

import httpx2
import trio

from drena.outgoing import Clients, ClientSettings, Pace

URL = "http://api.example.com/companies/ListAll?Pagina=1&token=geheim"
WALL = datetime(2026, 11, 23, 20, 0, 0, tzinfo=UTC)


class Lines:
    """A `drena.api.Logger` that keeps its lines."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str, dict[str, object]]] = []

    def debug(self, message: str, **fields: object) -> None:
        self.lines.append(("debug", message, fields))

    def info(self, message: str, **fields: object) -> None:
        self.lines.append(("info", message, fields))

    warning = error = info


class Network(httpx2.AsyncBaseTransport):
    """Answers by a list: an answer, an exception, or a function of the request. The last one stays."""

    def __init__(self, *answers) -> None:
        self.answers = list(answers)
        self.times: list[float] = []
        self.requests: list[httpx2.Request] = []
        self.closed = False

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        self.times.append(trio.current_time())
        self.requests.append(request)
        answer = self.answers[0] if len(self.answers) == 1 else self.answers.pop(0)
        if isinstance(answer, BaseException):
            raise answer
        if isinstance(answer, httpx2.Response):
            return httpx2.Response(answer.status_code, headers=answer.headers, content=answer.content)
        return await answer(request)

    async def aclose(self) -> None:
        self.closed = True


class Body(httpx2.AsyncByteStream):
    """A body in pieces, which may end in an error, or never."""

    def __init__(self, *pieces) -> None:
        self.pieces = iter(pieces)
        self.closed = False

    def __aiter__(self):
        return self

    async def __anext__(self) -> bytes:
        await trio.lowlevel.checkpoint()
        piece = next(self.pieces, None)
        if piece is None:
            raise StopAsyncIteration
        if isinstance(piece, BaseException):
            raise piece
        return piece

    async def aclose(self) -> None:
        self.closed = True


def streaming(body: Body, **headers: str):
    async def answer(request: httpx2.Request) -> httpx2.Response:
        await trio.lowlevel.checkpoint()
        return httpx2.Response(200, headers=headers, stream=body)

    return answer


def answer(status: int = 200, content: bytes = b"[]", **headers: str) -> httpx2.Response:
    return httpx2.Response(status, content=content, headers={k.replace("_", "-"): v for k, v in headers.items()})


@asynccontextmanager
async def opened(network, *, pace: Pace | None = None, luck: float = 0.5, log=None, **settings):
    clients = Clients(transport=network, random=lambda: luck, wall=lambda: WALL)
    pace = pace or Pace(1e6)
    async with clients.open(pace=pace, log=log or Lines(), settings=ClientSettings(**settings)) as client:
        yield client()
