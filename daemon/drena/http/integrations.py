"""Integrations over HTTP, and what there is around them: providers, nodes."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any
from uuid import UUID
from zoneinfo import available_timezones

import msgspec
from msgspec import UNSET

from drena import operations
from drena.http.answers import json_answer
from drena.http.jobs import page
from drena.http.shapes import IntegrationChange, IntegrationsQuery, StatsQuery
from drena.problems import Refused
from drena.store.steering import list_nodes
from drena.store.web import integration_days

if TYPE_CHECKING:
    from starlette.responses import Response

    from drena.http.calls import Call


@cache
def _timezones() -> set[str]:
    """Reading the folders of all zones takes a while; they do not change while we run."""
    return available_timezones()


async def list_integrations(call: Call) -> Response:
    """`GET /v1/integrations`."""
    query = call.query(IntegrationsQuery)
    return page(
        await operations.list_integrations(
            call.house.pool, call.principal, tenant_id=query.tenant_id, limit=query.limit, cursor=query.cursor
        )
    )


async def get_integration(call: Call) -> Response:
    """`GET /v1/integrations/{integration_id}`."""
    integration_id = call.id_of("integration_id", "integration_not_found")
    return json_answer(await operations.get_integration(call.house.pool, call.principal, integration_id))


async def change_integration(call: Call) -> Response:
    """`PATCH /v1/integrations/{integration_id}`."""
    integration_id = call.id_of("integration_id", "integration_not_found")
    change = await call.body(IntegrationChange)
    wanted: dict[str, Any] = {}
    if change.is_enabled is not UNSET:
        wanted["enabled"] = change.is_enabled
    if change.paused is not UNSET:
        wanted["paused"] = change.paused
    if change.schedule is not UNSET:
        wanted["schedule"] = None if change.schedule is None else msgspec.structs.asdict(change.schedule)
    return json_answer(await operations.change_integration(call.house.pool, call.principal, integration_id, **wanted))


async def integration_stats(call: Call) -> Response:
    """`GET /v1/integrations/{integration_id}/stats`."""
    integration_id = call.id_of("integration_id", "integration_not_found")
    query = call.query(StatsQuery)
    if query.timezone not in _timezones():
        raise Refused("parameter_invalid", field="timezone", reason="IANA")
    integration = await operations.get_integration(call.house.pool, call.principal, integration_id)
    tenant_id, provider = UUID(integration["tenant_id"]), integration["provider_slug"]
    days = await integration_days(call.house.pool, tenant_id, provider, query.days, query.timezone)
    success, ended = sum(day.success for day in days), sum(day.success + day.error for day in days)
    timed = sum(day.timed for day in days)
    return json_answer(
        {
            "success_rate": round(success / ended, 4) if ended else None,
            "mean_time_ms": sum(day.time_ms for day in days) // timed if timed else None,
            "days": [{"day": day.day, "success": day.success, "error": day.error} for day in days],
        }
    )


async def list_providers(call: Call) -> Response:  # noqa: ASYNC124  # as every operation
    """`GET /v1/providers`."""
    known = call.house.host.providers
    items = [
        {"slug": slug, "name": known[slug].name, "category": known[slug].category, "version": known[slug].version}
        for slug in sorted(known)
    ]
    return json_answer({"items": items, "next_cursor": None})


async def list_all_nodes(call: Call) -> Response:
    """`GET /v1/nodes`. How busy they are is only for those who see every tenant."""
    sees_all = call.principal.tenants is None
    items = [
        {
            "id": node.id,
            "name": node.name,
            "version": node.version,
            "live": node.live,
            "started_at": node.started_at,
            "lease_left_s": round(node.lease_left_s, 1),
            "providers": node.providers,
            "running": node.running if sees_all else None,
            "max_jobs": node.max_jobs if sees_all else None,
        }
        for node in await list_nodes(call.house.pool)
    ]
    return json_answer({"items": items, "next_cursor": None})
