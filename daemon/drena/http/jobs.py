"""Jobs over HTTP. What may be done is decided in `drena.operations`; here it is only asked and answered."""

from __future__ import annotations

import hashlib
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import msgspec
from starlette.responses import Response

from drena import operations
from drena.http.answers import JSON, json_answer
from drena.http.shapes import JobRequest, JobsQuery, LogsQuery
from drena.problems import Refused
from drena.store.web import KeyOf, claim_key, keep_answer, kept_answer

if TYPE_CHECKING:
    from drena.http.calls import Call
    from drena.operations import Page, Started

KEY_CHARS: Final = 255
CLAIMS: Final = 3
"""A key that is forgotten between two looks at it is claimed again; more than twice in a row nobody forgets one."""


async def create_job(call: Call) -> Response:
    """`POST /v1/jobs`."""
    wanted = await call.body(JobRequest)
    wanted.payload = wanted.payload or {}  # saying nothing is the same request, also for its fingerprint
    key = call.request.headers.get("idempotency-key")
    run = partial(
        operations.run_job,
        host=call.house.host,
        principal=call.principal,
        tenant_id=wanted.tenant_id,
        provider_slug=wanted.provider_slug,
        lane=wanted.lane,
        payload=wanted.payload,
    )
    if key is None:
        return _created(_encoded(await run(call.house.pool)))
    if not (0 < len(key) <= KEY_CHARS and key.isascii() and key.isprintable()):
        raise Refused("parameter_invalid", field="Idempotency-Key", reason=f"1-{KEY_CHARS} ASCII")
    claimed = KeyOf(wanted.tenant_id, call.principal.subject, key)
    fingerprint = hashlib.sha256(msgspec.json.encode(wanted, order="deterministic")).digest()
    for _ in range(CLAIMS):
        async with call.house.pool.acquire() as conn, conn.transaction():
            if await claim_key(conn, claimed, fingerprint):
                body = _encoded(await run(conn))
                await keep_answer(conn, claimed, 201, body.decode())
                return _created(body)
            kept = await kept_answer(conn, claimed)
        if kept is not None and kept.fingerprint != fingerprint:
            raise Refused("idempotency_conflict")
        if kept is not None:
            return _created(kept.answer.encode(), {"Idempotency-Replayed": "true"}, kept.status)
    raise Refused("database_away")


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
    return Response(_encoded(started), 202, _location(started.job["id"]), media_type=JSON)


def page(found: Page) -> Response:
    """The envelope of every list."""
    return json_answer({"items": found.items, "next_cursor": found.next_cursor})


def _encoded(started: Started) -> bytes:
    healed: dict[str, Any] = {} if started.healed_job_id is None else {"healed_job_id": started.healed_job_id}
    return msgspec.json.encode(started.job | healed)


def _created(body: bytes, headers: dict[str, str] | None = None, status: int = 201) -> Response:
    job_id = msgspec.json.decode(body)["id"]
    return Response(body, status, {**_location(job_id), **(headers or {})}, media_type=JSON)


def _location(job_id: str) -> dict[str, str]:
    return {"Location": f"/v1/jobs/{job_id}"}
