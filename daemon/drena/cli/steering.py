"""Commands that steer the queue and ask about it: `why`, `cancel`, `retry`, `pause`, `nodes`, `doctor`, `prune`."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

import click
import msgspec

from drena.cli.scene import open_stage
from drena.cli.speech import say, spoken, tell
from drena.cli.tables import show, show_json
from drena.cli.working import answer_in_words, end_in_words, refusal, tell_pauses, wait_for_end
from drena.errors import Exit, UsageError
from drena.store import answers, retention, steering
from drena.store.checks import CHECKS
from drena.store.doctor import examine
from drena.store.reads import find_tenant, get_job
from drena.store.rehearsal import changing
from drena.store.why import why as find_reason

if TYPE_CHECKING:
    from pathlib import Path

    from asyncpg_trio import Pool
    from drena.store.steering import PauseView


async def why(config: Path | None, job_id: UUID, as_json: bool) -> None:
    """`drena why ID`."""
    async with open_stage(config) as (_scene, pool):
        reason = await find_reason(pool, job_id)
    if as_json:
        show_json(reason)
    else:
        click.echo(reason.text.in_language(spoken()))


async def cancel(config: Path | None, job_id: UUID, as_json: bool) -> None:
    """`drena cancel ID`."""
    async with open_stage(config) as (_scene, pool):
        answer = await answers.cancel_for(pool, job_id, None)
        job = await get_job(pool, job_id)
    if as_json:
        show_json({"outcome": answer.outcome, "job": job})
        return
    sentences = {
        "canceled": f"Job {job.id} was cancelled.",
        "cancel_requested": f"Job {job.id} is running; its node ends it within seconds.",
        "ended": f"Job {job.id} had ended before, as {job.status}; nothing was changed.",
    }
    say(sentences[answer.outcome])


async def retry(config: Path | None, job_id: UUID, wait: bool, as_json: bool) -> Exit:
    """`drena retry ID [--wait]`."""
    async with open_stage(config) as (_scene, pool):
        old = await get_job(pool, job_id)
        answer = await answers.retry_for(pool, job_id, None)
        if answer.job is None:
            raise UsageError(refusal(answer.outcome, old.tenant, old.provider))
        job = await get_job(pool, UUID(answer.job["id"]))
        if not as_json:
            pulled = f"Job {job.id} is {job.status}: it runs as soon as there is room."
            say(pulled if job.id == old.id else answer_in_words(answer.outcome, job, answer.healed_job_id))
        if wait:
            job = await wait_for_end(pool, job.id)
    if as_json:
        show_json({"outcome": answer.outcome, "healed_job_id": answer.healed_job_id, "job": job})
    elif wait:
        say(end_in_words(job))
    return Exit.JOB_FAILED if wait and job.status != "success" else Exit.OK


async def pause(config: Path | None, tenant: str | None, provider: str | None, reason: str, as_json: bool) -> None:
    """`drena pause [--tenant T] [--provider P] [--reason ...]`."""
    async with open_stage(config) as (_scene, pool):
        tenant_id = await _scope(pool, tenant, provider)
        await steering.pause(pool, tenant_id, provider, reason=reason)
        pauses = await steering.list_pauses(pool)
    if as_json:
        show_json(pauses)
        return
    made = next(p for p in pauses if (p.tenant_id, p.provider) == (tenant_id, provider))
    say(f"Paused: {made.what}. What runs goes on; nothing new starts until `{_resume_command(made)}`.")


async def resume(config: Path | None, tenant: str | None, provider: str | None, as_json: bool) -> None:
    """`drena resume [--tenant T] [--provider P]`."""
    async with open_stage(config) as (_scene, pool):
        tenant_id = await _scope(pool, tenant, provider)
        resumed = await steering.resume(pool, tenant_id, provider)
        pauses = await steering.list_pauses(pool)
    if not resumed:
        raise UsageError(_not_paused(pauses))
    if as_json:
        show_json(pauses)
        return
    say("Resumed.")
    tell_pauses(pauses)


async def _scope(pool: Pool, tenant: str | None, provider: str | None) -> UUID | None:
    if provider is not None:
        await steering.check_provider(pool, provider)
    return None if tenant is None else (await find_tenant(pool, tenant)).id


def _not_paused(pauses: list[PauseView]) -> str:
    if not pauses:
        return "Nothing is paused; there is nothing to resume."
    there_is = ", ".join(f"{p.what} (`{_resume_command(p)}`)" for p in pauses)
    return f"That is not paused as a whole; what is paused: {there_is}."


def _resume_command(pause: PauseView) -> str:
    tenant = "" if pause.tenant is None else f" --tenant {pause.tenant}"
    return f"drena resume{tenant}" + ("" if pause.provider is None else f" --provider {pause.provider}")


async def nodes(config: Path | None, as_json: bool) -> None:
    """`drena nodes`."""
    async with open_stage(config) as (_scene, pool):
        found = await steering.list_nodes(pool)
    rows = [
        {
            **msgspec.structs.asdict(node),
            "state": _word("live" if node.live else "lost", as_json),
            "lease": _word(
                f"{node.lease_left_s:.0f} s left" if node.live else f"over for {-node.lease_left_s:.0f} s", as_json
            ),
        }
        for node in found
    ]
    columns = ("id", "name", "version", "state", "lease", "running", "max_jobs", "refused", "providers", "started_at")
    show(rows, columns, as_json=as_json, empty="No node has joined: start one with `drena run`.")


def _word(word: str, as_json: bool) -> str:
    """For people in their language, for programs as it is."""
    return word if as_json else tell(word)


async def doctor(config: Path | None, as_json: bool) -> Exit:
    """`drena doctor`."""
    async with open_stage(config) as (_scene, pool), pool.acquire() as conn:
        findings = await examine(conn)
    if as_json:
        show_json(findings)
    elif not findings:
        say(f"All is well: {len(CHECKS)} checks found nothing.")
    else:
        for finding in findings:
            click.echo(f"{finding.code} {finding.invariant}".rstrip())
            click.echo(f"  {tell(finding.what)}")
            click.echo(f"  -> {tell(finding.remedy)}")
        say(
            "1 finding; nothing was changed."
            if len(findings) == 1
            else f"{len(findings)} findings; nothing was changed."
        )
    return Exit.JOB_FAILED if findings else Exit.OK


async def prune(config: Path | None, dry_run: bool, as_json: bool) -> None:
    """`drena prune [--dry-run]`."""
    async with open_stage(config) as (scene, pool), pool.acquire() as conn:
        settings = scene.config.retention
        if dry_run:
            async with changing(conn, dry_run=True):
                pruned = await retention.prune(conn, settings)
        else:
            pruned = await retention.prune(conn, settings)
    if as_json:
        show_json(pruned)
        return
    counted = (
        f"{pruned.jobs} jobs, {pruned.job_log_lines} log lines, {pruned.feed_entries} feed entries, "
        f"{pruned.history_rows} rows of old runs."
    )
    say(f"Would delete {counted}" if dry_run else f"Deleted {counted}")
