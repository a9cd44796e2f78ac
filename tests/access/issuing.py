"""An issuer of tokens for tests: keys, tokens good and bad, and its JWKS document on a real port."""

from __future__ import annotations

import json
import time
import uuid
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import jwt
import trio
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

ISSUER = "http://issuer.test/auth/v1"
SECRET = "a secret of the project, long enough to be one even for the longest of algorithms"
DROP = object()
"""A claim with this value is left out."""


class Key:
    """A private key, its algorithm and its name."""

    def __init__(self, kid: str, algorithm: str = "ES256", *, bits: int = 2048) -> None:
        self.kid = kid
        self.algorithm = algorithm
        self.private: Any = (
            ec.generate_private_key(ec.SECP256R1())
            if algorithm == "ES256"
            else rsa.generate_private_key(public_exponent=65537, key_size=bits)
        )

    @property
    def jwk(self) -> dict[str, Any]:
        """The public key as issuers publish it."""
        kind = ECAlgorithm if self.algorithm == "ES256" else RSAAlgorithm
        public = json.loads(kind.to_jwk(self.private.public_key()))
        return {**public, "kid": self.kid, "alg": self.algorithm, "use": "sig"}

    def token(self, **changes: Any) -> str:
        """A token signed with it."""
        payload = json.dumps(claims(**changes)).encode()
        return jwt.PyJWS().encode(payload, self.private, self.algorithm, headers={"kid": self.kid})


def claims(**changes: Any) -> dict[str, Any]:
    """A good token's claims, and what is different."""
    now = int(time.time())
    good = {
        "iss": ISSUER,
        "aud": "authenticated",
        "sub": str(uuid.uuid4()),
        "role": "authenticated",
        "iat": now,
        "exp": now + 3600,
        **changes,
    }
    return {name: value for name, value in good.items() if value is not DROP}


def signed(secret: str | bytes = SECRET, algorithm: str = "HS256", *, headers: Any = None, **changes: Any) -> str:
    """A token signed with a shared secret."""
    return jwt.PyJWS().encode(json.dumps(claims(**changes)).encode(), secret, algorithm, headers=headers)


def raw_token(header: dict[str, Any], payload: Any, signature: bytes = b"") -> str:
    """A token put together by hand."""
    parts = (json.dumps(header).encode(), payload if isinstance(payload, bytes) else json.dumps(payload).encode())
    return ".".join(jwt.utils.base64url_encode(part).decode() for part in (*parts, signature))


class Issuer:
    """Serves a JWKS document over HTTP, one connection a request, and counts."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.keys: list[dict[str, Any]] = []
        self.asked = 0
        self.status = 200
        self.body: bytes | None = None
        """Sent in place of the document."""
        self.silent = False
        """Connections are taken, and nothing is said."""

    async def serve(self, stream: trio.SocketStream) -> None:
        async with stream:
            request = b""
            while b"\r\n\r\n" not in request:
                if not (piece := await stream.receive_some()):
                    return
                request += piece
            self.asked += 1
            if self.silent:
                await trio.sleep_forever()
            body = json.dumps({"keys": self.keys}).encode() if self.body is None else self.body
            head = f"HTTP/1.1 {self.status} X\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n".encode()
            try:
                await stream.send_all(head + body)
            except trio.BrokenResourceError:  # it has read enough
                return


@asynccontextmanager
async def open_issuer() -> AsyncIterator[Issuer]:
    """An issuer on a free port."""
    async with trio.open_nursery() as nursery:
        listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
        port = listeners[0].socket.getsockname()[1]
        issuer = Issuer(f"http://127.0.0.1:{port}/auth/v1/.well-known/jwks.json")
        await nursery.start(trio.serve_listeners, issuer.serve, listeners)
        yield issuer
        nursery.cancel_scope.cancel()
