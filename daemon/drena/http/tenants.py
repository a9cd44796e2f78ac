"""Oneself, and the tenants one sees, over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from drena import tenants
from drena.http.answers import json_answer
from drena.http.shapes import CountsQuery, TenantsQuery

if TYPE_CHECKING:
    from collections.abc import Iterable

    from starlette.responses import Response

    from drena.access import Principal
    from drena.http.calls import Call
    from drena.store.web import TenantRow

TOLD_AT_ONCE: Final = 1000


async def who_am_i(call: Call) -> Response:
    """`GET /v1/me`."""
    me = call.principal
    found = await tenants.list_tenants(call.house.pool, me, limit=TOLD_AT_ONCE)
    return json_answer(
        {
            "subject": me.subject,
            "kind": me.kind,
            "expires_at": me.expires_at,
            "all_tenants": me.tenants is None,
            "tenants": _told(me, found.items),
            "next_cursor": found.next_cursor,
        }
    )


async def list_tenants(call: Call) -> Response:
    """`GET /v1/tenants`."""
    query = call.query(TenantsQuery)
    found = await tenants.list_tenants(
        call.house.pool,
        call.principal,
        search=query.search,
        state=query.state,
        limit=query.limit,
        cursor=query.cursor,
    )
    return json_answer({"items": _told(call.principal, found.items), "next_cursor": found.next_cursor})


async def count_integrations(call: Call) -> Response:
    """`GET /v1/counts`."""
    counts = await tenants.count(call.house.pool, call.principal, search=call.query(CountsQuery).search)
    return json_answer(counts._asdict())


def _told(me: Principal, found: Iterable[TenantRow]) -> list[dict[str, Any]]:
    return [{"id": t.id, "slug": t.slug, "name": t.name, "role": me.role_in(t.id)} for t in found]
