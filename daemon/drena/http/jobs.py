"""Jobs over HTTP. What may be done is decided in `drena.operations`; here it is only asked and answered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from drena import operations
from drena.http.answers import json_answer
from drena.http.shapes import JobRequest, JobsQuery, LogsQuery
from drena.problems import Refused

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.responses import Response

    from drena.cursors import Page
    from drena.http.calls import Call
    from drena.operations import Started

KEY_CHARS: Final = 255


async def create_job(call: Call) -> Response:
    """`POST /v1/jobs`."""
    wanted = msgspec.structs.asdict(await call.body(JobRequest))
    pool, host, who = call.house.pool, call.house.host, call.principal
    key = call.request.headers.get("idempotency-key")
    if key is None:
        return _started(await operations.run_job(pool, host, who, **wanted), 201)
    if not (0 < len(key) <= KEY_CHARS and key.isascii() and key.isprintable()):
        raise Refused("parameter_invalid", field="Idempotency-Key", reason=f"1-{KEY_CHARS} ASCII")
    started, old = await operations.run_job_once(pool, host, who, key, **wanted)
    return _started(started, 201, {"Idempotency-Replayed": "true"} if old else {})


async def list_jobs(call: Call) -> Response:
    """`GET /v1/jobs`."""
    query = call.query(JobsQuery)
    found = await operations.list_jobs(
        call.house.pool,
        call.principal,
        tenant_id=query.tenant_id,
        provider_slug=query.provider_slug,
        statuses=query.status or None,
        limit=query.limit,
        cursor=query.cursor,
    )
    return page(found)


async def get_job(call: Call) -> Response:
    """`GET /v1/jobs/{job_id}`."""
    job_id = call.id_of("job_id", "job_not_found")
    return json_answer(await operations.get_job(call.house.pool, call.principal, job_id))


async def job_logs(call: Call) -> Response:
    """`GET /v1/jobs/{job_id}/logs`."""
    job_id, query = call.id_of("job_id", "job_not_found"), call.query(LogsQuery)
    after = max(int(query.cursor or 0), query.after)
    return page(await operations.job_logs(call.house.pool, call.principal, job_id, after=after, limit=query.limit))


async def why_job(call: Call) -> Response:
    """`GET /v1/jobs/{job_id}/why`."""
    job_id = call.id_of("job_id", "job_not_found")
    return json_answer(await operations.why_job(call.house.pool, call.principal, job_id))


async def cancel_job(call: Call) -> Response:
    """`POST /v1/jobs/{job_id}/cancel`."""
    job_id = call.id_of("job_id", "job_not_found")
    return json_answer(await operations.cancel_job(call.house.pool, call.principal, job_id), 202)


async def retry_job(call: Call) -> Response:
    """`POST /v1/jobs/{job_id}/retry`."""
    job_id = call.id_of("job_id", "job_not_found")
    started = await operations.retry_job(call.house.pool, call.house.host, call.principal, job_id)
    return _started(started, 202)


def page(found: Page) -> Response:
    """The envelope of every list."""
    return json_answer({"items": found.items, "next_cursor": found.next_cursor})


def _started(started: Started, status: int, headers: Mapping[str, str] | None = None) -> Response:
    """A job that was asked for, and beside its members the stuck one that it replaces."""
    healed = {} if started.healed_job_id is None else {"healed_job_id": started.healed_job_id}
    location = {"Location": f"/v1/jobs/{started.job['id']}"}
    return json_answer(started.job | healed, status, {**location, **(headers or {})})
