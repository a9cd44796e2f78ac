"""When a schedule's next occurrence is: calendars, clock changes, offsets."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from uuid import UUID, uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drena.cron import DEFAULT_TIMEZONE, CronError, check_schedule, next_occurrence, offset_of

SAO_PAULO = "America/Sao_Paulo"
NEW_YORK = "America/New_York"
SANTIAGO = "America/Santiago"


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def run_through(cron: str, timezone: str, since: str, upto: str, *, offset_s: float = 0.0) -> list[str]:
    """Every occurrence in a stretch of time, as the scheduler meets them: each found from the one before."""
    found, now, last = [], at(since), None
    while True:
        upcoming = next_occurrence(cron, timezone, now=now, last=last, offset_s=offset_s)
        if upcoming.at >= at(upto):
            return found
        found.append(f"{upcoming.at:%Y-%m-%dT%H:%M:%SZ}")
        now, last = upcoming.at + timedelta(milliseconds=3), upcoming.nominal


def test_the_zone_is_that_of_most_offices_unless_said_otherwise():
    assert DEFAULT_TIMEZONE == SAO_PAULO
    assert next_occurrence("0 2 * * *", SAO_PAULO, now=at("2026-11-24T00:00Z")).at == at("2026-11-24T05:00Z")


def test_a_time_that_a_clock_change_skips_comes_right_after_the_gap_and_once():
    # New York, 8 March 2026: 02:00 to 03:00 does not exist.
    assert run_through("30 2 * * *", NEW_YORK, "2026-03-07T12:00Z", "2026-03-10T12:00Z") == [
        "2026-03-08T07:00:00Z",
        "2026-03-09T06:30:00Z",
        "2026-03-10T06:30:00Z",
    ]


def test_a_time_that_a_clock_change_repeats_comes_once():
    # New York, 1 November 2026: 01:00 to 02:00 comes twice.
    assert run_through("30 1 * * *", NEW_YORK, "2026-10-31T12:00Z", "2026-11-03T00:00Z") == [
        "2026-11-01T05:30:00Z",
        "2026-11-02T06:30:00Z",
    ]


def test_from_within_the_repeated_hour_the_time_that_has_been_is_not_found_again():
    second_pass = at("2026-11-01T06:10Z")  # 01:10, for the second time
    assert next_occurrence("30 1 * * *", NEW_YORK, now=second_pass).at == at("2026-11-02T06:30Z")


def test_midnight_that_did_not_exist_in_sao_paulo_comes_at_one_o_clock():
    # Brazil's clocks went from 00:00 to 01:00 on 4 November 2018, and back at midnight of 17 February 2019.
    assert run_through("0 0 * * *", SAO_PAULO, "2018-11-03T12:00Z", "2018-11-06T00:00Z") == [
        "2018-11-04T03:00:00Z",
        "2018-11-05T02:00:00Z",
    ]
    assert run_through("30 23 * * *", SAO_PAULO, "2019-02-16T12:00Z", "2019-02-18T12:00Z") == [
        "2019-02-17T01:30:00Z",
        "2019-02-18T02:30:00Z",
    ]


def test_santiago_skips_and_repeats_midnight_and_still_runs_daily():
    spring = run_through("0 0 * * *", SANTIAGO, "2026-09-05T12:00Z", "2026-09-08T12:00Z")
    assert spring == ["2026-09-06T04:00:00Z", "2026-09-07T03:00:00Z", "2026-09-08T03:00:00Z"]
    autumn = run_through("30 23 * * *", SANTIAGO, "2026-04-03T12:00Z", "2026-04-06T12:00Z")
    assert autumn == ["2026-04-04T02:30:00Z", "2026-04-05T02:30:00Z", "2026-04-06T03:30:00Z"]


@pytest.mark.parametrize("timezone", [NEW_YORK, SANTIAGO])
def test_what_is_due_every_quarter_of_an_hour_goes_on_through_clock_changes(timezone):
    for since in ("2026-03-08T05:00Z", "2026-11-01T04:00Z", "2026-04-05T02:00Z", "2026-09-06T03:00Z"):
        upto = (at(since) + timedelta(hours=4)).isoformat()
        found = run_through("*/15 * * * *", timezone, since, upto)
        assert {at(b) - at(a) for a, b in pairwise(found)} == {timedelta(minutes=15)}
        assert len(found) == 15


def test_the_29th_of_february_waits_for_a_leap_year():
    found = run_through("0 6 29 2 *", SAO_PAULO, "2025-01-01T00:00Z", "2037-01-01T00:00Z")
    assert found == ["2028-02-29T09:00:00Z", "2032-02-29T09:00:00Z", "2036-02-29T09:00:00Z"]
    assert next_occurrence("0 6 29 2 *", SAO_PAULO, now=at("2096-03-01T00:00Z")).at == at("2104-02-29T09:00Z")


def test_the_last_day_of_a_month_is_known_in_leap_years():
    assert run_through("0 12 L 2 *", "UTC", "2027-01-01T00:00Z", "2029-01-01T00:00Z") == [
        "2027-02-28T12:00:00Z",
        "2028-02-29T12:00:00Z",
    ]


def test_what_was_missed_comes_once_and_not_many_times():
    last = at("2026-11-20T05:00Z")
    upcoming = next_occurrence("0 2 * * *", SAO_PAULO, now=at("2026-11-24T08:00Z"), last=last)
    assert upcoming.at == at("2026-11-25T05:00Z")


def test_an_offset_that_grew_does_not_bring_an_occurrence_back():
    ran = next_occurrence("0 2 * * *", SAO_PAULO, now=at("2026-11-24T00:00Z"), offset_s=60)
    again = next_occurrence("0 2 * * *", SAO_PAULO, now=ran.at, last=ran.nominal, offset_s=600)
    assert (ran.nominal, again.nominal) == (at("2026-11-24T05:00Z"), at("2026-11-25T05:00Z"))


@given(st.uuids(), st.text(max_size=10), st.floats(0, 86_400))
def test_an_offset_is_always_the_same_and_below_the_jitter(tenant, lane, jitter_s):
    offset_s = offset_of(tenant, "acessorias", lane, jitter_s)
    assert offset_s == offset_of(UUID(str(tenant)), "acessorias", lane, jitter_s)
    assert 0 <= offset_s <= jitter_s
    assert offset_of(tenant, "acessorias", lane, 0) == 0


def test_a_thousand_offices_of_one_moment_are_spread_evenly():
    offsets = [offset_of(uuid4(), "acessorias", "", 300) for _ in range(1000)]
    by_minute = [sum(60 * n <= o < 60 * (n + 1) for o in offsets) for n in range(5)]
    assert all(130 <= number <= 280 for number in by_minute), by_minute


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(["0 2 * * *", "30 1 * * *", "59 23 * * *", "0 0 * * *", "*/7 * * * *", "15 */3 * * 1-5"]),
    st.sampled_from([SAO_PAULO, NEW_YORK, SANTIAGO, "UTC", "Asia/Kathmandu", "Australia/Lord_Howe", "Pacific/Apia"]),
    st.datetimes(datetime(2000, 1, 1), datetime(2035, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001  # hypothesis'
    st.integers(0, 3600),
)
def test_the_next_occurrence_is_always_to_come_and_never_the_same(cron, timezone, now, offset_s):
    first = next_occurrence(cron, timezone, now=now, offset_s=offset_s)
    assert first.at > now
    second = next_occurrence(cron, timezone, now=first.at, last=first.nominal, offset_s=offset_s)
    assert second.nominal > first.nominal
    assert second.at > first.at


@pytest.mark.parametrize(
    "cron",
    ["", "* * * *", "* * * * * *", "0 25 * * *", "61 * * * *", "0 0 32 * *", "0 0 * 13 *", "0 0 * * 8", "every day",
     "@daily", "0 0 30 2 *", "*/0 * * * *", "1-a * * * *", "0 0 L-3 * *", "² * * * *", "0 2 * * *" + " " * 200,
     ",".join(["1"] * 400) + " * * * *", "-1 * * * *", "5-1 * * * *", "0 0 * * 1#9", "\x00 * * * *"],
)  # fmt: skip
def test_an_expression_that_makes_no_sense_is_refused_with_the_way_out(cron):
    with pytest.raises(CronError) as caught:
        check_schedule(cron, SAO_PAULO)
    assert caught.value.field == "cron"
    pt, en = caught.value.words
    assert pt
    assert en
    assert pt != en


@pytest.mark.parametrize(
    "cron, said",
    [("0 0 30 2 *", "that date never comes"), ("0 0 31 4 *", "that date never comes"),
     ("0 0 32 2 *", "the day of the month is 1 to 31"), ("0 0 1 13 *", "the month is 1 to 12")],
)  # fmt: skip
def test_a_day_that_its_month_does_not_have_is_told_from_one_that_no_month_has(cron: str, said: str) -> None:
    with pytest.raises(CronError, match=said):
        check_schedule(cron, SAO_PAULO)


@pytest.mark.parametrize("timezone", ["", "Mars/Olympus", "../../etc/passwd", "/etc/localtime", "America/Sao Paulo",
                                      "a" * 5000, "\x00", "posix/UTC", "posixrules", "America"])  # fmt: skip
def test_a_zone_that_does_not_exist_is_refused(timezone):
    with pytest.raises(CronError) as caught:
        check_schedule("0 2 * * *", timezone)
    assert caught.value.field == "timezone"
