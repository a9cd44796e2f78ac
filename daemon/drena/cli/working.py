"""Commands that ask for jobs and look at them: `request`, `jobs`, `job`, `integrations`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

import click
import msgspec
import trio

from drena.asking import LANE_CHARS, UnfitPayloadError, encode_payload, is_lane
from drena.cli.scene import open_stage
from drena.cli.speech import say
from drena.cli.tables import header, in_words, show, show_json
from drena.errors import Exit, UsageError
from drena.store.jobs import request_job
from drena.store.reads import find_tenant, get_job, get_job_logs, list_integrations, list_jobs
from drena.store.steering import list_pauses

if TYPE_CHECKING:
    from pathlib import Path

    from asyncpg_trio import Pool
    from drena.store.reads import JobView
    from drena.store.steering import PauseView

LOOK_EVERY_S = 0.5


async def request(
    config: Path | None, tenant: str, provider: str, lane: str, payload: str, wait: bool, as_json: bool
) -> Exit:
    """`drena request TENANT PROVIDER [--wait]`."""
    decoded = decode_payload(payload)
    if not is_lane(lane):
        raise UsageError(
            f"--lane {lane[:LANE_CHARS]!r} cannot be a lane: up to {LANE_CHARS} characters that can be read."
        )
    async with open_stage(config) as (scene, pool):
        scene.host.provider(provider)
        office = await find_tenant(pool, tenant)
        answer = await request_job(pool, office.id, provider, lane=lane, payload=decoded)
        if answer.job is None:
            raise UsageError(refusal(answer.outcome, tenant, provider))
        job = await get_job(pool, UUID(answer.job["id"]))
        if not as_json:
            say(answer_in_words(answer.outcome, job, answer.healed_job_id))
        if wait:
            job = await wait_for_end(pool, job.id)
    if as_json:
        show_json({"outcome": answer.outcome, "healed_job_id": answer.healed_job_id, "job": job})
    elif wait:
        say(end_in_words(job))
    return Exit.JOB_FAILED if wait and job.status != "success" else Exit.OK


def decode_payload(text: str) -> dict[str, Any]:
    """`--payload`, decoded."""
    try:
        payload: dict[str, Any] = msgspec.json.decode(text, type=dict[str, Any])
        encode_payload(payload)
    except msgspec.DecodeError as error:
        raise UsageError(f"--payload is not a JSON object ({error}): write it like '{{\"full\": true}}'.") from error
    except UnfitPayloadError as error:
        raise UsageError(f"--payload cannot be kept ({error}): make it shorter, and without NUL characters.") from None
    return payload


def refusal(outcome: str, tenant: str, provider: str) -> str:
    """Why nothing was created."""
    if outcome == "integration_disabled":
        return f"The integration {provider} of {tenant} is disabled: enable it in tenant_integrations first."
    return f"{tenant} has no integration {provider}: add a row to tenant_integrations first."


def answer_in_words(outcome: str, job: JobView, healed: UUID | None) -> str:
    """What came of a request."""
    if outcome == "active":
        since = f"{job.created_at.astimezone():%Y-%m-%d %H:%M:%S}"
        return f"Execução em andamento: job {job.id} is {job.status} since {since}."
    if healed:
        return f"Job {job.id} requested. It replaces the stuck job {healed}."
    return f"Job {job.id} requested."


def end_in_words(job: JobView) -> str:
    """How a job ended."""
    if job.status == "success":
        return f"Job {job.id} succeeded: {msgspec.json.encode(job.result).decode()}"
    return f"Job {job.id} ended as {job.status} ({job.error_code}): {job.error_message}"


async def wait_for_end(pool: Pool, job_id: UUID) -> JobView:
    """Look until the job has ended. A second reader of the queue polls; only the daemon listens."""
    while not (job := await get_job(pool, job_id)).ended:  # noqa: ASYNC110  # the database has no event for us
        await trio.sleep(LOOK_EVERY_S)
    return job


async def jobs(
    config: Path | None, tenant: str | None, provider: str | None, status: tuple[str, ...], limit: int, as_json: bool
) -> None:
    """`drena jobs`."""
    async with open_stage(config) as (_scene, pool):
        office = None if tenant is None else await find_tenant(pool, tenant)
        found = await list_jobs(
            pool, tenant_id=office.id if office else None, provider=provider, statuses=status or None, limit=limit
        )
        pauses = await list_pauses(pool)
    rows = [msgspec.structs.asdict(job) for job in found]
    columns = ("id", "tenant", "provider", "lane", "status", "progress", "attempts", "created_at", "error_message")
    show(rows, columns, as_json=as_json, empty="There are no jobs.")
    if not as_json:
        tell_pauses([p for p in pauses if p.touches(office.id if office else None, provider)])


async def job(config: Path | None, job_id: UUID, as_json: bool) -> None:
    """`drena job ID`."""
    async with open_stage(config) as (_scene, pool):
        found = await get_job(pool, job_id)
        lines = await get_job_logs(pool, found)
    if as_json:
        show_json({"job": found, "logs": lines})
        return
    facts = {header(name): in_words(value) for name, value in msgspec.structs.asdict(found).items()}
    width = max(map(len, facts))
    for name, text in facts.items():
        if text:
            click.echo(f"{name:>{width}}  {text}")
    click.echo()
    for line in lines:
        fields = " ".join(f"{k}={v}" for k, v in line.fields.items() if k != "event")
        click.echo(f"{in_words(line.at)} {line.level:7} #{line.attempt} {line.message}  {fields}".rstrip())


async def integrations(config: Path | None, tenant: str | None, as_json: bool) -> None:
    """`drena integrations`."""
    async with open_stage(config) as (_scene, pool):
        office = None if tenant is None else await find_tenant(pool, tenant)
        rows = await list_integrations(pool, office.id if office else None)
        pauses = await list_pauses(pool)
    columns = (
        "tenant",
        "provider",
        "enabled",
        "paused",
        "last_status",
        "last_run",
        "next_at",
        "active_status",
        "active_progress",
        "last_error",
    )
    show(rows, columns, as_json=as_json, empty="There are no integrations: add rows to tenant_integrations.")
    if not as_json:
        tell_pauses([p for p in pauses if p.touches(office.id if office else None, None)])


def tell_pauses(pauses: list[PauseView]) -> None:
    """A line for each pause, under a listing."""
    for pause in pauses:
        since = f"{pause.created_at.astimezone():%Y-%m-%d %H:%M:%S}"
        if pause.reason:
            say(f"Paused: {pause.what} since {since} ({pause.reason}).")
        else:
            say(f"Paused: {pause.what} since {since}.")
