"""What headers say, and how many requests somebody may make: pure decisions."""

from __future__ import annotations

import pytest

from drena.errors import ConfigError
from drena.http.allowances import MOST_NAMES, Allowances
from drena.http.headers import is_loopback_host, is_own_origin, preferred_language, sane_request_id
from drena.proxies import client_address, is_in, parse_networks

PROXIES = parse_networks(["10.0.0.0/8", "192.0.2.7", "fd00::/8"])


@pytest.mark.parametrize(
    "accept,expected",
    [
        ("", "pt"), ("*", "pt"), ("de", "pt"), ("en", "en"), ("en-US,en;q=0.9", "en"),
        ("pt-BR,pt;q=0.9,en;q=0.8", "pt"),
        ("en;q=0.5, pt;q=0.6", "pt"), ("de, en;q=0.3", "en"), ("en;q=0", "pt"), ("pt;q=0, en;q=0.1", "en"),
        ("en;q=viel", "pt"), ("EN", "en"), (",,;;q", "pt"), ("english", "pt"),
    ],
)  # fmt: skip
def test_the_language_is_the_best_of_ours_and_portuguese_otherwise(accept, expected):
    assert preferred_language(accept) == expected


@pytest.mark.parametrize("given", ["a", "3f2504e0-4f89-11d3-9a0c-0305e82c3301", "Root=1-67891233-abc", "a" * 100])
def test_a_sane_request_id_is_kept(given):
    assert sane_request_id(given) == given


@pytest.mark.parametrize("given", ["", "a b", "a\r\nX: y", "é", "a" * 101, "-a", '"a"', "a\x00"])
def test_any_other_is_not(given):
    assert sane_request_id(given) is None


@pytest.mark.parametrize(
    "peer,forwarded,expected",
    [
        ("198.51.100.1", "203.0.113.9", "198.51.100.1"),  # no proxy of ours: anybody can write that
        ("10.1.2.3", "203.0.113.9", "203.0.113.9"),
        ("10.1.2.3", "1.2.3.4, 203.0.113.9", "203.0.113.9"),  # what stands further left the client wrote himself
        ("10.1.2.3", "203.0.113.9, 192.0.2.7", "203.0.113.9"),
        ("10.1.2.3", "10.0.0.1, 10.0.0.2", "10.0.0.1"),
        ("10.1.2.3", "203.0.113.9:4711", "203.0.113.9"),
        ("10.1.2.3", "", "10.1.2.3"),
        ("10.1.2.3", "nonsense", "10.1.2.3"),
        ("", "203.0.113.9", "203.0.113.9"),  # a Unix socket: a proxy of this machine
        ("", "", ""),
        ("::ffff:10.1.2.3", "203.0.113.9", "203.0.113.9"),
        ("fd00::1", "2001:db8::1", "2001:db8::1"),
    ],
)
def test_the_client_is_who_the_nearest_trusted_proxies_say(peer, forwarded, expected):
    assert client_address(peer, forwarded, PROXIES) == expected


def test_what_is_no_network_is_named():
    with pytest.raises(ConfigError, match=r"`10\.0\.0\.0/99` is no address or network"):
        parse_networks(["10.0.0.0/99"])
    assert not is_in("nobody", PROXIES)


@pytest.mark.parametrize(
    "origin,host,secure,expected",
    [
        ("http://drena.test", "drena.test", False, True), ("https://drena.test", "drena.test", False, True),
        ("https://drena.test:8443", "drena.test:8443", True, True), ("http://drena.test", "drena.test", True, False),
        ("https://evil.test", "drena.test", False, False), ("https://drena.test:1", "drena.test", False, False),
        ("null", "drena.test", False, False), ("https://", "", False, False),
        ("ftp://drena.test", "drena.test", False, False),
    ],
)  # fmt: skip
def test_a_page_of_ours_is_known_by_its_host(origin, host, secure, expected):
    assert is_own_origin(origin, host, secure=secure) is expected


@pytest.mark.parametrize(
    "host,expected",
    [
        ("localhost", True), ("localhost:8764", True), ("127.0.0.1:8764", True), ("[::1]:8764", True),
        ("app.localhost", True), ("evil.test", False), ("127.0.0.1.evil.test", False), ("localhost.evil.test", False),
        ("10.0.0.1", False), ("", False),
    ],
)  # fmt: skip
def test_a_rebound_name_is_no_loopback_host(host, expected):
    assert is_loopback_host(host) is expected


def test_an_allowance_is_a_burst_and_a_rate():
    allowed = Allowances(per_minute=60, burst=3)
    assert [allowed.take("a", 0.0) for _ in range(4)] == [0, 0, 0, 1]
    assert allowed.take("b", 0.0) == 0
    assert allowed.take("a", 0.5) == 1
    assert allowed.take("a", 1.0) == 0
    assert allowed.take("a", 1.0) == 1
    assert [allowed.take("a", 100.0) for _ in range(4)] == [0, 0, 0, 1]


def test_whether_an_allowance_is_used_up_can_be_asked_without_using_it():
    allowed = Allowances(per_minute=6, burst=1)
    assert [allowed.exhausted("a", 0.0) for _ in range(3)] == [0, 0, 0]
    assert allowed.take("a", 0.0) == 0
    assert allowed.exhausted("a", 0.0) == 10
    assert allowed.exhausted("a", 10.0) == 0


def test_a_slow_rate_has_a_burst_that_a_page_can_live_with():
    allowed = Allowances(per_minute=1)
    assert [allowed.take("a", 0.0) for _ in range(11)] == [0] * 10 + [60]


def test_names_are_forgotten_beyond_a_number():
    allowed = Allowances(per_minute=1, burst=1)
    assert allowed.take("first", 0.0) == 0
    for number in range(MOST_NAMES):
        allowed.take(str(number), 0.0)
    assert allowed.take("first", 0.0) == 0
    assert allowed.take(str(MOST_NAMES - 1), 0.0) > 0
