"""The feed by long poll, for networks that block websockets.

A poll ends when there is news, after its time, when the client goes away, when the daemon stops, and when the asker
loses the right to see the tenant: each of them within moments.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import trio
from starlette.responses import Response

from drena.engine.outages import PASSING
from drena.http.answers import JSON
from drena.http.shapes import FeedQuery
from drena.problems import Refused

if TYPE_CHECKING:
    from uuid import UUID

    from drena.http.calls import Call


class _End:
    """Why a poll ended before its time."""

    code = ""


async def poll_feed(call: Call) -> Response:
    """`GET /v1/feed`."""
    query = call.query(FeedQuery)
    if not call.principal.may_see(query.tenant_id):
        raise Refused("forbidden")
    if query.epoch is not None and query.offset is None:
        raise Refused("parameter_invalid", field="offset", reason="epoch + offset")
    end = _End()
    frame: bytes | None = None
    async with call.house.gate.follow(call.principal) as changes, trio.open_nursery() as nursery:
        nursery.start_soon(_end_with_client, call, end, nursery.cancel_scope)
        nursery.start_soon(_end_with_daemon, call, end, nursery.cancel_scope)
        nursery.start_soon(_end_with_right, changes, query.tenant_id, end, nursery.cancel_scope)
        frame = await _ask(call, query, end)
        nursery.cancel_scope.cancel(reason="answered")
    if frame is None:
        raise Refused(end.code or "internal")
    return Response(frame, media_type=JSON)


async def _ask(call: Call, query: FeedQuery, end: _End) -> bytes | None:
    """The frame; what is refused travels by `end`, so that no group of errors wraps it."""
    try:
        return await call.house.polls.poll(
            query.tenant_id, query.epoch, query.offset, query.wait_s, query.progress_mark
        )
    except Refused as refused:
        end.code = refused.code
    except (*PASSING, trio.TooSlowError):
        end.code = "database_away"
    return None


async def _end_with_client(call: Call, end: _End, scope: trio.CancelScope) -> None:
    while (await call.request.receive())["type"] != "http.disconnect":
        pass
    end.code = "request_timeout"  # nobody reads it
    scope.cancel(reason="the client is gone")


async def _end_with_daemon(call: Call, end: _End, scope: trio.CancelScope) -> None:
    await call.house.stopping.wait()
    end.code = "shutting_down"
    scope.cancel(reason="shutting down")


async def _end_with_right(
    changes: trio.MemoryReceiveChannel[Any], tenant_id: UUID, end: _End, scope: trio.CancelScope
) -> None:
    code = "token_expired"
    async for principal in changes:
        if not principal.may_see(tenant_id):
            code = "forbidden"
            break
    end.code = code
    scope.cancel(reason="the right is gone")
