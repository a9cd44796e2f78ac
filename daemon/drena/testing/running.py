"""Running one attempt, or one check, and saying what it did."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any
from uuid import UUID

import msgspec

from drena.api import CheckResult, Counters, GiveUp, Provider, RetryLater, Tenant
from drena.engine.context import ProviderContext, decode_settings
from drena.redaction import Redactor
from drena.testing.conversation import Conversation, UnexpectedRequest
from drena.testing.lines import Lines
from drena.testing.workbench import TENANT, Case, open_workbench, outside_of

if TYPE_CHECKING:
    import httpx2

    from asyncpg_trio import Connection
    from drena.testing.database import Database

__all__ = ["LogLine", "Outcome", "check_once", "run_once"]


class LogLine(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the job's own log, as an office's users read it."""

    level: str
    message: str
    fields: Mapping[str, Any]


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What one attempt did."""

    status: str
    """`success`, `error`, `canceled`; `pending` when there will be another attempt; `running` when it lost its job."""
    code: str | None
    """`integration_jobs.error_code`."""
    message: str | None
    """The sentence for the office's users."""
    retry_in_s: float | None
    """Seconds until the next attempt; None when there is none."""
    result: Any
    """`integration_jobs.result`."""
    checkpoint: Any
    """The resume state last committed."""
    counters: Mapping[str, Counters]
    """By entity."""
    progress: Mapping[str, Any] | None
    """The latest progress: done, total, unit, phase, message."""
    log: list[LogLine]
    """The job's own log; `ctx.log.debug` is not kept there."""
    rows: Any
    """What the `rows` function given to `run_once` returned; None without one."""
    raised: BaseException | None
    """What `run` raised, bare: the place to look at when `code` is `provider_bug`."""


async def run_once(
    provider: Provider,
    database: Database,
    *,
    transport: httpx2.AsyncBaseTransport,
    settings: Mapping[str, Any] | None = None,
    secrets: Mapping[str, str] | None = None,
    checkpoint: Any = None,
    payload: Mapping[str, Any] | None = None,
    lane: str = "",
    base_url: str | None = None,
    rows: Callable[[Connection], Awaitable[Any]] | None = None,
) -> Outcome:
    """Run one attempt of a new job through Drena's real engine: claim, fence, context, verdict.

    Args:
        provider: under test.
        database: the fixture `drena_database`.
        transport: in place of the network: a `Conversation`, a `Recording`, or an httpx2 transport of your own.
        settings: `tenant_integrations.config`.
        secrets: by the names in `Provider.secrets`. What is left out is missing, as in a tenant that never set it.
        checkpoint: where an earlier attempt is to have left off.
        payload: `ctx.job.payload`.
        lane: `ctx.job.lane`.
        base_url: `ctx.base_url`.
        rows: reads what the provider wrote, on a connection of its own after the attempt.

    Returns:
        What it did. A provider that raises is an outcome too: see `Outcome.raised`.

    Raises:
        UnexpectedRequest: the provider asked for something the conversation has no answer for.
    """
    case = Case(
        settings=settings or {},
        secrets=secrets or {},
        checkpoint=checkpoint,
        payload=payload or {},
        lane=lane,
        base_url=base_url,
    )
    async with open_workbench(database, provider, case, transport) as bench:
        account = await bench.attempt()
        state = await bench.state()
    raise_unexpected(transport)
    written = None
    if rows is not None:
        async with database.connect() as conn:
            written = await rows(conn)
    return Outcome(
        status=state.status,
        code=state.code,
        message=state.message,
        retry_in_s=state.retry_in_s,
        result=state.result,
        checkpoint=state.checkpoint,
        counters=state.counters,
        progress=state.progress,
        log=[LogLine(level=level, message=message, fields=fields) for level, message, fields in state.log],
        rows=written,
        raised=account.raised,
    )


def raise_unexpected(transport: httpx2.AsyncBaseTransport) -> None:
    """Say what a conversation had no answer for.

    Raises:
        UnexpectedRequest: there was such a request.
    """
    if isinstance(transport, Conversation) and transport.unexpected:
        raise UnexpectedRequest(transport.unexpected[0])


async def check_once(
    provider: Provider,
    *,
    transport: httpx2.AsyncBaseTransport,
    settings: Mapping[str, Any] | None = None,
    secrets: Mapping[str, str] | None = None,
    base_url: str | None = None,
) -> CheckResult:
    """Call the provider's `check` as `drena check` does; it needs no database.

    Args are those of `run_once`.

    Returns:
        Its answer; one with `ok=False` and the sentence when it raised `GiveUp` or `RetryLater`, as `drena check` shows
        it, with the code under `code` in its details.

    Raises:
        UnexpectedRequest: as for `run_once`.
        Exception: whatever else the provider raises.
    """
    case = Case(settings=settings or {}, secrets=secrets or {}, base_url=base_url)
    log = Lines()
    try:
        decoded = decode_settings(provider, msgspec.json.encode(case.settings))
        tenant = Tenant(id=UUID(int=1), slug=TENANT, name="Escritório de teste")
        outside = outside_of(case, provider, Redactor(), transport)
        client, pace = outside.open(provider, tenant, log)
        async with client as http:
            ctx = ProviderContext(
                provider=provider,
                tenant=tenant,
                settings=decoded,
                base_url=base_url,
                log=log,
                http=http,
                pace=pace,
                secrets=outside.secrets,
                threads=outside.threads,
            )
            answer = await provider.check(ctx)
    except (GiveUp, RetryLater) as error:
        return CheckResult(ok=False, message=str(error), details={"code": error.code})
    finally:
        raise_unexpected(transport)
    return answer
