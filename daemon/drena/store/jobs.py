"""The queue's statements as typed calls. Each takes the connection or pool it runs on."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol
from uuid import UUID

import msgspec

from drena import api
from drena.store.queries import sql

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from asyncpg_trio import Pool, Record


class Executor(Protocol):
    """A connection or a pool."""

    async def fetch(self, query: str, /, *args: Any) -> list[Record]: ...
    async def fetchrow(self, query: str, /, *args: Any) -> Record | None: ...
    async def execute(self, query: str, /, *args: Any) -> str: ...


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """A job this node holds, with what its attempt needs to know."""

    job: api.Job
    token: int
    checkpoint: Any
    tenant: api.Tenant | None
    """None when no such tenant exists."""
    enabled: bool | None
    """None when the tenant has no such integration."""
    base_url: str | None
    config: bytes
    """`tenant_integrations.config` as JSON."""


class Claims(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to one claim."""

    jobs: list[Claim]
    walk_on_from: UUID | None
    """Set when the walk stopped before the last tenant: claim again from here."""
    at: datetime
    """By the database's clock: what became due later it has not seen."""


class Finish(msgspec.Struct, frozen=True, kw_only=True):
    """One row of `finish_attempts`."""

    job_id: UUID
    token: int
    status: str
    code: str | None
    message: str | None
    result: str | None
    delay_s: float
    counted: bool
    level: str
    line: str
    fields: str


class Requested(msgspec.Struct, frozen=True, kw_only=True):
    """The answer of `drena.request_job`."""

    outcome: str
    """`created`, `active`, `integration_not_found` or `integration_disabled`."""
    healed_job_id: UUID | None
    job: dict[str, Any] | None
    """The whole row, as JSON values."""


NOWHERE = UUID(int=0)


async def claim_jobs(
    pool: Pool,
    *,
    node: UUID,
    providers: Mapping[str, int],
    room: int,
    tenant_cap: int,
    start: UUID = NOWHERE,
    walk: int = 500,
) -> Claims:
    """Claim due jobs over all tenants. Cancelled, it claims nothing, or jobs that the end of the lease releases.

    Args:
        pool: where.
        node: whose lease vouches for them.
        providers: the providers this node offers, each with how many more of its jobs may start.
        room: how many more jobs may start in all.
        tenant_cap: how many jobs of one tenant may run at once, over all nodes.
        start: walk the tenants after this one.
        walk: how many groups of lanes (tenant, provider, priority) to look at.
    """
    async with pool.acquire() as conn, conn.transaction():
        await conn.execute(sql("gate_claims"))
        rows = await conn.fetch(
            sql("claim_jobs"), node, list(providers), room, tenant_cap, start, walk, list(providers.values())
        )
    jobs = [_claim(row) for row in rows if row["id"] is not None]
    return Claims(jobs=jobs, walk_on_from=rows[0]["walk_on_from"], at=rows[0]["at"])


def _claim(row: Record) -> Claim:
    return Claim(
        job=api.Job(
            id=row["id"],
            tenant_id=row["tenant_id"],
            provider_slug=row["provider_slug"],
            lane=row["lane"],
            attempt=row["attempts"],
            max_attempts=row["max_attempts"],
            payload=msgspec.json.decode(row["payload"]),
        ),
        token=row["lease_token"],
        checkpoint=None if row["checkpoint"] is None else msgspec.json.decode(row["checkpoint"]),
        tenant=None
        if row["tenant_slug"] is None
        else api.Tenant(id=row["tenant_id"], slug=row["tenant_slug"], name=row["tenant_name"]),
        enabled=row["is_enabled"],
        base_url=row["base_url"],
        config=(row["config"] or "{}").encode(),
    )


class Outlook(msgspec.Struct, frozen=True, kw_only=True):
    """The answer of `look_ahead`."""

    due: bool
    """A pending job is due now."""
    missed: bool
    """One has become due since the last claim."""
    next_s: float | None
    """Seconds until the next one that is not; None when there is none."""
    cancels: list[UUID]
    """Jobs this node runs that somebody wants cancelled."""
    dead_nodes: bool
    """Some node's lease has run out."""
    strays: list[UUID]
    """Jobs that run in this node's name though it does not have them in hand."""


async def look_ahead(
    on: Executor, node: UUID, in_hand: Collection[UUID] = (), claimed_at: datetime | None = None
) -> Outlook:
    """What there is to do for this node, in one cheap query."""
    row = await on.fetchrow(sql("look_ahead"), node, list(in_hand), claimed_at)
    assert row is not None
    return Outlook(**row)


async def finish_attempts(on: Executor, finishes: Sequence[Finish]) -> set[UUID]:
    """Write a batch of verdicts; returns the jobs that were still their attempt's."""
    columns = zip(*(msgspec.structs.astuple(f) for f in finishes), strict=True)
    rows = await on.fetch(sql("finish_attempts"), *(list(c) for c in columns))
    return {row["id"] for row in rows}


async def request_job(
    on: Executor,
    tenant_id: UUID,
    provider: str,
    *,
    lane: str = "",
    payload: dict[str, Any] | None = None,
    created_by: UUID | None = None,
    priority: int = 0,
    max_attempts: int | None = None,
) -> Requested:
    """Ask for a job; see `drena.request_job` in the migrations for the outcomes."""
    row = await on.fetchrow(
        sql("request_job"),
        tenant_id,
        provider,
        lane,
        msgspec.json.encode(payload or {}).decode(),
        created_by,
        priority,
        max_attempts,
    )
    assert row is not None
    job = None if row["job"] is None else msgspec.json.decode(row["job"])
    return Requested(outcome=row["outcome"], healed_job_id=row["healed_job_id"], job=job)


async def save_attempts(on: Executor, max_attempts: Mapping[str, int]) -> None:
    """Let `drena.request_job` give each provider's jobs as many attempts as its plugin asks for."""
    for slug, attempts in max_attempts.items():
        await on.execute(sql("save_setting"), f"providers.{slug}.max_attempts", str(attempts))
