"""Backoff and verdicts: pure rules, held by properties."""

from __future__ import annotations

import math
from typing import Any, cast
from uuid import uuid4

import pytest
import trio
from asyncpg.exceptions._base import DataError
from hypothesis import given
from hypothesis import strategies as st

from asyncpg_trio import exceptions as pg
from drena.api import AttemptFenced, GiveUp, RetryLater
from drena.engine import backoff, verdict
from drena.engine.finishes import LARGEST_BATCH, batch_size
from drena.engine.lease import SLOW_LEASES, Lease
from drena.engine.outages import passes
from drena.engine.reports import measure, percent
from drena.engine.verdict import Retry, gravest

attempts = st.integers(1, 10_000)
rolls = st.floats(0, 1, exclude_max=True)
bases = st.floats(0.001, 1e4)
caps = st.floats(0.001, 1e6)
wishes = st.none() | st.floats(0.001, 1e6)


@given(attempts, bases, caps, rolls)
def test_the_backoff_stays_between_half_the_step_and_the_step(
    attempt: int, base_s: float, cap_s: float, roll: float
) -> None:
    step_s = min(cap_s, base_s * 2.0 ** min(attempt - 1, 62))
    delay_s = backoff.delay_s(attempt, base_s=base_s, cap_s=cap_s, retry_after_s=None, roll=roll)
    assert step_s / 2 <= delay_s <= step_s


@given(attempts, bases, caps, rolls)
def test_the_backoff_never_shrinks_from_attempt_to_attempt(
    attempt: int, base_s: float, cap_s: float, roll: float
) -> None:
    here, next_ = (
        backoff.delay_s(n, base_s=base_s, cap_s=cap_s, retry_after_s=None, roll=roll) for n in (attempt, attempt + 1)
    )
    assert here <= next_


@given(attempts, bases, caps, rolls, wishes)
def test_a_servers_wish_to_wait_longer_is_honoured_beyond_the_cap_and_never_shortens(
    attempt: int, base_s: float, cap_s: float, roll: float, wish_s: float | None
) -> None:
    own_s, wished = (
        backoff.delay_s(attempt, base_s=base_s, cap_s=cap_s, retry_after_s=w, roll=roll) for w in (None, wish_s)
    )
    assert wished == max(own_s, wish_s or 0.0)


@given(st.floats() | st.integers() | st.text() | st.none() | st.booleans() | st.binary())
def test_any_wish_is_a_number_of_seconds_a_database_can_hold_or_none(wish: Any) -> None:
    found = backoff.wished_s(wish)
    assert found is None or (0 < found <= backoff.LONGEST_WISH_S and math.isfinite(found))


def retry(attempt: int = 1, max_attempts: int = 3) -> Retry:
    return Retry(attempt=attempt, max_attempts=max_attempts, base_s=1.0, cap_s=60.0, roll=0.5)


@pytest.mark.parametrize(
    "error, attempt, status, code",
    [
        (GiveUp("token_invalid", "Não."), 1, "error", "token_invalid"),
        (GiveUp("token_invalid", "Não."), 3, "error", "token_invalid"),
        (RetryLater(None, "Depois."), 1, "pending", "retry_later"),
        (RetryLater(None, "Depois.", code="rate_limited"), 2, "pending", "rate_limited"),
        (RetryLater(None, "Depois.", code="rate_limited"), 3, "error", "rate_limited"),
        (ValueError("oops"), 1, "pending", "provider_bug"),
        (ValueError("oops"), 3, "error", "provider_bug"),
        (SystemExit(1), 1, "pending", "provider_bug"),
        (ValueError("oops"), 17, "error", "provider_bug"),
    ],
)
def test_the_table_of_verdicts(error: BaseException, attempt: int, status: str, code: str) -> None:
    found = verdict.failed(error, retry(attempt), provider="script", trace="the trace")
    assert (found.status, found.code) == (status, code)
    assert found.fields["event"] == ("attempt.retry" if status == "pending" else "attempt.finished")
    assert ("traceback" in found.fields) == (code == "provider_bug")
    assert (found.delay_s > 0) == (status == "pending")


def test_success_deadline_and_silence_have_their_verdicts() -> None:
    assert verdict.succeeded({"read": 1}).status == "success"
    assert (verdict.overdue(60, retry()).status, verdict.overdue(60, retry()).code) == ("pending", "deadline")
    assert (verdict.overdue(60, retry(3)).status, verdict.overdue(60, retry(3)).code) == ("error", "deadline")
    assert verdict.stalled(60, retry(3)).code == "no_progress"
    assert verdict.canceled().status == "canceled"


@given(st.integers(1, 20), st.integers(1, 20))
def test_a_job_never_has_more_attempts_than_it_may(attempt: int, max_attempts: int) -> None:
    found = verdict.failed(RetryLater(None, "Depois."), retry(attempt, max_attempts), provider="script")
    assert (found.status == "pending") == (attempt < max_attempts)


FENCED, GAVE_UP, BUG = AttemptFenced("x"), GiveUp("a", "b"), KeyError("x")
SHORT, LONG = RetryLater(1.0, "kurz"), RetryLater(60.0, "lang")
RANKS = [FENCED, GAVE_UP, BUG, LONG, SHORT]


@given(st.data(), st.lists(st.sampled_from(RANKS), min_size=1, max_size=6))
def test_the_gravest_of_any_nest_of_groups_decides(data: st.DataObject, errors: list[Exception]) -> None:
    nest: list[Exception] = list(errors)
    while len(nest) > 1 and data.draw(st.booleans()):
        cut = data.draw(st.integers(1, len(nest)))
        nest = [ExceptionGroup("some", nest[:cut]), *nest[cut:]]
    found = gravest(ExceptionGroup("all", nest))
    assert RANKS.index(found) == min(RANKS.index(e) for e in errors)  # type: ignore[arg-type]


@given(st.integers(), st.none() | st.integers(0))
def test_per_cent_is_whole_and_below_100_until_the_end(done: int, total: int | None) -> None:
    found = percent(done, total)
    assert isinstance(found, int)
    assert 0 <= found <= 99


@given(st.integers(0, 10**9), st.none() | st.integers(0, 10**9), st.integers(0, 10**9), st.floats(0, 1e6))
def test_rate_and_time_left_are_never_negative(done: int, total: int | None, since: int, elapsed_s: float) -> None:
    for found in measure(done, total, since_done=since, elapsed_s=elapsed_s):
        assert found is None or found >= 0


@pytest.mark.parametrize(
    "error, heals",
    [
        (ConnectionRefusedError(), True),
        (pg.ConnectionDoesNotExistError("gone"), True),
        (pg.InterfaceError("cannot perform operation: connection is closed"), True),
        (pg.AdminShutdownError("restarting"), True),
        (pg.DeadlockDetectedError("chosen"), True),
        (DataError("invalid input for query argument $1"), False),
        (pg.ClientConfigurationError("invalid DSN"), False),
        (pg.UniqueViolationError("there already"), False),
        (ValueError(), False),
    ],
)
def test_only_what_time_heals_is_outlasted(error: Exception, heals: bool) -> None:
    assert passes(error) == heals


async def test_a_slow_database_delays_the_burial_of_the_dead_but_not_for_ever(autojump_clock: object) -> None:
    lease = Lease(uuid4(), 15.0, cast("Any", None))
    joined_s = trio.current_time()
    assert lease.rescues_from_s == joined_s + 15
    for _ in range(8):
        await trio.sleep(5)
        lease.steady_since_s = trio.current_time()  # this renewal, too, was answered late
    assert lease.rescues_from_s == joined_s + SLOW_LEASES * 15
    lease.steady_since_s = lease.answered_since_s = trio.current_time()  # not at all
    assert lease.rescues_from_s == trio.current_time() + 15


@given(st.integers(1, 100_000))
def test_while_a_batch_of_verdicts_is_written_two_more_can_run(node_jobs: int) -> None:
    size = batch_size(node_jobs)
    assert 1 <= size <= LARGEST_BATCH
    assert node_jobs < 150 or size * 3 <= node_jobs
    assert size <= batch_size(node_jobs + 1)
