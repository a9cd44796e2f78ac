"""One attempt, from claim to written verdict: the provider's call under watch.

Three things end a call that does not end by itself: somebody cancelled the job, its deadline passed, or neither
progress nor checkpoint moved for the provider's limit (I11). The call is then cancelled and the verdict written; a
provider that does not react (a shielded scope, a thread) delays neither: after `PATIENCE_S` the verdict is written
without it. What is left of the call can change nothing any more, because its lease token went with the verdict (I2),
and it keeps its place among the node's attempts until it really ends, so that nodes do not fill up with the undead.

Cancelled from outside (the lease is lost, the daemon stops), an attempt writes nothing: its job stays `running` under a
token that the node's row vouches for, until that row is released or rescued.
"""

from __future__ import annotations

import math
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, cast

import trio

from drena.api import AttemptEnd
from drena.engine import verdict
from drena.engine.call import call_provider, retry_of
from drena.store.jobs import Finish
from drena.store.plain import plain_json, plain_text

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

    from drena.engine.call import Desk
    from drena.engine.verdict import Verdict
    from drena.log import Level, LogLines
    from drena.redaction import Redactor
    from drena.store.jobs import Claim

PATIENCE_S: Final = 1.0


class Attempts:
    """The attempts a node is running."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._running: dict[UUID, Attempt] = {}

    async def run(self, claim: Claim) -> None:
        """Run one attempt; returns when its verdict is written and its provider has ended."""
        attempt = Attempt(claim, self._desk)
        self._running[claim.job.id] = attempt
        try:
            await attempt.run()
        finally:
            if self._running.get(claim.job.id) is attempt:
                del self._running[claim.job.id]

    def cancel(self, job_id: UUID) -> None:
        """Cancel the attempt at this job, if it is here; told twice, it does no more."""
        if (attempt := self._running.get(job_id)) is not None:
            attempt.cancel()


class Attempt:
    """One attempt; see the head of this file."""

    def __init__(self, claim: Claim, desk: Desk) -> None:
        self._claim = claim
        self._desk = desk
        self._call = trio.CancelScope()
        self._began_s = trio.current_time()
        self._moved_s = self._began_s
        self._verdict: Verdict | None = None
        self._ended = False
        self._canceled = False
        self._tell_trace: Callable[[str, str | None], None] | None = None
        self._changed = trio.Event()

    @cached_property
    def _log(self) -> LogLines:
        """Bound when something is told: binding costs more than all else a short attempt does."""
        claim = self._claim
        return self._desk.log.bind(
            job_id=str(claim.job.id),
            tenant=claim.tenant.slug if claim.tenant else str(claim.job.tenant_id),
            provider=claim.job.provider_slug,
            attempt=claim.job.attempt,
        )

    def _tell(self, level: Level, message: str, **fields: Any) -> None:
        if self._desk.log.tells(level):
            getattr(self._log, level)(message, **fields)

    def cancel(self) -> None:
        """Somebody wants the job cancelled."""
        self._canceled = True
        self._changed.set()

    async def run(self) -> None:
        """Call the provider, watch it, write the verdict."""
        if self._desk.traces is None:
            await self._run()
            return
        with self._desk.traces.attempt(self._claim.job, self._claim.tenant) as self._tell_trace:
            await self._run()

    async def _run(self) -> None:
        claim = self._claim
        self._tell("info", "attempt started", max_attempts=claim.job.max_attempts, lane=claim.job.lane)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._call_provider, name=f"call {claim.job.provider_slug} {claim.job.id}")
            stopped = await self._watch()
            if stopped is not None:
                await self._stop(stopped)
            await self._write(stopped or self._verdict)

    async def _call_provider(self) -> None:
        with self._call:
            self._verdict = await call_provider(self._claim, self._desk, lambda: self._log, self._move)
        self._ended = True
        self._changed.set()

    def _move(self) -> None:
        self._moved_s = trio.current_time()
        self._desk.interruptions.pop(self._claim.job.id, None)

    async def _watch(self) -> Verdict | None:
        """Wait for the end of the call, or say what ends it."""
        deadline_s, quiet_s = self._limits()
        while not self._ended:
            if self._canceled:
                return verdict.canceled()
            now_s = trio.current_time()
            if now_s >= self._began_s + deadline_s:
                return verdict.overdue(deadline_s, retry_of(self._claim, self._desk))
            if now_s >= self._moved_s + quiet_s:
                return verdict.stalled(quiet_s, retry_of(self._claim, self._desk))
            with trio.move_on_at(min(self._began_s + deadline_s, self._moved_s + quiet_s)):
                await self._changed.wait()
        return None

    def _limits(self) -> tuple[float, float]:
        provider = self._desk.providers.get(self._claim.job.provider_slug)
        if provider is None:
            return math.inf, math.inf
        return self._desk.deadline_s(provider), self._desk.no_progress_s(provider)

    async def _stop(self, stopped: Verdict) -> None:
        self._call.cancel(reason=stopped.code)
        self._changed = trio.Event()
        if not self._ended:
            with trio.move_on_after(PATIENCE_S):
                await self._changed.wait()
        if not self._ended:
            self._log.error("provider does not react to cancellation; its job ends without it", code=stopped.code)

    async def _write(self, outcome: Verdict | None) -> None:
        if outcome is None:
            self._desk.refusals.add("transaction")
            self._count("fenced")
            self._log.warning("attempt is fenced: the job is somebody else's now")
            return
        await self._desk.reporter.flush()  # the job's own lines come before the last one
        written = _finish(self._claim, outcome, self._desk.redactor)
        accepted = await self._desk.finisher.finish(written)
        self._count(verdict.outcome_of(outcome) if accepted else "fenced", outcome.code)
        if not accepted:
            self._log.warning("verdict refused: the job is somebody else's now", status=outcome.status)
            return
        if self._desk.observers is not None:
            self._desk.observers.tell(self._end(written))
        fields = {name: value for name, value in outcome.fields.items() if name != "event"}
        duration_ms = round((trio.current_time() - self._began_s) * 1000)
        self._tell(outcome.level, outcome.line, duration_ms=duration_ms, **fields)

    def _end(self, written: Finish) -> AttemptEnd:
        return AttemptEnd(
            job=self._claim.job,
            tenant=self._claim.tenant,
            status=cast("Any", written.status),
            code=written.code,
            message=written.message,
            took_s=trio.current_time() - self._began_s,
        )

    def _count(self, outcome: str, code: str | None = None) -> None:
        took_s = trio.current_time() - self._began_s
        self._desk.metrics.attempt_ended(self._claim.job.provider_slug, outcome, code, took_s)
        if self._tell_trace is not None:
            self._tell_trace(outcome, code)


def _finish(claim: Claim, outcome: Verdict, redactor: Redactor) -> Finish:
    message = None if outcome.message is None else plain_text(redactor.text(outcome.message))
    return Finish(
        job_id=claim.job.id,
        token=claim.token,
        status=outcome.status,
        code=None if outcome.code is None else plain_text(outcome.code),
        message=message,
        result=None if outcome.result is None else plain_json(outcome.result),
        delay_s=outcome.delay_s,
        counted=outcome.counted,
        level=outcome.level,
        line=outcome.line,
        fields=plain_json(redactor.value(dict(outcome.fields))),
    )
