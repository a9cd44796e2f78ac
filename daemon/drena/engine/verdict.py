"""What becomes of a job after an attempt. Pure: an outcome and a job go in, the row to write comes out.

outcome                                   verdict
returned                                  success
GiveUp                                    error, with the provider's code
RetryLater                                pending again after the backoff; error once the attempts are used up
any other exception (a bug)               the same, code `provider_bug`
deadline passed                           the same, code `deadline`
the database was lost                     pending again at once, the attempt not counted
fenced                                    nothing: the job is somebody else's
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final, Literal

import msgspec

from drena import api
from drena.engine import backoff


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What to write for an attempt; `status` `pending` means another attempt after `delay_s`."""

    status: Literal["success", "error", "canceled", "pending"]
    code: str | None = None
    message: str | None = None
    result: Any = None
    delay_s: float = 0.0
    counted: bool = True
    level: Literal["info", "warning", "error"] = "info"
    line: str
    fields: Mapping[str, Any] = {}


class Retry(msgspec.Struct, frozen=True, kw_only=True):
    """What decides whether and when there is another attempt."""

    attempt: int
    """The one that failed, 1 for the first."""
    max_attempts: int
    base_s: float
    cap_s: float
    roll: float
    """A random number in [0, 1)."""


SUCCEEDED: Final[Mapping[str, Any]] = MappingProxyType({"event": "attempt.finished", "status": "success"})
"""The fields of every success, in which nothing is a provider's word."""
CODE_LIMIT: Final = 100
MESSAGE_LIMIT: Final = 4_000
TRACE_LIMIT: Final = 32_000
"""Characters of a traceback that are kept: the last, which say what happened."""

BUG_MESSAGE = "Erro interno no conector {provider}: {kind}. O suporte encontra os detalhes no log do job."
DEADLINE_MESSAGE = "O processamento passou do limite de {limit_s:.0f} s e foi interrompido."
STALLED_MESSAGE = "O processamento ficou {limit_s:.0f} s sem avançar e foi interrompido."


def outcome_of(verdict: Verdict) -> str:
    """A verdict in one word, for counting."""
    if verdict.status == "pending":
        return "retry" if verdict.counted else "released"
    return verdict.status


def succeeded(result: Any) -> Verdict:
    """The provider returned."""
    return Verdict(
        status="success",
        result=result,
        line="attempt succeeded",
        fields=SUCCEEDED,
    )


def failed(error: BaseException, retry: Retry, *, provider: str, trace: str = "") -> Verdict:
    """The provider raised. What it says is made a text of bounded size.

    Args:
        error: what it raised; not `AttemptFenced`, which writes nothing.
        retry: whether and when again.
        provider: its slug, for the words.
        trace: the traceback of a bug, already redacted.
    """
    if isinstance(error, api.GiveUp):
        code, message = _said(error.code, CODE_LIMIT), _said(error.message, MESSAGE_LIMIT)
        return Verdict(
            status="error",
            code=code,
            message=message,
            level="error",
            line="attempt gave up",
            fields={"event": "attempt.finished", "status": "error", "code": code, "reason": message},
        )
    if isinstance(error, api.RetryLater):
        code, message = _said(error.code, CODE_LIMIT), _said(error.reason, MESSAGE_LIMIT)
        return _again(code, message, backoff.wished_s(error.after_s), retry, {})
    message = BUG_MESSAGE.format(provider=provider, kind=type(error).__name__)
    return _again("provider_bug", message, None, retry, {"traceback": trace[-TRACE_LIMIT:]})


def _said(value: Any, limit: int) -> str:
    """What a provider put where a text belongs, as one."""
    try:
        return str(value)[:limit]
    except Exception:  # noqa: BLE001  # its own `__str__` failed
        return f"<{type(value).__name__}>"


def overdue(limit_s: float, retry: Retry) -> Verdict:
    """The attempt passed its deadline."""
    return _again("deadline", DEADLINE_MESSAGE.format(limit_s=limit_s), None, retry, {})


def stalled(limit_s: float, retry: Retry) -> Verdict:
    """Neither progress nor checkpoint moved for so long."""
    return _again("no_progress", STALLED_MESSAGE.format(limit_s=limit_s), None, retry, {})


def interrupted(error: api.RetryLater, retry: Retry, times: int) -> Verdict:
    """The database went away under the attempt, for so many times in a row: like a release, nobody's failure."""
    delay_s = backoff.delay_s(times, base_s=retry.base_s, cap_s=retry.cap_s, retry_after_s=None, roll=retry.roll)
    return Verdict(
        status="pending",
        code=error.code,
        message=error.reason,
        delay_s=delay_s,
        counted=False,
        level="warning",
        line="attempt interrupted, will go on",
        fields={"event": "job.released", "reason": error.reason, "code": error.code, "retry_in_s": round(delay_s, 3)},
    )


def canceled() -> Verdict:
    """Somebody asked for the end of the job."""
    return Verdict(
        status="canceled",
        code="canceled",
        message="Cancelado.",
        line="attempt canceled",
        fields={"event": "attempt.finished", "status": "canceled"},
    )


def _again(code: str, message: str, after_s: float | None, retry: Retry, more: Mapping[str, Any]) -> Verdict:
    fields = {"code": code, "reason": message, **more}
    if retry.attempt >= retry.max_attempts:
        return Verdict(
            status="error",
            code=code,
            message=message,
            level="error",
            line="attempt failed, attempts used up",
            fields={"event": "attempt.finished", "status": "error", **fields},
        )
    delay_s = backoff.delay_s(
        retry.attempt, base_s=retry.base_s, cap_s=retry.cap_s, retry_after_s=after_s, roll=retry.roll
    )
    return Verdict(
        status="pending",
        code=code,
        message=message,
        delay_s=delay_s,
        level="warning",
        line="attempt failed, will retry",
        fields={"event": "attempt.retry", "status": "pending", "retry_in_s": round(delay_s, 3), **fields},
    )


def gravest(error: BaseException) -> BaseException:
    """The one exception of a group that decides: fenced, then give up, then a bug, then the longest wait.

    A provider with a nursery of its own raises groups; what it meant is inside them.
    """
    if not isinstance(error, BaseExceptionGroup):
        return error
    return max((gravest(e) for e in error.exceptions), key=_gravity)


def _gravity(error: BaseException) -> tuple[int, float]:
    if isinstance(error, api.AttemptFenced):
        return 3, 0.0
    if isinstance(error, api.GiveUp):
        return 2, 0.0
    if isinstance(error, api.RetryLater):
        return 0, backoff.wished_s(error.after_s) or 0.0
    return 1, 0.0
