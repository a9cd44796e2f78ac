# ruff: noqa: DTZ001 - the office's own time has no zone
"""When all deliveries are read, when only changes, and by whose clock."""

from __future__ import annotations

import datetime as dt
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drena_acessorias.delivery_plan import Plan, Reach, Watermark, decide, reach_of, still_listed, windows
from drena_acessorias.office_clock import earliest, heard, latest, server_offset, spoken
from drena_acessorias.settings import Settings

NOON = dt.datetime(2026, 11, 23, 12, 0)
MINUTE = dt.timedelta(minutes=1)


def plan(since: dt.datetime, *, now: dt.datetime = NOON, settings: Settings | None = None, full_ago: int = 0) -> Plan:
    settings = settings or Settings()
    full_on = now.date() - dt.timedelta(days=full_ago)
    mark = Watermark(spoken(since), full_on, reach_of(Settings(), full_on))
    return decide(settings, mark, earliest=now, latest=now)


@given(st.dates(dt.date(2000, 1, 1), dt.date(2060, 1, 1)), st.integers(0, 4000), st.integers(1, 900))
def test_windows_cover_every_day_once_and_none_is_longer(first: dt.date, length: int, days: int) -> None:
    reach = Reach(first, first + dt.timedelta(days=length))
    pieces = list(windows(reach, days))
    assert (pieces[0].first, pieces[-1].last) == (reach.first, reach.last)
    assert all(after.first - before.last == dt.timedelta(days=1) for before, after in pairwise(pieces))
    assert all(0 <= (piece.last - piece.first).days < days for piece in pieces)


@given(st.integers(0, 10 * 24 * 60), st.integers(0, 1440), st.integers(0, 1439))
def test_a_plan_for_changes_asks_for_nothing_older_than_yesterday_and_leaves_no_gap(
    ago: int, overlap: int, minute: int
) -> None:
    now = dt.datetime(2026, 11, 23) + minute * MINUTE
    known = now - ago * MINUTE
    found = plan(known, now=now, settings=Settings(overlap_minutes=overlap))
    if found.since is None:
        assert known < dt.datetime(2026, 11, 22, 0, 5)
    else:
        assert still_listed(found.since, now)
        assert heard(found.since) <= known
    assert heard(found.began) == now


def test_the_first_reading_is_of_everything() -> None:
    assert decide(Settings(), None, earliest=NOON, latest=NOON).since is None


@pytest.mark.parametrize(
    "more",
    [
        {"full_ago": 7},
        {"settings": Settings(deliveries_back_days=400)},
        {"settings": Settings(deliveries_ahead_days=400)},
    ],
)
def test_an_old_or_wider_reading_is_of_everything(more: dict[str, object]) -> None:
    assert plan(NOON - 60 * MINUTE).since is not None
    assert plan(NOON - 60 * MINUTE, **more).since is None  # type: ignore[arg-type]


def test_a_watermark_of_the_future_is_not_trusted() -> None:
    assert plan(NOON + dt.timedelta(days=1)).since is None


def test_midnight_makes_a_good_moment_mean_nothing() -> None:
    assert still_listed("2026-11-22 00:00:00", dt.datetime(2026, 11, 23, 23, 59, 59))
    assert not still_listed("2026-11-22 23:59:59", dt.datetime(2026, 11, 24))


def test_each_clock_counts_where_it_is_the_careful_one() -> None:
    ours = dt.datetime(2026, 11, 24, 2, 30, tzinfo=dt.UTC)
    ahead = server_offset("Tue, 24 Nov 2026 03:30:00 GMT", ours)
    assert ahead == dt.timedelta(hours=1)
    assert (str(earliest(ours, ahead)), str(latest(ours, ahead))) == ("2026-11-23 23:30:00", "2026-11-24 00:30:00")
    assert (str(earliest(ours, -ahead)), str(latest(ours, None))) == ("2026-11-23 22:30:00", "2026-11-23 23:30:00")


@pytest.mark.parametrize("header", [None, "", "soon", "99 Foo"])
def test_a_server_that_does_not_say_its_time_leaves_ours(header: str | None) -> None:
    assert server_offset(header, dt.datetime(2026, 11, 24, tzinfo=dt.UTC)) is None
