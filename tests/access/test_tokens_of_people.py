"""Who is let in by a JSON Web Token, and above all who is not."""

from __future__ import annotations

import json
import time
import uuid

import jwt
import pytest
import trio
from cryptography.hazmat.primitives import serialization
from hypothesis import given
from hypothesis import strategies as st

from access.issuing import DROP, ISSUER, SECRET, Key, claims, open_issuer, raw_token, signed
from drena.access.jwts import LEEWAY_S, Rules, key_id, read_key_set, secret_key, verify
from drena.problems import Refused

RULES = Rules(issuer=ISSUER, audience="authenticated")
EC, OTHER, RSA = Key("ec"), Key("other"), Key("rsa", "RS256")
KEYS = read_key_set(json.dumps({"keys": [EC.jwk, OTHER.jwk, RSA.jwk]}).encode())


def refusal(token, by=None):
    def come_in():
        key_id(token)
        verify(token, by or secret_key(SECRET), RULES)

    with pytest.raises(Refused) as caught:
        come_in()
    assert SECRET not in repr(caught.value)
    assert caught.value.__cause__ is None
    return caught.value.code


@pytest.mark.parametrize("key", [EC, RSA], ids=["ES256", "RS256"])
def test_a_good_token_of_a_public_key_names_its_user(key):
    user = uuid.uuid4()
    bearer = verify(key.token(sub=str(user)), KEYS[key.kid], RULES)
    assert bearer.user_id == user
    assert 3600 <= bearer.left_s <= 3600 + LEEWAY_S


def test_a_good_token_of_the_shared_secret_names_its_user():
    user = uuid.uuid4()
    assert verify(signed(sub=str(user)), secret_key(SECRET), RULES).user_id == user


def test_an_audience_may_be_one_of_several():
    assert verify(signed(aud=["other", "authenticated"]), secret_key(SECRET), RULES)


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": "anon"},
        {"aud": DROP},
        {"aud": []},
        {"aud": 7},
        {"iss": "http://issuer.test/auth/v2"},
        {"iss": ISSUER + "/"},
        {"iss": DROP},
        {"iss": [ISSUER]},
        {"sub": DROP},
        {"sub": "admin"},
        {"sub": 7},
        {"sub": None},
        {"sub": "{" + str(uuid.uuid4()) + "}"},
        {"sub": "urn:uuid:" + str(uuid.uuid4())},
        {"sub": uuid.uuid4().hex},
        {"exp": DROP},
        {"exp": "soon"},
        {"exp": None},
        {"exp": float("inf")},
        {"exp": float("nan")},
        {"nbf": int(time.time()) + 86_400},
        {"nbf": float("inf")},
        {"iat": float("inf")},
        {"iat": int(time.time()) + 86_400},
    ],
    ids=lambda changes: " ".join(f"{k}={'missing' if v is DROP else v}"[:30] for k, v in changes.items()),
)
def test_a_signed_token_that_says_something_else_is_refused(changes):
    assert refusal(signed(**changes)) == "token_invalid"
    assert refusal(EC.token(**changes), KEYS["ec"]) == "token_invalid"


def test_an_expired_token_is_told_to_be_so_and_a_little_late_is_forgiven():
    now = int(time.time())
    assert refusal(signed(exp=now - LEEWAY_S - 2)) == "token_expired"
    assert refusal(EC.token(exp=now - 3600), KEYS["ec"]) == "token_expired"
    assert 0 < verify(signed(exp=now - LEEWAY_S // 2), secret_key(SECRET), RULES).left_s <= LEEWAY_S


def test_a_token_for_a_thousand_years_is_good_for_one():
    assert verify(signed(exp=10**15), secret_key(SECRET), RULES).left_s <= 366 * 86400


def test_an_expired_token_that_nobody_signed_is_not_told_apart_from_other_forgeries():
    assert refusal(signed("another secret that is long enough for it", exp=1)) == "token_invalid"


@pytest.mark.parametrize("alg", ["none", "None", "NONE", "nOnE", ""])
def test_a_token_without_an_algorithm_is_refused(alg):
    for key in (secret_key(SECRET), KEYS["ec"], KEYS["rsa"]):
        assert refusal(raw_token({"alg": alg, "typ": "JWT"}, claims()), key) == "token_invalid"
        assert refusal(raw_token({"alg": alg, "kid": "ec"}, claims(), b"x" * 64), key) == "token_invalid"


def test_a_public_key_is_no_shared_secret():
    for key in (EC, RSA):
        public = key.private.public_key()
        pem = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        der = public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        for secret in (pem, der, pem.strip()):
            signer = jwt.PyJWS()
            signer.get_algorithm_by_name("HS256").prepare_key = lambda given: given
            forged = signer.encode(json.dumps(claims()).encode(), secret, "HS256", headers={"kid": key.kid})
            signer.get_algorithm_by_name("HS256").__dict__.pop("prepare_key")
            assert refusal(forged, KEYS[key.kid]) == "token_invalid"
            assert refusal(forged) == "token_invalid"


@pytest.mark.parametrize("algorithm", ["HS384", "HS512"])
def test_the_right_secret_with_another_algorithm_is_refused(algorithm):
    assert refusal(signed(SECRET * 2, algorithm), secret_key(SECRET * 2)) == "token_invalid"


def test_a_key_of_the_right_name_and_the_wrong_kind_is_refused():
    assert refusal(EC.token(), KEYS["rsa"]) == "token_invalid"
    assert refusal(RSA.token(), KEYS["ec"]) == "token_invalid"
    assert refusal(OTHER.token(), KEYS["ec"]) == "token_invalid"
    rsa_pss = jwt.encode(claims(), RSA.private, "PS256", headers={"kid": "rsa"})
    assert refusal(rsa_pss, KEYS["rsa"]) == "token_invalid"


@pytest.mark.parametrize(
    "header",
    [
        {"kid": 7},
        {"kid": None},
        {"kid": ["ec"]},
        {"kid": {"ec": 1}},
        {"crit": ["exp"], "exp": 1},
        {"crit": ["b64"], "b64": False},
        {"b64": False},
        {"alg": ["ES256"]},
        {"alg": 7},
        {"alg": "ES256K"},
        {"jwk": EC.jwk},
        {"jku": "http://127.0.0.1:9/", "x5u": "http://127.0.0.1:9/"},
    ],
    ids=str,
)
def test_a_header_that_wants_something_special_gets_nothing(header):
    token = raw_token({"alg": "ES256", "kid": "ec", **header}, claims(), b"x" * 64)
    assert refusal(token, KEYS["ec"]) == "token_invalid"


def test_a_token_with_a_good_signature_on_other_claims_is_refused():
    header, _payload, signature = EC.token().split(".")
    payload = EC.token(sub=str(uuid.uuid4())).split(".")[1]
    assert refusal(".".join((header, payload, signature)), KEYS["ec"]) == "token_invalid"
    assert refusal(".".join((header, payload, "")), KEYS["ec"]) == "token_invalid"


@pytest.mark.parametrize(
    "token",
    [
        "",
        ".",
        "..",
        "...",
        "a.b.c",
        "é.é.é",
        "\0.\0.\0",
        "\ud800.a.b",
        "eyJ" * 5000,
        raw_token({"alg": "HS256"}, b"[" * 3000),
        raw_token({"alg": "HS256"}, b'{"a":' * 1000),
        raw_token({"alg": "HS256"}, b"\xff\xfe"),
        raw_token({"alg": "HS256"}, b"[]"),
        raw_token({"alg": "HS256"}, b"7"),
    ],
    ids=lambda token: ascii(token[:20]),
)
def test_what_is_no_token_is_refused_and_does_no_harm(token):
    assert refusal(token) == "token_invalid"
    assert refusal(token, KEYS["ec"]) == "token_invalid"


@pytest.mark.parametrize("payload", [b"[]", b"7", b"null", b'"x"', b"{", b"\xff", b"[" * 3000, b'{"exp":1e999}'])
def test_a_signed_payload_that_is_no_object_is_refused(payload):
    token = jwt.PyJWS().encode(payload, SECRET, "HS256")
    assert refusal(token) == "token_invalid"


@given(st.text(max_size=200) | st.binary(max_size=100).map(lambda b: b.decode("latin-1")))
def test_no_text_whatsoever_lets_anybody_in(text):
    assert refusal(text) == "token_invalid"
    assert refusal(f"{signed()}{text}" if text else "") == "token_invalid"


@pytest.mark.parametrize(
    "jwk",
    [
        {"kty": "oct", "k": "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3JldA", "kid": "x", "alg": "HS256"},
        {**EC.jwk, "use": "enc"},
        {**EC.jwk, "alg": "HS256"},
        {**EC.jwk, "alg": "ES512"},
        {**RSA.jwk, "alg": "none"},
        {**RSA.jwk, "alg": "HS256"},
        {**EC.jwk, "kid": 7},
        {**EC.jwk, "x": "AA"},
        {**EC.jwk, "crv": "P-521"},
        {"kty": "EC", "kid": "x"},
        {"kid": "x"},
        "text",
        None,
        7,
        Key("small", "RS256", bits=1024).jwk,
    ],
    ids=lambda jwk: ascii(jwk)[:40],
)
def test_a_set_gives_only_public_keys_fit_for_signatures(jwk):
    assert list(read_key_set(json.dumps({"keys": [jwk, RSA.jwk]}).encode())) == ["rsa"]
    with pytest.raises(ValueError, match="no ES256"):
        read_key_set(json.dumps({"keys": [jwk]}).encode())


def test_a_private_key_in_a_set_is_read_as_a_public_one():
    private = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(EC.private))
    (key,) = read_key_set(json.dumps({"keys": [{**private, "kid": "ec"}]}).encode()).values()
    assert not hasattr(key.key, "private_numbers")


@pytest.mark.parametrize("document", [b"", b"[]", b"{}", b"null", b'{"keys":7}', b"\xff", b"[" * 100_000])
def test_what_is_no_set_is_named(document):
    with pytest.raises(ValueError, match=r"JSON Web Key Set|no ES256"):
        read_key_set(document)


async def test_secret_and_keys_may_both_be_in_use_and_never_for_each_others_tokens(gate_with):
    with trio.fail_after(30):
        async with open_issuer() as issuer:
            issuer.keys = [EC.jwk]
            async with gate_with(jwks_url=issuer.url) as gate:
                assert (await gate.authenticate(EC.token(), peer="10.0.0.1")).kind == "user"
                assert (await gate.authenticate(signed(), peer="10.0.0.1")).kind == "user"
                assert (await gate.authenticate(signed(headers={"kid": "old"}), peer="10.0.0.1")).kind == "user"
                for forged in (signed(headers={"kid": "ec"}), signed("x" * 40), signed(algorithm="HS512")):
                    with pytest.raises(Refused, match="token_invalid"):
                        await gate.authenticate(forged, peer="10.0.0.1")
