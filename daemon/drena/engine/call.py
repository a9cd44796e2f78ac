"""A provider's `run`, called under the fence, and the verdict that comes of it.

This is one of the three places that catch everything: whatever a provider does ends as its attempt's verdict and
nowhere else, `sys.exit()` and another library's cancellation too. Trio's cancellation passes through and makes no
verdict.
"""

from __future__ import annotations

import random
import traceback
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

import msgspec
import trio

from drena.api import AttemptFenced, Counters, GiveUp
from drena.engine import verdict
from drena.engine.context import AttemptContext, AttemptLog, decode_settings
from drena.engine.outages import outlast
from drena.engine.statements import Statements
from drena.engine.transactions import DatabaseLost
from drena.engine.verdict import Retry
from drena.metrics import Metrics
from drena.store.plain import plain_json
from drena.store.queries import sql

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from uuid import UUID

    from asyncpg_trio import Pool
    from drena.api import Provider
    from drena.config import Retry as RetrySettings
    from drena.engine.finishes import Finisher
    from drena.engine.observers import Observers
    from drena.engine.outside import Outside
    from drena.engine.refusals import Refusals
    from drena.engine.reports import Reporter
    from drena.engine.verdict import Verdict
    from drena.log import LogLines
    from drena.redaction import Redactor
    from drena.store.jobs import Claim
    from drena.traces import Traces

RESULT_LIMIT_BYTES: Final = 1024 * 1024
NOTHING: Final = msgspec.Raw(b"{}")
"""The result of a provider that returned nothing and counted nothing."""
MOST_INTERRUPTIONS: Final = 8
"""A database that is lost so often while a job does not move is lost because of the job: from then on it counts."""


class Desk(msgspec.Struct, frozen=True, kw_only=True):
    """What all attempts of a node share."""

    pool: Pool
    providers: Mapping[str, Provider]
    finisher: Finisher
    reporter: Reporter
    refusals: Refusals
    outside: Outside
    redactor: Redactor
    retry: Callable[[], RetrySettings]
    log: LogLines
    deadline_s: Callable[[Provider], float]
    no_progress_s: Callable[[Provider], float]
    interruptions: Counter[UUID] = msgspec.field(default_factory=Counter)
    """How often a job lost the database since it last moved; only jobs that did."""
    metrics: Metrics = msgspec.field(default_factory=Metrics)
    statements: Statements = msgspec.field(default_factory=Statements)
    traces: Traces | None = None
    """None when nobody wants them, which then costs nothing."""
    observers: Observers | None = None
    """None when nobody wants to know, which then costs nothing."""


async def call_provider(
    claim: Claim, desk: Desk, log: Callable[[], LogLines], on_move: Callable[[], None]
) -> Verdict | None:
    """Run the provider to its end; None when the attempt turned out to be fenced.

    Args:
        claim: the job.
        desk: what attempts share.
        log: gives the log with the attempt's fields bound.
        on_move: told, without waiting, whenever progress or checkpoint moves.
    """
    try:
        result = await _run(claim, _provider(claim, desk), desk, log, on_move)
        return verdict.succeeded(result)
    except (trio.Cancelled, KeyboardInterrupt):
        raise
    except BaseExceptionGroup as group:
        passing, ours = group.split((trio.Cancelled, KeyboardInterrupt))
        if passing is None:
            return failure(group, claim, desk)
        if ours is not None:
            log().error("provider failed while being cancelled", exc_info=ours)
        raise passing from None
    except BaseException as error:  # noqa: BLE001  # a provider's failure is this attempt's alone
        return failure(error, claim, desk)


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


async def _run(
    claim: Claim, provider: Provider, desk: Desk, log: Callable[[], LogLines], on_move: Callable[[], None]
) -> Any:
    assert claim.tenant is not None
    settings = decode_settings(provider, claim.config)
    attempt_log = AttemptLog(claim, desk.reporter, log, desk.redactor)
    counters = await _counters(claim, desk.pool, desk.log)
    client, pace = desk.outside.open(provider, claim.tenant, attempt_log)
    async with client as http:
        ctx = AttemptContext(
            claim,
            desk.pool,
            desk.reporter,
            desk.redactor,
            counters,
            on_move,
            desk.statements,
            provider=provider,
            tenant=claim.tenant,
            settings=settings,
            base_url=claim.base_url,
            log=attempt_log,
            http=http,
            pace=pace,
            secrets=desk.outside.secrets,
            threads=desk.outside.threads,
        )
        if desk.log.tells("debug"):
            log().debug("provider called", version=provider.version, resumed=claim.checkpoint is not None)
        result = await provider.run(ctx)
        if result is None and not ctx.counters:
            return NOTHING
        return _written(dict(ctx.counters) if result is None else result, desk)


def _written(result: Any, desk: Desk) -> msgspec.Raw:
    """The result as JSON, without secrets.

    Raises:
        Exception: see `plain_json`; or it is too large.
    """
    text = plain_json(desk.redactor.value(msgspec.to_builtins(result, enc_hook=str)))
    if (size := len(text.encode())) > RESULT_LIMIT_BYTES:
        raise ValueError(f"a result may hold {RESULT_LIMIT_BYTES} bytes of JSON, this one has {size}")
    return msgspec.Raw(text.encode())


async def _counters(claim: Claim, pool: Pool, log: LogLines) -> dict[str, Counters]:
    if claim.token == 1:  # nobody can have counted before the first claim
        return {}
    rows = await outlast("read counters", lambda: pool.fetch(sql("job_counters"), claim.job.id), log)
    return {row["entity"]: Counters(**{n: row[n] for n in Counters.__struct_fields__}) for row in rows}


def failure(error: BaseException, claim: Claim, desk: Desk) -> Verdict | None:
    """What becomes of an attempt whose provider raised this; None when it turned out to be fenced."""
    decisive = verdict.gravest(error)
    if isinstance(decisive, AttemptFenced):
        return None
    trace = "".join(traceback.format_exception(error))
    if isinstance(decisive, DatabaseLost):
        desk.interruptions[claim.job.id] += 1
        if (times := desk.interruptions[claim.job.id]) <= MOST_INTERRUPTIONS:
            return verdict.interrupted(decisive, retry_of(claim, desk), times)
    return verdict.failed(
        decisive, retry_of(claim, desk), provider=claim.job.provider_slug, trace=desk.redactor.text(trace)
    )


def retry_of(claim: Claim, desk: Desk) -> Retry:
    settings = desk.retry()
    return Retry(
        attempt=claim.job.attempt,
        max_attempts=claim.job.max_attempts,
        base_s=settings.base_s,
        cap_s=settings.cap_s,
        roll=random.random(),  # noqa: S311  # jitter, not a secret
    )
