"""Every forged token where clients really send it: the feed's first message, `auth` in the middle, the HTTP header."""

from __future__ import annotations

import json
import time
import uuid

import jwt
import pytest
import trio
from cryptography.hazmat.primitives import serialization

from access.issuing import SECRET, Key, claims, open_issuer, raw_token, signed
from access.test_isolation import standing
from feed.viewer import open_viewer

KEY = Key("published")


def as_hmac(secret: bytes, user: str) -> str:
    """A token signed by HMAC with the published key itself; PyJWT would not make one."""
    header = jwt.utils.base64url_encode(json.dumps({"alg": "HS256", "kid": KEY.kid}).encode())
    payload = jwt.utils.base64url_encode(json.dumps(claims(sub=user)).encode())
    signature = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256)
    made = signature.sign(header + b"." + payload, secret)
    return b".".join((header, payload, jwt.utils.base64url_encode(made))).decode()


def forgeries(user: str) -> dict[str, tuple[str, str]]:
    """Name: the token, and the problem it deserves. All of them claim to be this user."""
    public = KEY.private.public_key()
    spki = serialization.PublicFormat.SubjectPublicKeyInfo
    pem, der = (public.public_bytes(e, spki) for e in (serialization.Encoding.PEM, serialization.Encoding.DER))
    header, payload, signature = KEY.token(sub=user).split(".")
    other = KEY.token(sub=str(uuid.uuid4())).split(".")
    now = int(time.time())
    return {
        "alg none": (raw_token({"alg": "none", "kid": KEY.kid}, claims(sub=user)), "token_invalid"),
        "alg none, with a signature": (raw_token({"alg": "None"}, claims(sub=user), b"x" * 64), "token_invalid"),
        "public key as PEM": (as_hmac(pem, user), "token_invalid"),
        "public key as DER": (as_hmac(der, user), "token_invalid"),
        "the secret, under the key's name": (signed(sub=user, headers={"kid": KEY.kid}), "token_invalid"),
        "another secret": (
            signed("another secret that is as long as it has to be, at least", sub=user),
            "token_invalid",
        ),
        "another key under the same name": (Key(KEY.kid).token(sub=user), "token_invalid"),
        "an RSA key under the same name": (Key(KEY.kid, "RS256").token(sub=user), "token_invalid"),
        "another's signature": (".".join((header, payload, other[2])), "token_invalid"),
        "other claims": (".".join((header, payload, signature[:-4] + "AAAA")), "token_invalid"),
        "wrong audience": (KEY.token(sub=user, aud="anon"), "token_invalid"),
        "wrong issuer": (KEY.token(sub=user, iss="https://elsewhere.test"), "token_invalid"),
        "expired": (KEY.token(sub=user, exp=now - 60), "token_expired"),
        "not yet": (KEY.token(sub=user, nbf=now + 600), "token_invalid"),
        "nobody": (KEY.token(sub="admin"), "token_invalid"),
        "a key in the token": (
            raw_token({"alg": "ES256", "kid": KEY.kid, "jwk": Key("mine").jwk}, claims(sub=user), b"x" * 64),
            "token_invalid",
        ),
    }


@pytest.fixture
async def stage(database):
    async with open_issuer() as issuer:
        issuer.keys = [KEY.jwk]
        async with standing(database, jwks_url=issuer.url) as opened:
            yield opened


async def test_no_forged_token_opens_the_feed_the_api_or_a_session_that_is_open(stage):
    user = str(stage.ours.user)
    good = KEY.token(sub=user)
    async with open_viewer(stage.feed, token=good) as viewer:
        await viewer.until("snapshot")
    for name, (token, problem) in forgeries(user).items():
        expected = 4200 if problem == "token_expired" else 4001
        async with open_viewer(stage.feed, token=token) as viewer:
            _bye, code = await viewer.end()
        assert (name, code) == (name, expected)
        assert {frame["t"] for frame in viewer.frames} == {"bye"}
        async with open_viewer(stage.feed, token=good) as viewer:
            await viewer.until("snapshot")
            await viewer.say("auth", token=token)
            _bye, code = await viewer.end()
        assert (name, code) == (name, expected)
        async with stage.client(token) as client:
            answer = await client.get("/v1/jobs")
            assert (name, answer.status_code, answer.json()["code"]) == (name, 401, problem)
            assert stage.ours.found_in(answer.text) == set()
            assert token not in answer.text
        assert token not in str(stage.log.lines)


async def test_a_session_does_not_pass_to_somebody_else(stage):
    async with open_viewer(stage.feed, token=KEY.token(sub=str(stage.ours.user))) as viewer:
        await viewer.until("snapshot")
        await viewer.say("auth", token=KEY.token(sub=str(stage.theirs.user)))
        _bye, code = await viewer.end()
    assert code == 4003
    assert stage.theirs.found_in(json.dumps(viewer.frames)) == set()


async def test_a_session_is_renewed_by_the_secret_or_the_key_whichever_signs_for_the_same_user(stage):
    user = str(stage.ours.user)
    async with open_viewer(stage.feed, token=KEY.token(sub=user, exp=int(time.time()) + 30)) as viewer:
        await viewer.until("snapshot")
        await viewer.say("auth", token=signed(sub=user))
        renewed = await viewer.until("ok")
        assert renewed["exp"] > time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(time.time() + 600))


async def test_while_nobody_can_tell_a_client_is_asked_to_come_back(stage):
    unknown = Key("rotated in just now").token(sub=str(stage.ours.user))
    async with open_viewer(stage.feed, token=unknown) as viewer:
        bye, code = await viewer.end()
    assert code == 4103
    assert bye["retry_ms"] is not None
    async with stage.client(unknown) as client:
        answer = await client.get("/v1/jobs")
    assert (answer.status_code, answer.json()["code"]) == (503, "keys_away")
    assert 1 <= answer.json()["retry_after_s"] <= 30
    assert int(answer.headers["retry-after"]) >= 1


async def test_a_hundred_at_the_door_leave_the_others_alone(stage):
    bad = signed(SECRET[::-1])
    async with open_viewer(stage.feed, token=KEY.token(sub=str(stage.ours.user))) as viewer:
        await viewer.until("snapshot")

        async def knock():
            async with open_viewer(stage.feed, token=bad) as knocking:
                assert (await knocking.end())[1] in (4001, 4100)

        async with trio.open_nursery() as nursery:
            for _ in range(100):
                nursery.start_soon(knock)
            for number in range(5):
                await viewer.say("ping", id=number)
                with trio.fail_after(60):
                    await viewer.until("pong", id=number)
