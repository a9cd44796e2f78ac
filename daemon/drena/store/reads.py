"""What commands and pages read, as plain values."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Any
from uuid import UUID

import msgspec

from drena.api import Tenant
from drena.errors import UsageError
from drena.store.queries import sql

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from asyncpg_trio import Record
    from drena.store.jobs import Executor


class JobView(msgspec.Struct, frozen=True, kw_only=True):
    """A job as people see it."""

    id: UUID
    tenant_id: UUID
    tenant: str
    """The tenant's slug; its id when there is no such tenant."""
    provider: str
    lane: str
    status: str
    progress: int
    progress_detail: dict[str, Any] | None
    attempts: int
    max_attempts: int
    rescues: int
    error_code: str | None
    error_message: str | None
    run_at: datetime
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    execution_time_ms: int | None
    result: Any
    paused: bool = False
    """It waits, and a pause holds it back."""

    @property
    def ended(self) -> bool:
        """It will never change its status again."""
        return self.status not in ("pending", "running")


class JobLine(msgspec.Struct, frozen=True, kw_only=True):
    """A line of a job's log."""

    attempt: int
    at: datetime
    level: str
    message: str
    fields: dict[str, Any]


async def find_tenant(on: Executor, name: str) -> Tenant:
    """The tenant with this slug or id.

    Raises:
        UsageError: there is none; the sentence names the nearest slug.
    """
    row = await on.fetchrow(sql("find_tenant"), name)
    if row is None:
        slugs = [r["slug"] for r in await on.fetch(sql("tenant_slugs"))]
        near = get_close_matches(name, slugs, n=1, cutoff=0.5)
        hint = f"; did you mean {near[0]!r}?" if near else f"; there are: {', '.join(slugs[:10]) or 'none yet'}."
        raise UsageError(f"There is no tenant with the slug or id {name!r}{hint}")
    return Tenant(id=row["id"], slug=row["slug"], name=row["name"])


async def list_jobs(
    on: Executor,
    *,
    tenant_id: UUID | None = None,
    provider: str | None = None,
    statuses: Sequence[str] | None = None,
    limit: int = 20,
) -> list[JobView]:
    """The newest jobs first."""
    rows = await on.fetch(sql("list_jobs"), tenant_id, provider, None if statuses is None else list(statuses), limit)
    return [_job(row) for row in rows]


async def get_job(on: Executor, job_id: UUID) -> JobView:
    """One job.

    Raises:
        UsageError: there is none with this id.
    """
    row = await on.fetchrow(sql("get_job"), job_id)
    if row is None:
        raise UsageError(f"There is no job {job_id}; `drena jobs` lists the newest ones.")
    return _job(row)


async def get_job_logs(on: Executor, job: JobView) -> list[JobLine]:
    """The job's log, oldest line first."""
    rows = await on.fetch(sql("get_job_logs"), job.tenant_id, job.id)
    return [JobLine(**{**row, "fields": msgspec.json.decode(row["fields"])}) for row in rows]


async def list_integrations(on: Executor, tenant_id: UUID | None = None) -> list[dict[str, Any]]:
    """Every integration with its last outcome and its active job."""
    return [dict(row) for row in await on.fetch(sql("list_integrations"), tenant_id)]


def _job(row: Record) -> JobView:
    values = dict(row)
    for name in ("progress_detail", "result"):
        values[name] = None if values[name] is None else msgspec.json.decode(values[name])
    return JobView(**values)
