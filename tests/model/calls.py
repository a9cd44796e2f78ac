"""The queue's calls on the real database, through the named queries; each returns what the model needs to judge it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

from drena.store.jobs import Finish, finish_attempts
from drena.store.queries import sql
from model.plain_queue import POISON, TENANT_CAP, Job, State

if TYPE_CHECKING:
    from asyncpg_trio import Connection

PROVIDER = "acessorias"
NOWHERE = UUID(int=0)
OLD = "interval '2 hours'"
LEASE_S = 3600.0

READ_JOBS = """
select id, tenant_id, lane, status, lease_token, attempts, rescues, rescues_outlived, node_id,
       cancel_requested_at is not null as cancel, coalesce((checkpoint ->> 'page')::integer, 0) as page
from integration_jobs
"""


async def read_state(conn: Connection) -> State:
    """The queue as it is."""
    rows = await conn.fetch(READ_JOBS)
    nodes = await conn.fetch("select id, lease_until > now() from drena.nodes")
    jobs = {}
    for row in rows:
        ident, tenant, lane, status, token, attempts, rescues, outlived, node, cancel, page = row
        vouched = status == "running"  # whose the job was once is nobody's business
        jobs[ident] = Job(
            tenant, lane, status, token, attempts, rescues, outlived, node if vouched else None, cancel, page
        )
    return State(jobs, dict(map(tuple, nodes)))


async def join(conn: Connection, node: UUID) -> None:
    await conn.execute(sql("join_node"), node, "model", "0", [PROVIDER], LEASE_S, 10, TENANT_CAP, "{}")


async def request(conn: Connection, tenant: UUID, lane: str) -> tuple[str, UUID, UUID | None]:
    row = await conn.fetchrow(
        "select outcome, (job).id, healed_job_id from drena.request_job($1, $2, $3)", tenant, PROVIDER, lane
    )
    return tuple(row)


async def claim(conn: Connection, node: UUID) -> dict[UUID, int]:
    await conn.execute(sql("gate_claims"))
    rows = await conn.fetch(sql("claim_jobs"), node, [PROVIDER], 10, TENANT_CAP, NOWHERE, 50, [10])
    return {row["id"]: row["lease_token"] for row in rows if row["id"] is not None}


async def finish(conn: Connection, job: UUID, token: int, status: str) -> bool:
    event = "attempt.retry" if status == "pending" else "attempt.finished"
    verdict = Finish(
        job_id=job,
        token=token,
        status=status,
        code=None if status == "success" else "model",
        message=None,
        result=None,
        delay_s=0.0,
        counted=True,
        level="info",
        line="attempt ended",
        fields=json.dumps({"event": event, "status": status}),
    )
    return job in await finish_attempts(conn, [verdict])


async def checkpoint(conn: Connection, job: UUID, token: int, page: int) -> bool:
    if await conn.fetchval(sql("hold_job"), job, token) is None:
        return False
    await conn.execute(sql("save_checkpoint"), job, json.dumps({"page": page}))
    return True


async def cancel(conn: Connection, job: UUID) -> str:
    return await conn.fetchval("select outcome from drena.cancel_job($1)", job)


async def renew(conn: Connection, node: UUID) -> bool:
    return bool(await conn.fetchval(sql("renew_lease"), node, LEASE_S, 0, 0))


async def expire(conn: Connection, node: UUID) -> None:
    await conn.execute("update drena.nodes set lease_until = now() - interval '1 second' where id = $1", node)


async def rescue(conn: Connection, rescuer: UUID) -> tuple[frozenset[UUID], frozenset[UUID]]:
    before = {row["id"] for row in await conn.fetch("select id from drena.nodes")}
    rows = await conn.fetch(sql("rescue_jobs"), rescuer, 0.0, POISON)
    after = {row["id"] for row in await conn.fetch("select id from drena.nodes")}
    return frozenset(row["id"] for row in rows), frozenset(before - after)


async def release(conn: Connection, node: UUID) -> frozenset[UUID]:
    await conn.execute(sql("leave_node"), node)  # first, as the engine does it: it waits for a claim under way
    rows = await conn.fetch(sql("release_jobs"), node, "model", None)
    return frozenset(row["id"] for row in rows)


async def heal(conn: Connection) -> frozenset[UUID]:
    return frozenset(row["job_id"] for row in await conn.fetch(sql("heal_jobs")))


async def age(conn: Connection, job: UUID) -> None:
    await conn.execute(
        f"update integration_jobs set created_at = created_at - {OLD}, run_at = run_at - {OLD}, "
        f"started_at = started_at - {OLD}, lease_kept_at = lease_kept_at - {OLD} "
        "where id = $1 and (status = 'pending' or status = 'running' and node_id is null)",
        job,
    )


async def old_start(conn: Connection, job: UUID) -> bool:
    query = """
    update integration_jobs set status = 'running', started_at = now(), lease_kept_at = null
    where id = $1 and status = 'pending' returning true
    """
    return bool(await conn.fetchval(query, job))


async def start_anew(conn: Connection, tenants: list[UUID]) -> None:
    """An empty queue; the migrations look as if they were applied long ago."""
    await conn.execute("truncate integration_jobs, integration_logs, sync_jobs, drena.job_logs, drena.nodes cascade")
    await conn.execute("update drena.migrations set applied_at = now() - interval '30 days'")
    await conn.execute("update tenant_integrations set last_status = null")
    if not tenants:
        for slug in ("contmax", "solaris"):
            office = uuid4()
            await conn.execute("insert into organizacoes (id, nome, slug) values ($1, $2, $2)", office, slug)
            await conn.execute(
                "insert into tenant_integrations (tenant_id, provider) values ($1, $2)", office, PROVIDER
            )
            tenants.append(office)


def name_of(step: Any) -> Any:
    """The call behind a step of the model: they carry the same name."""
    return globals()[step.__name__]
