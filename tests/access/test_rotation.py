"""The issuer's keys: read over a real socket, rotated, away, silent, wrong."""

from __future__ import annotations

import pytest
import trio

from access.issuing import Key, open_issuer, signed
from drena.access import key_sets
from drena.access.key_sets import KeySet
from drena.problems import Refused

OLD, NEW = Key("old"), Key("new", "RS256")


@pytest.fixture(autouse=True)
def patient(monkeypatch):
    """A machine that is busy with other tests is slow, and nobody here is to be told so."""
    monkeypatch.setattr(key_sets, "FETCH_LIMIT_S", 20.0)
    monkeypatch.setattr(key_sets, "WAIT_LIMIT_S", 20.0)


@pytest.fixture
def quick(monkeypatch, patient):
    """A key that is not there may be looked for again soon."""
    monkeypatch.setattr(key_sets, "COOLDOWN_S", 0.2)


async def admitted(gate, token):
    return (await gate.authenticate(token, peer="10.0.0.1")).kind == "user"


async def refusal(gate, token):
    with pytest.raises(Refused) as caught:
        await gate.authenticate(token, peer="10.0.0.1")
    return caught.value


async def test_a_key_that_was_rotated_in_is_found_and_one_that_was_taken_out_is_forgotten(gate_with, quick):
    with trio.fail_after(120):
        async with open_issuer() as issuer:
            issuer.keys = [OLD.jwk]
            async with gate_with(jwks_url=issuer.url, jwt_secret=None) as gate:
                assert await admitted(gate, OLD.token())
                issuer.keys = [NEW.jwk]
                await trio.sleep(key_sets.COOLDOWN_S)
                assert await admitted(gate, NEW.token())
                await trio.sleep(key_sets.COOLDOWN_S)
                assert (await refusal(gate, OLD.token())).code == "token_invalid"
                assert issuer.asked == 3


async def test_fifty_forgers_cause_one_fetch_and_nobody_is_told_what_cannot_be_known(gate_with):
    with trio.fail_after(120):
        async with open_issuer() as issuer:
            issuer.keys = [OLD.jwk]
            async with gate_with(jwks_url=issuer.url, jwt_secret=None) as gate:
                assert await admitted(gate, OLD.token())
                codes = []

                async def forge(number):
                    refused = await refusal(gate, Key(f"made up {number}").token())
                    codes.append((refused.code, refused.status))
                    assert 1 <= refused.extensions["retry_after_s"] <= 30

                async with trio.open_nursery() as nursery:
                    for number in range(50):
                        nursery.start_soon(forge, number)
                assert set(codes) == {("keys_away", 503)}
                assert issuer.asked == 1
                assert await admitted(gate, OLD.token())


async def test_many_who_wait_for_a_new_key_share_one_fetch(gate_with, quick):
    with trio.fail_after(120):
        async with open_issuer() as issuer:
            issuer.keys = [OLD.jwk]
            async with gate_with(jwks_url=issuer.url, jwt_secret=None) as gate:
                assert await admitted(gate, OLD.token())
                issuer.keys = [OLD.jwk, NEW.jwk]
                await trio.sleep(key_sets.COOLDOWN_S)
                came_in = []

                async def enter():
                    came_in.append(await admitted(gate, NEW.token()))

                async with trio.open_nursery() as nursery:
                    for _ in range(20):
                        nursery.start_soon(enter)
                assert came_in == [True] * 20
                assert issuer.asked == 2


@pytest.mark.parametrize("trouble", ["status", "body", "silent", "gone", "huge", "empty"])
async def test_an_error_keeps_the_keys_there_are_and_calls_no_token_invalid(
    gate_with, quick, log, trouble, monkeypatch
):
    with trio.fail_after(120):
        async with open_issuer() as issuer:
            issuer.keys = [OLD.jwk]
            async with gate_with(jwks_url=issuer.url, jwt_secret=None) as gate:
                assert await admitted(gate, OLD.token())
                break_it(issuer, trouble)
                if trouble == "silent":
                    monkeypatch.setattr(key_sets, "FETCH_LIMIT_S", 0.5)
                await trio.sleep(key_sets.COOLDOWN_S)
                refused = await refusal(gate, NEW.token())
                assert (refused.code, refused.status) == ("keys_away", 503)
                assert await admitted(gate, OLD.token())
                await warned(log)
                mend(issuer)
                issuer.keys = [NEW.jwk]
                await until_admitted(gate, NEW.token())


def break_it(issuer, trouble):
    issuer.status = 500 if trouble == "status" else 200
    issuer.silent = trouble == "silent"
    bodies = {"body": b"<html>", "gone": b"", "huge": b"x" * (key_sets.MAX_BYTES + 1), "empty": b'{"keys":[]}'}
    issuer.body = bodies.get(trouble)


def mend(issuer):
    issuer.status, issuer.silent, issuer.body = 200, False, None


async def warned(log):
    while not any(level == "warning" for level, _, _ in log.lines):  # noqa: ASYNC110  # a log has no event
        await trio.sleep(0.01)


async def until_admitted(gate, token):
    """As a client does: it tries again when it is told that nobody knows."""
    codes = set()
    while True:
        try:
            assert await admitted(gate, token)
        except Refused as refused:
            codes.add(refused.code)
            await trio.sleep(0.05)
        else:
            assert codes <= {"keys_away"}
            return


async def test_a_daemon_starts_while_the_issuer_is_away(gate_with, quick, log):
    with trio.fail_after(120):
        async with gate_with(jwks_url="http://127.0.0.1:9/jwks.json") as gate:
            assert (await refusal(gate, OLD.token())).code == "keys_away"
            assert await admitted(gate, signed())
            assert any("cannot be read" in event for _, event, _ in log.lines)


async def test_an_impatient_client_does_not_stop_a_slow_fetch(log, monkeypatch):
    monkeypatch.setattr(key_sets, "WAIT_LIMIT_S", 0.3)
    with trio.fail_after(120):
        async with open_issuer() as issuer, trio.open_nursery() as nursery:
            issuer.keys, issuer.silent = [OLD.jwk], True
            keys = KeySet(issuer.url, log)
            nursery.start_soon(keys.run)
            with pytest.raises(Refused, match="keys_away"):
                await keys.find("old")
            assert keys._fetching
            nursery.cancel_scope.cancel()


async def test_without_a_secret_the_keys_are_below_the_issuer(gate_with):
    with trio.fail_after(120):
        async with open_issuer() as issuer:
            issuer.keys = [OLD.jwk]
            base = issuer.url.removesuffix("/.well-known/jwks.json")
            async with gate_with(issuer=base, jwt_secret=None) as gate:
                assert await admitted(gate, OLD.token(iss=base))
