"""One attempt, from claim to written verdict: the provider's call under watch.

Three things end a call that does not end by itself: somebody cancelled the job, its deadline passed, or neither
progress nor checkpoint moved for the provider's limit (I11). All three are one cancel scope around the call, whose
deadline moves on with the job; a short attempt is one task and nothing else.

A provider that does not react to its cancellation (a shielded scope, a thread) does not delay the verdict: after
`PATIENCE_S` it is written without it, by `Attempts.watch`, which looks at all attempts of the node now and then. What
is left of the call can change nothing any more, because its lease token went with the verdict (I2), and it keeps its
place among the node's attempts until it really ends, so that nodes do not fill up with the undead.

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
from drena.engine.call import call_provider, failure, retry_of
from drena.engine.stray_tasks import abandon_nurseries
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
LOOK_S: Final = 0.25
"""How often somebody looks for providers that do not react."""


_SUCCEEDED: Final = plain_json(dict(verdict.SUCCEEDED))


class Attempts:
    """The attempts a node is running."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._running: dict[UUID, Attempt] = {}
        self._begun = trio.Event()

    async def run(self, claim: Claim) -> None:
        """Run one attempt; returns when its verdict is written and its provider has ended."""
        attempt = Attempt(claim, self._desk)
        self._running[claim.job.id] = attempt
        self._begun.set()
        try:
            await attempt.run()
        finally:
            if self._running.get(claim.job.id) is attempt:
                del self._running[claim.job.id]

    async def watch(self) -> None:
        """Write the verdicts of providers that do not react to their cancellation, and end waits for answers that will
        not come; runs until cancelled, within the lease."""
        desk = self._desk
        async with trio.open_nursery() as writers:
            writers.start_soon(desk.statements.watch, desk.pool, desk.log, name="watch statements")
            while True:
                await self._begun.wait()
                await trio.sleep(LOOK_S)
                for attempt in self._running.values():
                    if attempt.lingers:
                        writers.start_soon(attempt.end_without_provider, name="verdict of an undead provider")
                if not self._running:
                    self._begun = trio.Event()

    def cancel(self, job_id: UUID) -> None:
        """Cancel the attempt at this job, if it is here; told twice, it does no more."""
        if (attempt := self._running.get(job_id)) is not None:
            attempt.cancel()


class Attempt:
    """One attempt; see the head of this file."""

    def __init__(self, claim: Claim, desk: Desk) -> None:
        self._claim = claim
        self._desk = desk
        self._began_s = self._moved_s = trio.current_time()
        self._deadline_s, self._quiet_s = self._limits()
        self._call = trio.CancelScope(deadline=self._ends_at_s)
        self._canceled_s: float | None = None
        self._settled = False
        """The verdict is being written, or is: there is only one."""
        self._tell_trace: Callable[[str, str | None], None] | None = None

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
        if self._canceled_s is None:
            self._canceled_s = trio.current_time()
            self._call.cancel(reason="canceled")

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
        outcome = None
        try:
            with self._call:
                outcome = await call_provider(claim, self._desk, lambda: self._log, self._move)
        except RuntimeError as error:  # the scope's own: the provider left a nursery open inside of it
            abandon_nurseries()
            outcome = failure(error, claim, self._desk)
        if not self._settled:
            self._settled = True
            await self._write(self._stopped() if self._call.cancel_called else outcome)

    def _move(self) -> None:
        if self._call.cancel_called:
            return  # too late
        self._moved_s = trio.current_time()
        self._call.deadline = self._ends_at_s
        self._desk.interruptions.pop(self._claim.job.id, None)

    @property
    def _ends_at_s(self) -> float:
        return min(self._began_s + self._deadline_s, self._moved_s + self._quiet_s)

    def _limits(self) -> tuple[float, float]:
        provider = self._desk.providers.get(self._claim.job.provider_slug)
        if provider is None:
            return math.inf, math.inf
        return self._desk.deadline_s(provider), self._desk.no_progress_s(provider)

    def _stopped(self) -> Verdict:
        """What ended the call."""
        if self._canceled_s is not None:
            return verdict.canceled()
        if self._began_s + self._deadline_s <= self._moved_s + self._quiet_s:
            return verdict.overdue(self._deadline_s, retry_of(self._claim, self._desk))
        return verdict.stalled(self._quiet_s, retry_of(self._claim, self._desk))

    @property
    def lingers(self) -> bool:
        """Its call was ended `PATIENCE_S` ago and goes on all the same, and nobody has written a verdict."""
        ended_s = self._ends_at_s if self._canceled_s is None else self._canceled_s
        return not self._settled and trio.current_time() >= ended_s + PATIENCE_S

    async def end_without_provider(self) -> None:
        """Write the verdict of a call that does not end."""
        if not self._settled:
            self._settled = True
            stopped = self._stopped()
            self._log.error("provider does not react to cancellation; its job ends without it", code=stopped.code)
            await self._write(stopped)

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
        if self._desk.log.tells(outcome.level):
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
        fields=_SUCCEEDED if outcome.fields is verdict.SUCCEEDED else plain_json(redactor.value(dict(outcome.fields))),
    )
