"""The token bucket: whoever asks and whatever happens, requests never come faster than they may."""

from __future__ import annotations

import itertools
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drena.outgoing import Pace, PaceBook, credential_digest
from drena.outgoing.pace import GOOD_RUN, MAX_PAUSE_S, TOLERANCE_S

GAPS = st.lists(st.floats(0, 30), min_size=1, max_size=60)


def spent(pace: Pace, now: float) -> float:
    """Take a turn as a client does, and return when it comes due."""
    return now + pace.reserve(now)


def assert_spaced(sent: list[float], limit: float) -> None:
    """In no stretch of time are there more than the limit allows."""
    for first in range(len(sent)):
        for last in range(first + 1, len(sent)):
            allowed = 1 + (sent[last] - sent[first] + TOLERANCE_S) * limit / 60
            assert last - first + 1 <= allowed + 1e-6


@given(limit=st.floats(1, 1e6), gaps=GAPS)
def test_no_stretch_of_time_holds_more_turns_than_the_limit_allows(limit, gaps):
    pace, now, due = Pace(limit), 0.0, []
    for gap in gaps:
        now += gap
        due.append(spent(pace, now))
    assert_spaced(due, limit)


@given(limit=st.floats(1, 1000), waiters=st.integers(1, 40))
def test_waiters_that_come_together_are_spaced_evenly(limit, waiters):
    pace = Pace(limit)
    due = sorted(spent(pace, 5.0) for _ in range(waiters))
    assert due[0] == 5.0
    for earlier, later in itertools.pairwise(due):
        assert later - earlier == pytest.approx(60 / limit, abs=1e-6)


@given(limit=st.floats(1, 1e6), signals=st.lists(st.sampled_from(["turn", "good", "bad", "slower"]), max_size=300))
def test_the_rate_stays_between_floor_and_limit(limit, signals):
    pace, now = Pace(limit), 0.0
    for signal in signals:
        if signal == "turn":
            now = spent(pace, now)
        elif signal == "good":
            pace.good(pace.epoch)
        elif signal == "bad":
            pace.throttled(pace.epoch, now, "429")
        else:
            pace.slower("empty page")
        assert pace.floor <= pace.requests_per_minute <= pace.limit


def test_a_throttled_answer_halves_the_rate_once_for_all_that_were_on_their_way():
    pace = Pace(60)
    epochs = [(spent(pace, 0.0), pace.epoch)[1] for _ in range(4)]
    for epoch in epochs:
        pace.throttled(epoch, 1.0, "429")
    assert pace.requests_per_minute == 30
    assert pace.reason == "429"


def test_slower_counts_once_until_a_request_was_made_at_the_new_rate():
    pace = Pace(60)
    pace.slower("never asked yet")
    assert pace.requests_per_minute == 60
    spent(pace, 0.0)
    pace.slower("empty")
    pace.slower("empty")
    assert pace.requests_per_minute == 30
    spent(pace, 10.0)
    pace.slower("empty")
    assert pace.requests_per_minute == 15


def test_the_rate_recovers_a_little_after_a_run_of_good_answers_and_a_bad_one_ends_the_run():
    pace = Pace(60)
    spent(pace, 0.0)
    pace.throttled(pace.epoch, 0.0, "429")
    for _ in range(GOOD_RUN - 1):
        pace.good(pace.epoch)
    assert pace.requests_per_minute == 30
    pace.good(pace.epoch)
    assert pace.requests_per_minute == 33
    for _ in range(GOOD_RUN * 20):
        pace.good(pace.epoch)
    assert pace.requests_per_minute == 60


def test_answers_to_requests_from_before_the_slowdown_prove_nothing():
    pace = Pace(60)
    spent(pace, 0.0)
    before = pace.epoch
    pace.throttled(before, 0.0, "429")
    for _ in range(GOOD_RUN * 3):
        pace.good(before)
    assert pace.requests_per_minute == 30


@given(wait=st.floats(0, 2000), others=st.integers(0, 5))
def test_no_turn_comes_due_during_a_pause_and_the_next_ones_are_spaced(wait, others):
    pace = Pace(60)
    for _ in range(others + 1):
        spent(pace, 100.0)
    epoch = pace.epoch
    pace.pause(100.0, wait)
    assert pace.epoch != epoch
    first, second = spent(pace, 100.0), spent(pace, 100.0)
    assert first >= 100.0 + min(wait, MAX_PAUSE_S) - TOLERANCE_S
    assert first >= 101.0 - 1e-9
    assert second - first == pytest.approx(1.0)


def test_a_longer_pause_is_not_cut_by_a_shorter_one():
    pace = Pace(60)
    pace.pause(0.0, 50)
    pace.pause(1.0, 5)
    assert spent(pace, 2.0) == 50.0


def test_a_turn_given_back_is_taken_by_the_next_at_its_own_moment():
    pace = Pace(60)
    due = [spent(pace, 0.0) for _ in range(4)]
    assert due == [0.0, 1.0, 2.0, 3.0]
    pace.give_back(pace.epoch, 2.0)
    pace.give_back(pace.epoch, 1.0)
    assert [spent(pace, 0.5) for _ in range(3)] == [1.0, 2.0, 4.0]


def test_turns_given_back_too_late_are_lost():
    pace = Pace(60)
    assert [spent(pace, 0.0) for _ in range(3)] == [0.0, 1.0, 2.0]
    pace.give_back(pace.epoch, 1.0)
    assert spent(pace, 1.5) == 3.0
    old = pace.epoch
    pace.pause(1.5, 10)
    pace.give_back(old, 3.0)
    assert spent(pace, 1.5) == 11.5


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("ask"), st.integers(1, 4)),
        st.tuples(st.just("cancel"), st.integers(0, 10)),
        st.tuples(st.just("sleep"), st.floats(0, 20)),
        st.tuples(st.just("slower"), st.none()),
        st.tuples(st.just("bad"), st.none()),
        st.tuples(st.just("pause"), st.floats(0, 30)),
    ),
    max_size=60,
)


class Model:
    """Clients as they are: they sleep until their turn, ask again when it became void, and may be cancelled."""

    def __init__(self, limit: float) -> None:
        self.pace = Pace(limit)
        self.now = self.paused_until = 0.0
        self.waiting: list[tuple[float, int]] = []
        self.sent: list[float] = []

    def ask(self, times: int = 1) -> None:
        for _ in range(times):
            self.waiting.append((spent(self.pace, self.now), self.pace.epoch))

    def cancel(self, which: int) -> None:
        if self.waiting:
            due, epoch = self.waiting.pop(which % len(self.waiting))
            self.pace.give_back(epoch, due)

    def slower(self, _: None) -> None:
        self.pace.slower("empty")

    def bad(self, _: None) -> None:
        self.pace.throttled(self.pace.epoch, self.now, "429")

    def pause(self, wait_s: float) -> None:
        self.pace.pause(self.now, wait_s)
        self.paused_until = max(self.paused_until, self.now + wait_s)

    def sleep(self, seconds: float) -> None:
        until = self.now + seconds
        while self.waiting and min(self.waiting)[0] <= until:
            due, epoch = min(self.waiting)
            self.waiting.remove((due, epoch))
            self.now = max(self.now, due)
            if epoch == self.pace.epoch:
                assert self.now >= self.paused_until - TOLERANCE_S
                self.sent.append(self.now)
            else:
                self.ask()
        self.now = until


@given(limit=st.floats(6, 600), steps=STEPS)
def test_waiters_cancellations_slowdowns_and_pauses_together_never_break_the_bounds(limit, steps):
    model = Model(limit)
    for step, amount in [*steps, ("sleep", 1000.0)]:
        getattr(model, step)(amount)
        model.sleep(0.0)
    assert_spaced(model.sent, limit)


@given(limit=st.floats(6, 600), waiters=st.integers(1, 30), pause=st.floats(0, 100))
def test_everybody_who_waits_is_served_in_the_end(limit, waiters, pause):
    model = Model(limit)
    model.ask(waiters)
    model.bad(None)
    model.pause(pause)
    model.sleep(pause + (waiters + 2) * 60 / model.pace.requests_per_minute)
    assert len(model.sent) == waiters
    assert model.waiting == []


def test_a_very_high_limit_means_no_wait():
    pace = Pace(1e6)
    assert [pace.reserve(0.001 * n) for n in range(1000)] == [0.0] * 1000


def test_a_clock_that_seems_to_go_back_gives_no_turn_away():
    pace = Pace(60)
    assert pace.reserve(10.0) == 0.0
    assert pace.reserve(9.0) == 1.0


def test_the_book_keeps_a_credential_s_pace_across_attempts_and_apart_from_others():
    book, tenant = PaceBook(), uuid4()
    old, new = credential_digest({"token": "old"}), credential_digest({"token": "new"})
    first = book.pace(tenant, "acessorias", old, 60)
    spent(first, 0.0)
    first.slower("empty")
    assert book.pace(tenant, "acessorias", old, 60) is first
    assert book.pace(tenant, "acessorias", new, 60).requests_per_minute == 60
    assert book.pace(uuid4(), "acessorias", old, 60) is not first
    assert len(list(book.paces())) == 3


def test_the_book_follows_a_changed_limit_and_forgets_old_credentials():
    book, tenant = PaceBook(), uuid4()
    first = book.pace(tenant, "x", b"0", 60)
    assert book.pace(tenant, "x", b"0", 30) is first
    assert first.requests_per_minute == 30
    for n in range(1, 10):
        book.pace(tenant, "x", bytes([n]), 60)
    assert len(list(book.paces())) == 4
    assert book.pace(tenant, "x", b"0", 60) is not first


def test_the_digest_tells_credentials_apart_and_not_what_they_are():
    assert credential_digest({"a": "bc"}) != credential_digest({"ab": "c"})
    assert credential_digest({"a": "1", "b": "2"}) == credential_digest({"b": "2", "a": "1"})
    assert b"geheim" not in credential_digest({"token": "geheim"})
