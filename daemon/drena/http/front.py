"""What every request goes through before and after its operation: the outermost ASGI application.

In: a request id, the language, who the client is, whether a page of that origin may ask, whether we still answer. Out:
security and CORS headers, one line in the log with the request id, and a problem in place of whatever was raised.

This is one of the edges that catch every exception: behind it there is only the HTTP server, which knows no problems.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Final
from uuid import uuid4

import structlog
import trio
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import Response

from asyncpg_trio import exceptions as pg
from drena.engine.outages import PASSING, passes
from drena.http.answers import STATIC_HEADERS, problem_answer
from drena.http.bodies import Body
from drena.http.calls import Call
from drena.http.headers import is_loopback_host, is_own_origin, preferred_language, sane_request_id
from drena.problems import Refused
from drena.proxies import client_address, is_in, parse_networks

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from drena.http.calls import House

SAFE: Final = ("GET", "HEAD", "OPTIONS")
CORS_METHODS: Final = "GET, POST, PATCH, OPTIONS"
CORS_HEADERS: Final = "Authorization, Content-Type, Idempotency-Key, X-Request-Id, Accept-Language, If-None-Match"
CORS_EXPOSED: Final = "X-Request-Id, Retry-After, Location, Idempotency-Replayed, ETag"
FORWARDED: Final = ("x-forwarded-for", "forwarded", "x-real-ip", "via")
CALL: Final = "drena.call"
"""Under this name the call stands in the ASGI scope."""


class Front:
    """See the module.

    Args:
        inner: the router; it finds the `Call` in the scope.
        house: what calls are answered with.

    Raises:
        ConfigError: `http.trusted_proxies` holds something that is no network.
    """

    def __init__(self, inner: ASGIApp, house: House) -> None:
        self._inner = inner
        self._house = house
        self._proxies = parse_networks(house.config.http.trusted_proxies)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        body = Body(scope, receive)
        call = self._call(Request(scope, body.receive))
        began_s = trio.current_time()
        status = 0

        async def finish(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(raw=message["headers"])
                self._dress(call, headers)
                if not await body.finish():
                    headers["Connection"] = "close"
            await send(message)

        with structlog.contextvars.bound_contextvars(request_id=call.request_id):
            try:
                await self._answer(call, scope, body.receive, finish, lambda: status)
            finally:
                self._tell(call, status, trio.current_time() - began_s)

    def _call(self, request: Request) -> Call:
        headers, peer = request.headers, request.client.host if request.client else ""
        client = client_address(peer, ",".join(headers.getlist("x-forwarded-for")), self._proxies, local=True)
        proxied = peer == "" or is_in(peer, self._proxies)
        return Call(
            request=request,
            house=self._house,
            request_id=sane_request_id(headers.get("x-request-id", "")) or uuid4().hex,
            language=preferred_language(headers.get("accept-language", "")),
            client=client,
            direct=client == peer and not any(name in headers for name in FORWARDED),
            secure=request.url.scheme == "https" or (proxied and headers.get("x-forwarded-proto") == "https"),
        )

    async def _answer(self, call: Call, scope: Scope, receive: Receive, send: Send, status: Callable[[], int]) -> None:
        """Run the operation; turn what it raises into a problem, unless half an answer is out already."""
        try:
            if self._house.stopping.is_set():
                raise Refused("shutting_down")
            if (preflight := self._check_origin(call)) is not None:
                await preflight(scope, receive, send)
                return
            await self._inner({**scope, CALL: call}, receive, send)
            return
        except Refused as refused:
            raised = refused
        except (*PASSING, trio.TooSlowError) as error:
            if not isinstance(error, trio.TooSlowError) and not passes(error):
                raised = self._defect(call)
            else:
                self._house.log.warning("the database did not answer a request", error=type(error).__name__)
                raised = Refused("database_away")
        except pg.PostgresError as error:
            self._house.log.error("the database refused a request", error=f"{type(error).__name__}: {error}")
            raised = Refused("internal")
        except Exception:  # noqa: BLE001 - the edge
            raised = self._defect(call)
        if status():
            return
        answer = problem_answer(raised.problem(call.language), call.language, call.request_id)
        with suppress(OSError):
            await answer(scope, receive, send)

    def _defect(self, call: Call) -> Refused:
        self._house.log.exception(  # noqa: LOG004  # called while one is handled
            "a request ended in an error", path=call.request.url.path[:200]
        )
        return Refused("internal")

    def _check_origin(self, call: Call) -> Response | None:
        """Browsers say which page asks. One that may not changes nothing, even where no token is needed.

        Returns:
            The answer to a preflight; None for any other request.

        Raises:
            Refused: `origin_forbidden`.
        """
        headers, method = call.request.headers, call.request.method
        origin, host = headers.get("origin"), headers.get("host", "")
        if self._house.config.auth.mode == "open" and not is_loopback_host(host):
            raise Refused("origin_forbidden", origin=host[:200])
        if origin is None:
            return None
        allowed = self._allows(call, origin)
        preflight = method == "OPTIONS" and "access-control-request-method" in headers
        if not allowed and (preflight or method not in SAFE):
            raise Refused("origin_forbidden", origin=origin[:200])
        if not preflight:
            return None
        return Response(
            status_code=204,
            headers={
                "Access-Control-Allow-Methods": CORS_METHODS,
                "Access-Control-Allow-Headers": CORS_HEADERS,
                "Access-Control-Max-Age": "600",
            },
        )

    def _allows(self, call: Call, origin: str) -> bool:
        if origin in self._house.config.http.cors_origins:
            return True
        return is_own_origin(origin, call.request.headers.get("host", ""), secure=call.secure)

    def _dress(self, call: Call, headers: MutableHeaders) -> None:
        """Add what every answer carries."""
        headers["X-Request-Id"] = call.request_id
        headers.add_vary_header("Accept-Language, Origin")
        framing = () if "Content-Security-Policy" not in headers else ("X-Frame-Options",)  # the policy says it better
        for name, value in STATIC_HEADERS.items():
            if name not in framing:
                headers.setdefault(name, value)
        origin = Headers(scope=call.request.scope).get("origin")
        if origin is not None and origin in self._house.config.http.cors_origins:
            headers["Access-Control-Allow-Origin"] = origin
            headers["Access-Control-Expose-Headers"] = CORS_EXPOSED
        if self._house.stopping.is_set():
            headers["Connection"] = "close"

    def _tell(self, call: Call, status: int, took_s: float) -> None:
        """The line in the log. A query can hold what is nobody's business, so only the path is told."""
        log = self._house.log
        self._house.metrics.http_request(call.route, call.request.method, status, took_s)
        tell = log.warning if status >= 500 else log.debug if call.request.method in SAFE else log.info
        tell(
            "http request",
            method=call.request.method[:20],
            path=call.request.url.path[:200],
            status=status,
            ms=round(took_s * 1000, 1),
            client=call.client or "unix",
            subject=call.asker,
        )
