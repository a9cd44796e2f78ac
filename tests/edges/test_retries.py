"""Which requests go out again, when, and when not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drena.outgoing.retries import RetryRules, may_repeat, next_wait_s, retry_after

NOW = datetime(2026, 11, 23, 20, 0, 0, tzinfo=UTC)
RULES = RetryRules()


@given(tries=st.integers(1, 10), left=st.floats(0, 300), luck=st.floats(0, 1, exclude_max=True))
def test_waits_are_bounded_and_end(tries, left, luck):
    wait = next_wait_s(RULES, tries, left, lambda: luck)
    if wait is None:
        assert tries >= RULES.tries or left <= RULES.cap_s
    else:
        assert 0 <= wait <= min(RULES.cap_s, RULES.base_s * 2 ** (tries - 1))
        assert wait < left


@given(asked=st.floats(0, 1000), luck=st.floats(0, 1, exclude_max=True))
def test_a_retry_after_is_waited_out_in_full_or_left_to_the_provider(asked, luck):
    wait = next_wait_s(RULES, 1, RULES.total_s, lambda: luck, asked)
    if asked > RULES.retry_after_cap_s:
        assert wait is None
    else:
        assert wait is not None
        assert asked <= wait <= asked + RULES.base_s


@pytest.mark.parametrize(
    "method, asked, verdict",
    [
        ("GET", None, True),
        ("HEAD", None, True),
        ("PUT", None, False),
        ("DELETE", None, False),
        ("POST", None, False),
        ("PUT", True, True),
        ("GET", False, False),
    ],
)
def test_only_what_cannot_happen_twice_is_repeated_by_itself(method, asked, verdict):
    assert may_repeat(method, asked) is verdict


@pytest.mark.parametrize(
    "header, seconds",
    [
        (None, None),
        ("", None),
        ("7", 7.0),
        (" 7.5 ", 7.5),
        ("-3", None),
        ("soon", None),
        ("9" * 400, None),
        (format_datetime(NOW + timedelta(seconds=90), usegmt=True), 90.0),
        (format_datetime(NOW - timedelta(seconds=90), usegmt=True), 0.0),
        ("Mon, 23 Nov 2026 20:01:00 -0000", 60.0),
        ("Mon, 99 Nov 2026 20:01:00 GMT", None),
    ],
)
def test_retry_after_is_read_as_seconds_or_date(header, seconds):
    assert retry_after(header, NOW) == seconds


@given(st.text(max_size=40))
def test_any_retry_after_is_survived(header):
    seconds = retry_after(header, NOW)
    assert seconds is None or seconds >= 0
