"""Jobs and integrations as clients see them, read and changed: the statements behind `drena.operations`.

A view is the dict that `drena.job_view` and `drena.integration_view` make, the same for the feed, HTTP and the page.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple
from uuid import UUID

import msgspec

from drena.store.queries import sql

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from drena.store.jobs import Executor

View = dict[str, Any]


class Outcome(NamedTuple):
    """What the database said to a request."""

    outcome: str
    healed_job_id: UUID | None
    job: View | None


class Outlook(NamedTuple):
    """What would become of a request."""

    enabled: bool | None
    """None: there is no such integration."""
    offered: bool
    """A live node has the provider."""


class JobPlace(NamedTuple):
    """Where a page of jobs ended."""

    created_at: Annotated[datetime, msgspec.Meta(tz=True)]
    id: UUID


class IntegrationPlace(NamedTuple):
    """Where a page of integrations ended."""

    tenant_id: UUID
    provider: str


def _view(text: str | None) -> View | None:
    return None if text is None else msgspec.json.decode(text, type=View)


async def run_for(
    on: Executor, tenant: UUID, provider: str, lane: str, payload: str, created_by: UUID | None
) -> Outcome:
    """Ask for a job; `drena.request_job` tells the outcomes."""
    row = await on.fetchrow(sql("run_for"), tenant, provider, lane, payload, created_by)
    assert row is not None
    return Outcome(row["outcome"], row["healed_job_id"], _view(row["job"]))


async def retry_for(on: Executor, job_id: UUID, by: UUID | None) -> Outcome:
    """Ask for a job again; `drena.retry_job` tells the outcomes."""
    row = await on.fetchrow(sql("retry_for"), job_id, by)
    assert row is not None
    return Outcome(row["outcome"], row["healed_job_id"], _view(row["job"]))


async def cancel_for(on: Executor, job_id: UUID, by: UUID | None) -> Outcome:
    """Ask for the end of a job; `drena.cancel_job` tells the outcomes."""
    row = await on.fetchrow(sql("cancel_for"), job_id, by)
    assert row is not None
    return Outcome(row["outcome"], None, _view(row["job"]))


async def read_outlook(on: Executor, tenant: UUID, provider: str) -> Outlook:
    """Whether a request could come to anything."""
    row = await on.fetchrow(sql("provider_outlook"), tenant, provider)
    assert row is not None
    return Outlook(row["enabled"], row["offered"])


async def read_job(on: Executor, job_id: UUID) -> View | None:
    """One job, whoever asks."""
    row = await on.fetchrow(sql("job_view"), job_id)
    return None if row is None else _view(row["job"])


async def read_jobs(
    on: Executor,
    *,
    tenants: Collection[UUID] | None,
    provider: str | None,
    statuses: Collection[str] | None,
    after: JobPlace | None,
    limit: int,
) -> list[tuple[View, JobPlace]]:
    """A page of jobs, the newest first, each with its place."""
    created_at, job_id = after or (None, None)
    wanted = None if statuses is None else list(statuses)
    rows = await on.fetch(sql("job_views"), _listed(tenants), provider, wanted, created_at, job_id, limit)
    return [(_view(row["job"]) or {}, JobPlace(row["created_at"], row["id"])) for row in rows]


async def read_lines(on: Executor, tenant: UUID, job_id: UUID, after: int, limit: int) -> list[View]:
    """A page of a job's log."""
    rows = await on.fetch(sql("job_lines"), tenant, job_id, after, limit)
    return [{**row, "fields": msgspec.json.decode(row["fields"])} for row in rows]


async def read_integration(on: Executor, integration_id: UUID) -> View | None:
    """One integration, whoever asks."""
    row = await on.fetchrow(sql("integration_view"), integration_id)
    return None if row is None else _view(row["integration"])


async def read_integrations(
    on: Executor, *, tenants: Collection[UUID] | None, after: IntegrationPlace | None, limit: int
) -> list[tuple[View, IntegrationPlace]]:
    """A page of integrations, each with its place."""
    tenant, provider = after or (None, None)
    rows = await on.fetch(sql("integration_views"), _listed(tenants), tenant, provider, limit)
    return [(_view(row["integration"]) or {}, IntegrationPlace(row["tenant_id"], row["provider"])) for row in rows]


async def enable_integration(on: Executor, integration_id: UUID, enabled: bool) -> None:
    """Let an integration be run, or not; what runs goes on."""
    await on.execute(sql("enable_integration"), integration_id, enabled)


def _listed(tenants: Collection[UUID] | None) -> Sequence[UUID] | None:
    return None if tenants is None else list(tenants)
