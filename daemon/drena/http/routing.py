"""From a path and a method to an operation; and what each operation needs before it runs: a principal, an allowance.

Everything an operation is stands in one value, so that the router, the OpenAPI document and the tests read the same.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal

import trio
from starlette.routing import Route, Router

from drena.http.allowances import Allowances
from drena.http.front import CALL
from drena.problems import Refused

if TYPE_CHECKING:
    from collections.abc import Iterable

    from starlette.responses import Response
    from starlette.types import Receive, Scope, Send

    from drena.config import Http
    from drena.http.calls import Call

CALL_LIMIT_S: Final = 15.0
"""An operation that the database keeps waiting for so long is given up. A long poll has its own time on top."""


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One thing that can be asked for."""

    method: Literal["GET", "POST", "PATCH"]
    path: str
    name: str
    """`operationId`."""
    summary: str
    tag: str
    handler: Callable[[Call], Awaitable[Response]]
    answers: Mapping[int, Any]
    """Status → the type of its JSON, or the media type of what is no JSON."""
    query: type | None = None
    body: type | None = None
    problems: tuple[str, ...] = ()
    """Those of its own; those of every operation are added."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Of the request, with what they are for."""
    public: bool = False
    """Needs no principal."""
    free: bool = False
    """Costs no allowance: who asks is a service manager or a browser that loads the page."""
    own_time_s: float = 0.0
    """How long it may wait for something to happen."""


class Gatekeeper:
    """Lets a call to its operation: principal first, then what is left of his allowance.

    A principal's requests are counted by who he is, wherever he comes from; what nobody answers for, by its address:
    requests without a token, with a wrong one, and for what is open to all.
    """

    def __init__(self, settings: Http) -> None:
        self._of_principals = Allowances(settings.requests_per_minute)
        self._of_addresses = Allowances(settings.anonymous_per_minute)

    async def admit(self, call: Call, operation: Operation) -> None:
        """Let in.

        Raises:
            Refused: `rate_limited`, and what `Gate.authenticate` raises.
        """
        if operation.free:
            return
        now_s = trio.current_time()
        if operation.public:
            self._spend(self._of_addresses.take(call.client, now_s))
            return
        self._spend(self._of_addresses.exhausted(call.client, now_s))
        try:
            call.enter(await call.house.gate.authenticate(_bearer(call), peer=call.client))
        except Refused as refused:
            if refused.status == 401:
                self._of_addresses.take(call.client, trio.current_time())
            raise
        self._spend(self._of_principals.take(call.principal.subject, trio.current_time()))

    def _spend(self, wait_s: int) -> None:
        if wait_s:
            raise Refused("rate_limited", retry_after_s=wait_s)


def _bearer(call: Call) -> str | None:
    scheme, _, token = call.request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


class _Place:
    """Everything that can be asked for at one path. An ASGI application, so that Starlette leaves methods to us."""

    def __init__(self, path: str, operations: Mapping[str, Operation], keeper: Gatekeeper) -> None:
        self._path = path
        self._operations = operations
        self._keeper = keeper
        self._allowed = ", ".join([*sorted(operations), *(["HEAD"] if "GET" in operations else [])])

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        call: Call = scope[CALL]
        call.request.scope["path_params"] = scope["path_params"]
        call.route = self._path
        operation = self._operations.get("GET" if scope["method"] == "HEAD" else scope["method"])
        if operation is None:
            raise Refused("method_not_allowed", allowed=self._allowed)
        with trio.fail_after(CALL_LIMIT_S + operation.own_time_s):
            await self._keeper.admit(call, operation)
            response = await operation.handler(call)
        await response(scope, receive, send)


async def _nowhere(_scope: Scope, _receive: Receive, _send: Send) -> None:  # noqa: ASYNC124  # as every operation
    raise Refused("not_found")


def make_router(operations: Iterable[Operation], keeper: Gatekeeper) -> Router:
    """The router of these operations."""
    places: dict[str, dict[str, Operation]] = defaultdict(dict)
    for operation in operations:
        places[operation.path][operation.method] = operation
    routes = [Route(path, _Place(path, found, keeper)) for path, found in places.items()]
    return Router(routes, redirect_slashes=False, default=_nowhere)
