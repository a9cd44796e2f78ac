"""`/livez`, `/readyz`, `/metrics`: for service managers, load balancers and Prometheus."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import trio
from starlette.responses import Response

from drena.engine.outages import PASSING
from drena.http.answers import json_answer
from drena.problems import Refused
from drena.store.web import ping

if TYPE_CHECKING:
    from drena.http.calls import Call

ANSWER_S: Final = 2.0
METRICS_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"


async def livez(call: Call) -> Response:  # noqa: ARG001, ASYNC124  # as every operation
    """`GET /livez`: this process answers."""
    return json_answer({"status": "ok", "checks": {}})


async def readyz(call: Call) -> Response:
    """`GET /readyz`: the database answers, the lease is fresh, the feed serves."""
    checks = {"database": await _database_answers(call), **call.house.signs()}
    ready = all(checks.values())
    return json_answer({"status": "ok" if ready else "unready", "checks": checks}, 200 if ready else 503)


async def metrics(call: Call) -> Response:
    """`GET /metrics`: for this machine, or for whoever has a service token that sees every tenant."""
    wanted = call.house.config.http.metrics
    if wanted == "off":
        raise Refused("not_found")
    if wanted == "loopback" and not call.direct:
        raise Refused("forbidden")
    if wanted == "token" and (call.principal.kind == "user" or call.principal.tenants is not None):
        raise Refused("forbidden")
    return Response(await call.house.metrics.render(), media_type=METRICS_TYPE)


async def _database_answers(call: Call) -> bool:
    with trio.move_on_after(ANSWER_S):
        try:
            await ping(call.house.pool)
        except PASSING:
            return False
        return True
    return False
