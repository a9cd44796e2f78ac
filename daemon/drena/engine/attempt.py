"""One attempt: a provider's `run` under lease, deadline and fence, and the verdict that comes of it.

This is one of the three places that catch `Exception`: whatever a provider does ends as this attempt's verdict and
nowhere else. Cancellation (the lease is lost, the daemon stops) passes through and writes nothing; the job is then
released or rescued by its node's row.
"""

from __future__ import annotations

import random
import traceback
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import msgspec
import trio

from drena.api import AttemptFenced, Counters, GiveUp, RetryLater
from drena.engine import verdict
from drena.engine.context import AttemptContext, AttemptLog, decode_settings
from drena.engine.outages import PASSING
from drena.engine.verdict import Retry
from drena.store.jobs import Finish
from drena.store.plain import plain_json, plain_text
from drena.store.queries import sql

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

    from asyncpg_trio import Pool
    from drena.api import Provider
    from drena.config import Retry as RetrySettings
    from drena.engine.finishes import Finisher
    from drena.engine.outside import Outside
    from drena.engine.reports import Reporter
    from drena.engine.verdict import Verdict
    from drena.log import LogLines
    from drena.redaction import Redactor
    from drena.store.jobs import Claim

DATABASE_MESSAGE = "O banco de dados ficou fora de alcance durante o processamento."


class Desk(msgspec.Struct, frozen=True, kw_only=True):
    """What all attempts of a node share."""

    pool: Pool
    providers: Mapping[str, Provider]
    finisher: Finisher
    reporter: Reporter
    outside: Outside
    redactor: Redactor
    retry: RetrySettings
    log: LogLines
    deadline_s: Callable[[Provider], float]


async def run_attempt(claim: Claim, desk: Desk) -> None:
    """Run one attempt to its verdict and write it.

    Returns when the verdict is in the database, or at once when the job is no longer this attempt's. Cancelled, it
    leaves the job `running` under a token that its node's row still vouches for.
    """
    log = desk.log.bind(
        job_id=str(claim.job.id),
        tenant=claim.tenant.slug if claim.tenant else str(claim.job.tenant_id),
        provider=claim.job.provider_slug,
        attempt=claim.job.attempt,
    )
    log.info("attempt started", max_attempts=claim.job.max_attempts, lane=claim.job.lane)
    began_s = trio.current_time()
    outcome = await _judge(claim, desk, log)
    if outcome is None:
        log.warning("attempt is fenced: the job is somebody else's now")
        return
    await desk.reporter.flush()  # the job's own lines come before the last one
    accepted = await desk.finisher.finish(_finish(claim, outcome, desk.redactor))
    duration_ms = round((trio.current_time() - began_s) * 1000)
    if not accepted:
        log.warning("verdict refused: the job is somebody else's now", status=outcome.status)
        return
    getattr(log, outcome.level)(outcome.line, duration_ms=duration_ms, **_log_fields(outcome))


async def _judge(claim: Claim, desk: Desk, log: LogLines) -> Verdict | None:
    """Run the provider; None when the attempt is fenced."""
    try:
        provider = _provider(claim, desk)
        limit_s = desk.deadline_s(provider)
        with trio.move_on_after(limit_s) as deadline:
            result = await _run(claim, provider, desk, log)
        if deadline.cancelled_caught:
            return verdict.overdue(limit_s, _retry(claim, desk))
        return verdict.succeeded(result)
    except SystemExit as error:
        return _failed(RuntimeError(f"the provider called sys.exit({error.code!r})"), claim, desk)
    except Exception as error:  # noqa: BLE001  # a provider's failure is this attempt's alone
        return _failed(error, claim, desk)
    except BaseExceptionGroup as group:
        ours, rest = group.split(Exception)
        if ours is not None:
            log.error("provider failed while being cancelled", exc_info=ours)
        if rest is None:
            raise AssertionError("a group of exceptions alone is an ExceptionGroup") from group
        raise rest from None


def _provider(claim: Claim, desk: Desk) -> Provider:
    if claim.tenant is None:
        raise GiveUp("tenant_not_found", f"Não existe organização {claim.job.tenant_id}: o job ficou sem dono.")
    if claim.enabled is None:
        raise GiveUp(
            "integration_not_found", f"{claim.tenant.name} não tem a integração {claim.job.provider_slug}: configure-a."
        )
    if not claim.enabled:
        raise GiveUp("integration_disabled", f"A integração {claim.job.provider_slug} está desativada: ative-a antes.")
    return desk.providers[claim.job.provider_slug]


async def _run(claim: Claim, provider: Provider, desk: Desk, log: LogLines) -> Any:
    async with _open_context(claim, provider, desk, log) as ctx:
        log.debug("provider called", version=provider.version, resumed=claim.checkpoint is not None)
        result = await provider.run(ctx)
        return dict(ctx.counters) if result is None else result


@asynccontextmanager
async def _open_context(claim: Claim, provider: Provider, desk: Desk, log: LogLines) -> AsyncIterator[AttemptContext]:
    assert claim.tenant is not None
    settings = decode_settings(provider, claim.config)
    attempt_log = AttemptLog(claim, desk.reporter, log, desk.redactor)
    counters = await _counters(claim, desk.pool)
    async with desk.outside.open(provider, claim.tenant, attempt_log) as (http, pace):
        yield AttemptContext(
            claim,
            desk.pool,
            desk.reporter,
            desk.redactor,
            counters,
            provider=provider,
            tenant=claim.tenant,
            settings=settings,
            base_url=claim.base_url,
            log=attempt_log,
            http=http,
            pace=pace,
            secrets=desk.outside.secrets,
        )


async def _counters(claim: Claim, pool: Pool) -> dict[str, Counters]:
    if claim.job.attempt == 1 and claim.checkpoint is None:
        return {}
    rows = await pool.fetch(sql("job_counters"), claim.job.id)
    return {row["entity"]: Counters(**{n: row[n] for n in Counters.__struct_fields__}) for row in rows}


def _failed(error: Exception, claim: Claim, desk: Desk) -> Verdict | None:
    decisive = verdict.gravest(error)
    if isinstance(decisive, AttemptFenced):
        return None
    trace = "".join(traceback.format_exception(error))
    if isinstance(decisive, PASSING):
        decisive = RetryLater(None, DATABASE_MESSAGE, code="database_unreachable")
    return verdict.failed(
        decisive, _retry(claim, desk), provider=claim.job.provider_slug, trace=desk.redactor.text(trace)
    )


def _finish(claim: Claim, outcome: Verdict, redactor: Redactor) -> Finish:
    message = None if outcome.message is None else plain_text(redactor.text(outcome.message))
    return Finish(
        job_id=claim.job.id,
        token=claim.token,
        status=outcome.status,
        code=outcome.code,
        message=message,
        result=None if outcome.result is None else plain_json(outcome.result),
        delay_s=outcome.delay_s,
        counted=True,
        level=outcome.level,
        line=outcome.line,
        fields=plain_json(redactor.value(dict(outcome.fields))),
    )


def _log_fields(outcome: Verdict) -> dict[str, Any]:
    return {k: v for k, v in outcome.fields.items() if k != "event"}


def _retry(claim: Claim, desk: Desk) -> Retry:
    return Retry(
        attempt=claim.job.attempt,
        max_attempts=claim.job.max_attempts,
        base_s=desk.retry.base_s,
        cap_s=desk.retry.cap_s,
        roll=random.random(),  # noqa: S311  # jitter, not a secret
    )
