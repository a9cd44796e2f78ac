"""The transport between a plugin's client and the network: paces, repeats, reads whole, maps errors.

It wraps httpx2's own transport, below redirects and authentication, so each request that really goes out takes a turn
of its own. What it guarantees:

- No request is sent before its turn, nor during a pause, whoever shares the pace.
- A request is sent again only by the rules of `retries.py`; the last answer with a status is returned as it is.
- A body that was not asked for as a stream is read here, within the size limit after decompression, so that a body
  cut short counts as a failed try and not as an answer. A stream's errors are mapped but neither repeated nor limited.
- Whatever httpx2 raises leaves as `ProviderUnreachable` or `GiveUp`. Trio's `Cancelled` passes; a turn that was not
  used is given back, and no answer is left open.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from datetime import datetime, timedelta
from typing import Final

import httpx2
import trio

from drena.api import Logger

from .faults import Fault, fault_of, too_large, too_slow
from .pace import Pace
from .retries import PASSING, RETRY_EXTENSION, Random, RetryRules, may_repeat, next_wait_s, retry_after

STREAM_EXTENSION: Final = "drena.stream"
"""True on requests whose answer the caller reads itself."""
CLOSE_S: Final = 2.0
"""How long closing an answer or a pool may take, also under cancellation."""
REWRITTEN: Final = ("content-encoding", "content-length", "transfer-encoding")
"""Headers that no longer hold once a body has been decompressed."""

Outcome = httpx2.Response | Fault


class PacedTransport(httpx2.AsyncBaseTransport):
    """See the head of this file.

    Args:
        inner: sends one request once.
        pace: the credential's token bucket.
        rules: when to send again.
        log: told of each request at `debug`, for operators, and of each repetition at `info`, for the office.
        max_body_bytes: the size limit of answers, decompressed.
        by_proxy: whether `inner` uses a proxy; for the sentences only.
        clock: seconds, the clock of `trio.sleep`.
        wall: the wall clock, for a Retry-After that is a date.
        random: uniform in [0, 1).
    """

    def __init__(
        self,
        inner: httpx2.AsyncBaseTransport,
        *,
        pace: Pace,
        rules: RetryRules,
        log: Logger,
        max_body_bytes: int,
        by_proxy: bool,
        clock: Callable[[], float],
        wall: Callable[[], datetime],
        random: Random,
    ) -> None:
        self._inner = inner
        self._pace = pace
        self._rules = rules
        self._log = log
        self._max_body_bytes = max_body_bytes
        self._by_proxy = by_proxy
        self._clock = clock
        self._wall = wall
        self._random = random

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send a request until it has an answer worth returning.

        Raises:
            ProviderUnreachable: no try brought an answer.
            GiveUp: `request_invalid` or `answer_too_large`.
        """
        left_s, tries = self._rules.total_s, 0
        while True:
            epoch = await self._turn()
            tries += 1
            began = self._clock()
            outcome = await self._try(request, left_s)
            took_s = self._clock() - began
            left_s -= took_s
            self._note(request, outcome, took_s, tries)
            wait_s = self._learn(request, outcome, epoch, tries, left_s)
            if wait_s is None:
                if isinstance(outcome, Fault):
                    raise outcome.raised() from outcome.error
                if outcome.is_closed:  # read here: httpx2 would find no time on it
                    outcome.elapsed = timedelta(seconds=took_s)
                return outcome
            if isinstance(outcome, httpx2.Response):
                await _close(outcome)
            self._log.info("pedido repetido", host=request.url.host, reason=_reason(outcome), wait_s=round(wait_s, 3))
            await trio.sleep(wait_s)
            left_s -= wait_s

    async def aclose(self) -> None:
        await self._inner.aclose()

    async def _turn(self) -> int:
        """Wait for this request's turn.

        Returns:
            The pace's epoch the turn belongs to.
        """
        while True:
            now = self._clock()
            wait_s = self._pace.reserve(now)
            epoch = self._pace.epoch
            try:
                if wait_s:
                    await trio.sleep(wait_s)
                else:  # without a pass through the scheduler: the request makes enough of them
                    await trio.lowlevel.checkpoint_if_cancelled()
            except trio.Cancelled:
                self._pace.give_back(epoch, now + wait_s)
                raise
            if epoch == self._pace.epoch:
                return epoch

    async def _try(self, request: httpx2.Request, left_s: float) -> Outcome:
        """Send once and read the answer, within what is left of the time."""
        host = request.url.host
        try:
            with trio.move_on_after(left_s):
                response = await self._inner.handle_async_request(request)
                if request.extensions.get(STREAM_EXTENSION):
                    return self._streamed(response, host)
                return await self._whole(request, response)
        except httpx2.RequestError as error:
            return fault_of(error, host, by_proxy=self._by_proxy)
        return too_slow(host, self._rules.total_s)

    async def _whole(self, request: httpx2.Request, response: httpx2.Response) -> httpx2.Response:
        """The same answer with its body in memory, decompressed."""
        packed = request.method != "HEAD" and "content-encoding" in response.headers
        if not packed and _length(response) <= self._max_body_bytes:
            await response.aread()
            return response
        if self._max_body_bytes < _length(response) < float("inf") and request.method != "HEAD":
            await _close(response)
            raise too_large(request.url.host, self._max_body_bytes)
        body = bytearray()
        in_memory = response.is_stream_consumed  # as test transports make them
        async with aclosing(response.aiter_bytes() if packed or in_memory else response.aiter_raw()) as chunks:
            async for chunk in chunks:
                body += chunk
                if len(body) > self._max_body_bytes:
                    raise too_large(request.url.host, self._max_body_bytes)
        headers = response.headers
        if packed:
            for name in REWRITTEN:
                headers.pop(name, None)
        return httpx2.Response(
            response.status_code,
            headers=headers,
            stream=httpx2.ByteStream(bytes(body)),
            extensions=response.extensions,
        )

    def _streamed(self, response: httpx2.Response, host: str) -> httpx2.Response:
        assert isinstance(response.stream, httpx2.AsyncByteStream)
        stream = MappedStream(response.stream, host, by_proxy=self._by_proxy)
        return httpx2.Response(
            response.status_code, headers=response.headers, stream=stream, extensions=response.extensions
        )

    def _learn(self, request: httpx2.Request, outcome: Outcome, epoch: int, tries: int, left_s: float) -> float | None:
        """Tell the pace how it went, and decide whether to send again: the wait in seconds, None for no."""
        asked_s: float | None = None
        if isinstance(outcome, httpx2.Response):
            asked_s = self._pace_of(outcome, epoch)
        passing = outcome.passing if isinstance(outcome, Fault) else outcome.status_code in PASSING
        if not (passing and self._repeatable(request, outcome)):
            return None
        return next_wait_s(self._rules, tries, left_s, self._random, asked_s)

    def _pace_of(self, response: httpx2.Response, epoch: int) -> float | None:
        """Slower after 429, paused by Retry-After, a little faster after what went well."""
        status = response.status_code
        if status < 400 or status == 404:
            self._pace.good(epoch)
        if status not in PASSING:
            return None
        now = self._clock()
        if status == 429:
            self._pace.throttled(epoch, now, "429")
        asked_s = retry_after(response.headers.get("retry-after"), self._wall())
        if asked_s:
            self._pace.pause(now, asked_s)
        return asked_s

    @staticmethod
    def _repeatable(request: httpx2.Request, outcome: Outcome) -> bool:
        asked = request.extensions.get(RETRY_EXTENSION)
        if not isinstance(request.stream, httpx2.ByteStream) or asked is False:
            return False
        never_sent = isinstance(outcome, Fault) and not outcome.sent
        return never_sent or may_repeat(request.method, asked)

    def _note(self, request: httpx2.Request, outcome: Outcome, took_s: float, tries: int) -> None:
        self._log.debug(
            "request",
            method=request.method,
            host=request.url.host,
            path=request.url.path,
            status=outcome.status_code if isinstance(outcome, httpx2.Response) else None,
            reason=outcome.reason if isinstance(outcome, Fault) else None,
            took_ms=round(took_s * 1000, 1),
            tries=tries,
        )


class MappedStream(httpx2.AsyncByteStream):
    """A body that its reader pulls; the errors on the way are ours."""

    def __init__(self, inner: httpx2.AsyncByteStream, host: str, *, by_proxy: bool) -> None:
        self._inner = inner
        self._chunks = aiter(inner)
        self._host = host
        self._by_proxy = by_proxy

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        try:
            return await anext(self._chunks)
        except httpx2.RequestError as error:
            raise fault_of(error, self._host, by_proxy=self._by_proxy).raised() from error

    async def aclose(self) -> None:
        """Close within a bound, also under cancellation."""
        with trio.move_on_after(CLOSE_S, shield=True):
            if isinstance(self._chunks, AsyncGenerator):
                await self._chunks.aclose()
            await self._inner.aclose()


async def _close(response: httpx2.Response) -> None:
    """Close an answer within a bound; one that was read to its end is closed already."""
    if not response.is_closed:
        with trio.move_on_after(CLOSE_S, shield=True):
            await response.aclose()


def _length(response: httpx2.Response) -> float:
    """The size the answer says it has, which HTTP holds it to; infinite when it is not held to any."""
    given = response.headers.get("content-length", "")
    return int(given) if given.isdecimal() and "transfer-encoding" not in response.headers else float("inf")


def _reason(outcome: Outcome) -> str:
    return outcome.reason if isinstance(outcome, Fault) else f"HTTP {outcome.status_code}"
