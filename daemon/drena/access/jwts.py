"""Verifying JSON Web Tokens. Pure but for the clock that PyJWT looks at.

The rule that everything here serves: a token never says how it is to be verified. Each key carries the one algorithm it
is for (`VerifyingKey`), from the configuration or from the key's own shape; the token's header only names a key. So
`alg: none`, a public key used as an HMAC secret, and an HS256 token under a key of a set all fail by signature.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from drena.problems import Refused

from .principals import user_claims

LEEWAY_S: Final = 10
"""How far the clock of whoever issued the token may be off."""
MAX_TOKEN_CHARS: Final = 8192
LONGEST: Final = timedelta(days=366)
"""A token that says it is good for longer is taken to be good for this long."""
SMALLEST_RSA_BITS: Final = 2048
_SHAPE: Final = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
"""PyJWT is more lenient: it takes padding, which would give one token several spellings."""
SHAPES: Final = {"EC P-256": "ES256", "RSA None": "RS256"}
"""The one algorithm for a key of this type and curve."""
MALFORMED: Final = (jwt.PyJWTError, ValueError, TypeError, KeyError, OverflowError, RecursionError)
"""What tokens and keys that somebody made up raise in PyJWT, which promises less."""


@dataclass(frozen=True, slots=True)
class VerifyingKey:
    """A key, and the one algorithm it is for."""

    key: Any
    algorithm: str


@dataclass(frozen=True, slots=True)
class Rules:
    """What a token must say besides being signed."""

    issuer: str
    audience: str


@dataclass(frozen=True, slots=True)
class Bearer:
    """Whom a good token is about."""

    user_id: UUID
    expires_at: datetime
    """With the leeway added."""
    left_s: float


def secret_key(secret: str) -> VerifyingKey:
    """The key of Supabase's older projects: a shared secret."""
    return VerifyingKey(secret.encode(), "HS256")


def key_id(token: str) -> str | None:
    """The name of the key that the token says it is signed with; None when it names none.

    Raises:
        Refused: `token_invalid`: it is no token at all.
    """
    if len(token) > MAX_TOKEN_CHARS or not _SHAPE.fullmatch(token):
        raise Refused("token_invalid")
    try:
        kid = jwt.get_unverified_header(token).get("kid")
    except MALFORMED:
        raise Refused("token_invalid") from None
    return kid if isinstance(kid, str) else None


def verify(token: str, by: VerifyingKey, rules: Rules) -> Bearer:
    """Who the bearer of a token is.

    Raises:
        Refused: `token_expired` when only the time is wrong; `token_invalid` for all else.
    """
    if len(token) > MAX_TOKEN_CHARS or not _SHAPE.fullmatch(token):
        raise Refused("token_invalid")
    try:
        claims = jwt.decode(
            token,
            by.key,
            algorithms=[by.algorithm],
            issuer=rules.issuer,
            audience=rules.audience,
            leeway=LEEWAY_S,
            options={"require": ["exp", "iss", "aud", "sub"]},
        )
        return _bearer(claims)
    except jwt.ExpiredSignatureError:
        raise Refused("token_expired") from None
    except MALFORMED:
        raise Refused("token_invalid") from None


def _bearer(claims: Mapping[str, Any]) -> Bearer:
    now = datetime.now(UTC)
    latest = (now + LONGEST).timestamp()
    ends = datetime.fromtimestamp(min(float(claims["exp"]) + LEEWAY_S, latest), UTC)
    return Bearer(user_claims(claims), ends, (ends - now).total_seconds())


def read_key_set(document: bytes) -> dict[str, VerifyingKey]:
    """The usable keys of a JWKS document by their id; keys of another kind or use are left out.

    Raises:
        ValueError: it is no such document, or has no usable key.
    """
    try:
        listed = json.loads(document)["keys"]
        keys = {jwk["kid"]: key for jwk in listed if (key := _public_key(jwk)) is not None}
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise ValueError("the answer is not a JSON Web Key Set") from error
    if not keys:
        raise ValueError("the set has no ES256 or RS256 key for signatures")
    return keys


def _public_key(jwk: Any) -> VerifyingKey | None:
    """A public key with the algorithm that its shape and its own `alg` agree on; never a secret."""
    if not isinstance(jwk, dict) or not isinstance(jwk.get("kid"), str) or jwk.get("use", "sig") != "sig":
        return None
    shape = SHAPES.get(f"{jwk.get('kty')} {jwk.get('crv')}")
    if shape is None or jwk.get("alg", shape) != shape:
        return None
    public = {name: value for name, value in jwk.items() if name in ("kty", "crv", "x", "y", "n", "e", "kid")}
    try:
        key = jwt.PyJWK.from_dict(public, algorithm=shape).key
    except MALFORMED:
        return None
    if isinstance(key, RSAPublicKey) and key.key_size < SMALLEST_RSA_BITS:
        return None
    return VerifyingKey(key, shape)
