"""Waiting for the database to come to something, instead of sleeping and hoping."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import trio

if TYPE_CHECKING:
    import asyncpg_trio

LOOK_EVERY_S = 0.02
WAIT_LIMIT_S = 30.0

JOBS = """
select id, tenant_id, provider_slug, lane, status, attempts, rescues, error_code, error_message, lease_token, node_id,
       run_at - now() as due_in
from integration_jobs order by created_at limit 20
"""
LOGS = "select job_id, attempt, level, message, fields from drena.job_logs order by id limit 60"


async def wait_until(conn: asyncpg_trio.Connection, query: str, *args: Any, limit_s: float = WAIT_LIMIT_S) -> Any:
    """Ask again and again until the answer is true, and return it.

    Raises:
        AssertionError: it never was; the text shows the jobs and their logs as they stood.
    """
    found = None
    with trio.move_on_after(limit_s):
        while not found:
            found = await conn.fetchval(query, *args)
            await trio.sleep(0 if found else LOOK_EVERY_S)
        return found
    rows = [dict(row) for row in [*await conn.fetch(JOBS), *await conn.fetch(LOGS)]]
    shown = "\n".join(map(str, rows))
    raise AssertionError(f"not within {limit_s} s: {query} {args}\n{shown}")


async def wait_ended(conn: asyncpg_trio.Connection, *, limit_s: float = WAIT_LIMIT_S) -> None:
    """Wait until no job is active."""
    await wait_until(
        conn,
        "select not exists (select from integration_jobs where status in ('pending', 'running'))",
        limit_s=limit_s,
    )
