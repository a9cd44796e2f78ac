"""What HTTP, the feed and the page do on behalf of somebody: the one place that decides who may do what to what.

Each takes the connection or pool it runs on (a connection inside a transaction makes it part of that), and a principal;
each returns views or raises `Refused`. The rules:

* What somebody may not see does not exist for him: the answer is that of an id nobody has, to the letter.
* What he may see and may not do is `forbidden`.
* Checks come before anything is written; the last word on the state of a job has the SQL function that changes it, so
  that two requests at once agree.
"""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from uuid import UUID

import msgspec
from msgspec import UNSET, UnsetType

from drena.asking import LANE_CHARS, UnfitPayloadError, encode_payload, is_lane
from drena.cron import CronError
from drena.cursors import Page, page_of, place_of
from drena.problems import Refused, Words
from drena.store import answers, steering
from drena.store.answers import IntegrationPlace, JobPlace
from drena.store.schedules import clear_schedule, set_schedule
from drena.store.web import (
    KeyOf,
    claim_key,
    keep_answer,
    kept_answer,
)
from drena.store.why import why

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from asyncpg_trio import Pool
    from drena.access import Principal
    from drena.plugins import PluginHost
    from drena.store.answers import Outcome, View
    from drena.store.jobs import Executor

CLAIMS: Final = 3
"""A key that is forgotten between two looks at it is claimed again; more than twice in a row nobody forgets one."""
STATUSES: Final = frozenset({"pending", "running", "success", "error", "canceled"})


class Started(NamedTuple):
    """A job that was asked for."""

    job: View
    healed_job_id: UUID | None
    """The stuck job it replaces."""


# Running things -------------------------------------------------------------------------------------------------------


async def run_job(
    on: Executor,
    host: PluginHost,
    principal: Principal,
    *,
    tenant_id: UUID,
    provider_slug: str,
    lane: str = "",
    payload: dict[str, Any] | None = None,
) -> Started:
    """Ask for a job.

    Raises:
        Refused: `job_active` (with `active_job`), `integration_not_found`, `integration_disabled`,
            `provider_unavailable`, `payload_invalid`, `lane_invalid`, `forbidden`.
    """
    if not principal.may_see(tenant_id) or "\0" in provider_slug:
        raise Refused("integration_not_found")
    if not principal.may_act(tenant_id):
        raise Refused("forbidden")
    if not is_lane(lane):
        raise Refused("lane_invalid", field="lane", limit_chars=LANE_CHARS)
    text = _payload(payload or {})
    await _expect_provider(on, host, tenant_id, provider_slug)
    return _started(await answers.run_for(on, tenant_id, provider_slug, lane, text, principal.user_id))


async def run_job_once(
    pool: Pool,
    host: PluginHost,
    principal: Principal,
    key: str,
    *,
    tenant_id: UUID,
    provider_slug: str,
    lane: str = "",
    payload: dict[str, Any] | None = None,
) -> tuple[Started, bool]:
    """Like `run_job`, but only once for a key of this principal's: asked again within a day, over HTTP or the feed, the
    answer is that of the first time. Requests at once wait for each other. What is refused does not use the key up.

    Returns:
        The job, and whether it is an old answer.

    Raises:
        Refused: as `run_job`; `idempotency_conflict` when the key was used for something else.
    """
    _payload(payload or {})
    wanted: dict[str, Any] = {"tenant_id": tenant_id, "provider_slug": provider_slug, "lane": lane}
    wanted["payload"] = payload or {}
    fingerprint = sha256(msgspec.json.encode(wanted, order="deterministic")).digest()
    claimed = KeyOf(tenant_id, principal.subject, key)
    for _ in range(CLAIMS):
        async with pool.acquire() as conn, conn.transaction():
            if await claim_key(conn, claimed, fingerprint):
                started = await run_job(conn, host, principal, **wanted)
                await keep_answer(conn, claimed, 201, msgspec.json.encode(started).decode())
                return started, False
            kept = await kept_answer(conn, claimed)
        if kept is not None and kept.fingerprint != fingerprint:
            raise Refused("idempotency_conflict")
        if kept is not None:
            job, healed = msgspec.json.decode(kept.answer)
            return Started(job, None if healed is None else UUID(healed)), True
    raise Refused("database_away")


async def retry_job(on: Executor, host: PluginHost, principal: Principal, job_id: UUID) -> Started:
    """Ask for a job like an ended one; one that waits is pulled forward.

    Raises:
        Refused: `job_not_found`, `job_not_ended` (it runs), and as `run_job`.
    """
    job = await _job_to_act_on(on, principal, job_id)
    await _expect_provider(on, host, UUID(job["tenant_id"]), job["provider_slug"])
    outcome = await answers.retry_for(on, job_id, principal.user_id)
    if outcome.outcome == "active" and outcome.job is not None and outcome.job["id"] == job["id"]:
        if outcome.job["status"] == "running":
            raise Refused("job_not_ended", active_job=outcome.job)
        return Started(outcome.job, None)
    return _started(outcome)


async def cancel_job(on: Executor, principal: Principal, job_id: UUID) -> View:
    """Ask for the end of a job: a waiting one ends now, a running one within two seconds on whichever node runs it.

    Raises:
        Refused: `job_not_found`, `job_ended`, `forbidden`.
    """
    await _job_to_act_on(on, principal, job_id)
    outcome = await answers.cancel_for(on, job_id, principal.user_id)
    if outcome.job is None:
        raise Refused("job_not_found")
    if outcome.outcome == "ended":
        raise Refused("job_ended", job=outcome.job)
    return outcome.job


# Looking at things ----------------------------------------------------------------------------------------------------


async def get_job(on: Executor, principal: Principal, job_id: UUID) -> View:
    """One job.

    Raises:
        Refused: `job_not_found`.
    """
    job = await answers.read_job(on, job_id)
    if job is None or not principal.may_see(UUID(job["tenant_id"])):
        raise Refused("job_not_found")
    return job


async def list_jobs(
    on: Executor,
    principal: Principal,
    *,
    tenant_id: UUID | None = None,
    provider_slug: str | None = None,
    statuses: Collection[str] | None = None,
    limit: int = 50,
    cursor: str | None = None,
) -> Page:
    """A page of jobs, the newest first; a tenant he may not see has none.

    Raises:
        Refused: `cursor_invalid`, `parameter_invalid`.
    """
    if statuses is not None and (unknown := set(statuses) - STATUSES):
        raise Refused("parameter_invalid", field="status", reason=f"{min(unknown)[:40]!r}")
    after = place_of(cursor, JobPlace)
    if provider_slug is not None and "\0" in provider_slug:
        return Page([], None)
    found = await answers.read_jobs(
        on,
        tenants=_tenants(principal, tenant_id),
        provider=provider_slug,
        statuses=statuses,
        after=after,
        limit=limit + 1,
    )
    return page_of(found, limit)


async def job_logs(on: Executor, principal: Principal, job_id: UUID, *, after: int = 0, limit: int = 500) -> Page:
    """A page of a job's log; the cursor is the last line's id.

    Raises:
        Refused: `job_not_found`.
    """
    job = await get_job(on, principal, job_id)
    lines = await answers.read_lines(on, UUID(job["tenant_id"]), job_id, after, limit + 1)
    return Page(lines[:limit], str(lines[limit - 1]["id"]) if len(lines) > limit else None)


async def why_job(on: Executor, principal: Principal, job_id: UUID) -> View:
    """Why a job is not running: `code`, `text` in both languages, `until`, `details`.

    Raises:
        Refused: `job_not_found`.
    """
    await get_job(on, principal, job_id)
    told: View = msgspec.to_builtins(await why(on, job_id))
    return told


async def list_integrations(
    on: Executor, principal: Principal, *, tenant_id: UUID | None = None, limit: int = 1000, cursor: str | None = None
) -> Page:
    """A page of integrations; a tenant he may not see has none.

    Raises:
        Refused: `cursor_invalid`.
    """
    after = place_of(cursor, IntegrationPlace)
    found = await answers.read_integrations(on, tenants=_tenants(principal, tenant_id), after=after, limit=limit + 1)
    return page_of(found, limit)


async def get_integration(on: Executor, principal: Principal, integration_id: UUID) -> View:
    """One integration.

    Raises:
        Refused: `integration_not_found`.
    """
    integration = await answers.read_integration(on, integration_id)
    if integration is None or not principal.may_see(UUID(integration["tenant_id"])):
        raise Refused("integration_not_found")
    return integration


# Managing integrations ------------------------------------------------------------------------------------------------


async def change_integration(
    pool: Pool,
    principal: Principal,
    integration_id: UUID,
    *,
    enabled: bool | None = None,
    paused: bool | None = None,
    schedule: Mapping[str, str] | UnsetType | None = UNSET,
) -> View:
    """Enable, disable, pause, resume, schedule; all of it or nothing. What is left out stays as it is.

    Args:
        pool: where.
        principal: who.
        integration_id: which.
        enabled: whether it may be run.
        paused: whether a pause of its own holds it; wider pauses are not touched.
        schedule: `cron` and `timezone`; None takes the schedule away.

    Raises:
        Refused: `integration_not_found`, `forbidden`, `schedule_invalid`.
    """
    async with pool.acquire() as conn, conn.transaction():
        integration = await get_integration(conn, principal, integration_id)
        tenant_id, provider = UUID(integration["tenant_id"]), integration["provider_slug"]
        if not principal.may_manage(tenant_id):
            raise Refused("forbidden")
        if enabled is not None:
            await answers.enable_integration(conn, integration_id, enabled)
        if paused:
            await steering.pause(conn, tenant_id, provider, by=principal.user_id)
        elif paused is not None:
            await steering.resume(conn, tenant_id, provider)
        if schedule is not UNSET:
            await _schedule(conn, tenant_id, provider, schedule)
        return await get_integration(conn, principal, integration_id)


async def _schedule(on: Executor, tenant_id: UUID, provider: str, schedule: Mapping[str, str] | None) -> None:
    if schedule is None:
        await clear_schedule(on, tenant_id, provider)
        return
    try:
        await set_schedule(on, tenant_id, provider, cron=schedule["cron"], timezone=schedule.get("timezone"))
    except CronError as error:
        raise Refused("schedule_invalid", field=f"schedule.{error.field}", reason=Words(*error.words)) from None


# The rules ------------------------------------------------------------------------------------------------------------


async def _job_to_act_on(on: Executor, principal: Principal, job_id: UUID) -> View:
    job = await get_job(on, principal, job_id)
    if not principal.may_act(UUID(job["tenant_id"])):
        raise Refused("forbidden")
    return job


async def _expect_provider(on: Executor, host: PluginHost, tenant_id: UUID, provider_slug: str) -> None:
    """A job that no live node can run would wait for nothing (I10)."""
    if provider_slug in host.providers:
        return
    outlook = await answers.read_outlook(on, tenant_id, provider_slug)
    if outlook.enabled and not outlook.offered:
        raise Refused("provider_unavailable", provider_slug=provider_slug)


def _started(outcome: Outcome) -> Started:
    if outcome.outcome == "active":
        raise Refused("job_active", active_job=outcome.job)
    if outcome.outcome == "not_found":
        raise Refused("job_not_found")
    if outcome.job is None:
        raise Refused(outcome.outcome)
    return Started(outcome.job, outcome.healed_job_id)


def _payload(payload: dict[str, Any]) -> str:
    try:
        return encode_payload(payload)
    except UnfitPayloadError as error:
        raise Refused("payload_invalid", field="payload", reason=str(error)) from None


def _tenants(principal: Principal, wanted: UUID | None) -> Collection[UUID] | None:
    """The tenants a list may be about; None stands for all."""
    if wanted is None:
        return principal.tenants
    return [wanted] if principal.may_see(wanted) else []
