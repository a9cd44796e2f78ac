"""The outside system of a test: scripted answers in place of the network.

A `Conversation` is an httpx2 transport. Drena's own client sits on top of it, with its pace, its retries, its limits
and its reading of bodies, so a provider under test speaks to it exactly as it speaks to the network.
"""

from __future__ import annotations

import base64
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Self

import httpx2
import msgspec
import trio

from drena.testing.tape import Exchange, read_tape

__all__ = ["Answer", "Conversation", "Seen", "UnexpectedRequest"]

Answer = Callable[[httpx2.Request], httpx2.Response]
"""Makes the answer to a request; it may raise one of httpx2's transport errors."""

_SHOWN: Final = 8


class UnexpectedRequest(AssertionError):
    """The provider asked for something the conversation has no answer for."""


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """A request that arrived."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes

    def __str__(self) -> str:
        query = "&".join(f"{name}={value}" for name, value in self.query.items())
        return f"{self.method} {self.path}" + (f"?{query}" if query else "")


class _Scripted:
    def __init__(
        self, method: str, path: str | re.Pattern[str], query: Mapping[str, str | None], answer: Answer
    ) -> None:
        self.method, self.path, self.query, self.answer = method, path, query, answer

    def fits(self, seen: Seen) -> bool:
        path = self.path
        return (
            self.method == seen.method
            and (path == seen.path if isinstance(path, str) else path.fullmatch(seen.path) is not None)
            and all(seen.query.get(name) == value for name, value in self.query.items())
        )

    def __str__(self) -> str:
        path = self.path if isinstance(self.path, str) else self.path.pattern
        query = "&".join(f"{name}={value}" if value is not None else f"no {name}" for name, value in self.query.items())
        return f"{self.method} {path}" + (f"?{query}" if query else "")


class Conversation(httpx2.AsyncBaseTransport):
    """Answers by script; remembers what was asked.

        conversation = Conversation()
        conversation.answer("GET", "/customers", query={"page": 1}, json=[{"id": 1}])
        conversation.answer("GET", "/customers", query={"page": 2}, json=[])

    Several answers to the same request are given one after another; the last one is given again from then on. Of
    answers that fit, those count that name the most of its query: the first page of a list that goes on from a cursor
    needs no word about the cursor. A request that nothing fits raises `UnexpectedRequest`, and `run_once` raises it
    again after the attempt.
    """

    def __init__(self) -> None:
        self.requests: list[Seen] = []
        """Every request, retries by `Context.http` included, in order."""
        self.unexpected: list[str] = []
        self._script: list[_Scripted] = []
        self._given: Counter[tuple[int, ...]] = Counter()
        self._over: Callable[[int, Seen, Answer], Answer] | None = None

    def answer(
        self,
        method: str,
        path: str | re.Pattern[str],
        *,
        query: Mapping[str, Any] | None = None,
        status: int = 200,
        json: Any = None,
        body: bytes | str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Self:
        """Script one answer.

        Args:
            method: as `GET`.
            path: the whole path, or a pattern for it.
            query: parameters that must be there with these values, or must not be there where the value is None; others
                do not matter.
            status: of the answer.
            json: its body as a value.
            body: its body as it is, in place of `json`.
            headers: of the answer.
        """
        content = msgspec.json.encode(json) if body is None else body
        sent = {"content-type": "application/json", **(headers or {})}

        def answer(_: httpx2.Request) -> httpx2.Response:
            return httpx2.Response(status, content=content, headers=sent)

        return self.answer_with(method, path, answer, query=query)

    def answer_with(
        self, method: str, path: str | re.Pattern[str], answer: Answer, *, query: Mapping[str, Any] | None = None
    ) -> Self:
        """Script an answer that depends on the request; arguments as for `answer`."""
        wanted = {name: None if value is None else str(value) for name, value in (query or {}).items()}
        self._script.append(_Scripted(method.upper(), path, wanted, answer))
        return self

    def override(self, change: Callable[[int, Seen, Answer], Answer] | None) -> Self:
        """Put something over the script, as a storm of 429.

        Args:
            change: given the number of the request (1 for the first), the request and the scripted answer; returns the
                answer to give. None takes it away.
        """
        self._over = change
        return self

    @classmethod
    def replay(cls, file: Path | str) -> Self:
        """The conversation that `Recording` wrote to a file."""
        conversation = cls()
        for each in read_tape(Path(file)):
            conversation.answer_with(each.method, each.path, _answer_of(each), query=each.query)
        return conversation

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Give the answer; the body of the request is read whole."""
        seen = Seen(
            method=request.method,
            path=request.url.path,
            query=dict(request.url.params),
            headers={name.lower(): value for name, value in request.headers.items()},
            body=await request.aread(),
        )
        await trio.lowlevel.checkpoint()
        self.requests.append(seen)
        answer = self._find(seen)
        if self._over is not None:
            answer = self._over(len(self.requests), seen, answer)
        return answer(request)

    def _find(self, seen: Seen) -> Answer:
        named = {place: len(each.query) for place, each in enumerate(self._script) if each.fits(seen)}
        if not named:
            self.unexpected.append(self._complaint(seen))
            raise UnexpectedRequest(self.unexpected[-1])
        most = max(named.values())
        fitting = tuple(place for place, count in named.items() if count == most)
        given = self._given[fitting]
        self._given[fitting] += 1
        return self._script[fitting[min(given, len(fitting) - 1)]].answer

    def _complaint(self, seen: Seen) -> str:
        near: Sequence[_Scripted] = [each for each in self._script if each.path == seen.path] or self._script
        known = "; ".join(str(each) for each in near[:_SHOWN]) or "nothing at all"
        return f"the provider asked {seen}, and the conversation has no answer to that; it has answers to: {known}"


def _answer_of(each: Exchange) -> Answer:
    content = each.body.encode() if each.encoding == "text" else base64.b64decode(each.body)

    def answer(_: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(each.status, content=content, headers=dict(each.headers))

    return answer
