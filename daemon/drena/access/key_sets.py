"""The issuer's public keys (JWKS), fetched on Trio and kept.

* Fetched anew every `REFRESH_S`, so that a key that was taken out stops counting, and when a token names a key that is
  not there, at most once in `COOLDOWN_S`: a forger who makes up names causes no flood at the issuer.
* An error keeps the keys there are. A token whose key is unknown is only called invalid when the set could be looked at
  just now; otherwise nobody knows, and the answer is `keys_away`, which tells its bearer to try again: a key that was
  rotated in a moment ago must not sign people out.
* One task fetches, whoever waits.
"""

from __future__ import annotations

import math
import ssl
from typing import TYPE_CHECKING, Final

import httpx2
import trio

from drena.access.jwts import read_key_set
from drena.problems import Refused

if TYPE_CHECKING:
    from drena.access.jwts import VerifyingKey
    from drena.log import LogLines

REFRESH_S: Final = 600.0
COOLDOWN_S: Final = 30.0
FETCH_LIMIT_S: Final = 10.0
WAIT_LIMIT_S: Final = 4.0
"""How long somebody who wants to come in waits for a fetch; a client of the feed has five seconds in all."""
MAX_BYTES: Final = 256 * 1024


class KeySet:
    """The keys at one address.

    Args:
        url: the JWKS document.
        log: told when it cannot be had.
    """

    def __init__(self, url: str, log: LogLines) -> None:
        self._url = url
        self._log = log
        self._keys: dict[str, VerifyingKey] = {}
        self._trusted: ssl.SSLContext | None = None
        self._wanted = trio.Event()
        self._fetched = trio.Event()
        self._fetching = False
        self._failed = True
        self._tried_at_s = self._read_at_s = -math.inf

    async def run(self) -> None:
        """Keep the keys fresh until cancelled; nobody else fetches, so that nobody's impatience stops a fetch."""
        while True:
            self._wanted = trio.Event()
            await self._fetch()
            self._fetched.set()
            self._fetched = trio.Event()
            with trio.move_on_after(COOLDOWN_S if self._failed else REFRESH_S):
                await self._wanted.wait()

    def known(self, kid: str) -> VerifyingKey | None:
        """The key of this name, if it was read already."""
        return self._keys.get(kid)

    async def find(self, kid: str) -> VerifyingKey | None:
        """The key of this name; None when the issuer has none.

        Raises:
            Refused: `keys_away`: that cannot be told at the moment.
        """
        if (known := self._keys.get(kid)) is not None:
            return known
        asked_at_s = trio.current_time()
        if asked_at_s - self._tried_at_s >= COOLDOWN_S:
            self._wanted.set()
            self._fetching = True
        if self._fetching:
            with trio.move_on_after(WAIT_LIMIT_S):
                await self._fetched.wait()
        if (known := self._keys.get(kid)) is not None:
            return known
        if self._read_at_s >= asked_at_s:
            return None
        again_s = math.ceil(self._tried_at_s + COOLDOWN_S - trio.current_time())
        raise Refused("keys_away", retry_after_s=min(max(again_s, 1), round(COOLDOWN_S)))

    async def _fetch(self) -> None:
        """Read the document; whatever goes wrong, the keys there are stay."""
        self._fetching, self._failed, self._tried_at_s = True, True, trio.current_time()
        try:
            with trio.fail_after(FETCH_LIMIT_S):
                keys = read_key_set(await self._read())
        except (httpx2.HTTPError, httpx2.InvalidURL, ValueError, trio.TooSlowError, OSError) as error:
            reason = str(error) or type(error).__name__
            self._log.warning("the issuer's keys cannot be read", url=self._url, reason=reason, kept=len(self._keys))
        else:
            if keys.keys() != self._keys.keys():
                self._log.info("the issuer's keys were read", url=self._url, keys=sorted(keys))
            self._keys, self._failed, self._read_at_s = keys, False, trio.current_time()
        finally:
            self._fetching = False

    async def _read(self) -> bytes:
        if self._trusted is None:
            self._trusted = await trio.to_thread.run_sync(_read_trust, self._url)
        headers = {"Accept": "application/json", "Accept-Encoding": "identity"}
        async with (
            httpx2.AsyncClient(verify=self._trusted, timeout=FETCH_LIMIT_S, trust_env=False) as client,
            client.stream("GET", self._url, headers=headers) as answer,
        ):
            if answer.status_code != httpx2.codes.OK:
                raise ValueError(f"the answer has status {answer.status_code}")
            body, size_bytes = bytearray(), 0
            async for piece in answer.aiter_raw():  # to the end: httpx2 does not clean up after who leaves early
                size_bytes += len(piece)
                if size_bytes <= MAX_BYTES:
                    body += piece
        if size_bytes > MAX_BYTES:
            raise ValueError(f"the answer has more than {MAX_BYTES} bytes")
        return bytes(body)


def _read_trust(url: str) -> ssl.SSLContext:
    """The system's certificates, which takes tens of milliseconds; none where there is no TLS."""
    if url.lower().startswith("https:"):
        return httpx2.create_ssl_context(trust_env=False)
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
