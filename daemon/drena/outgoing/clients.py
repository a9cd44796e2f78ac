"""The HTTP client of an attempt: one connection pool, opened and closed with it, on Trio, HTTP/1.1.

httpx2 finds Trio by itself (through sniffio, which Trio brings along); the `anyio` it installs is only imported. What
a process shares between attempts is the TLS configuration, because reading the system's certificates takes tens of
milliseconds, and the paces; both are values here and in `pace.py`, held by whoever composes the daemon. Nothing is
taken from the environment's proxy and certificate variables: settings say so or nobody does.
"""

from __future__ import annotations

import random as randomness
import ssl
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

import httpx2
import trio

from drena import __version__
from drena.api import Logger
from drena.config import ProviderOverrides
from drena.texts.troubles import Refusal

from .faults import fault_of, unsendable
from .pace import Pace
from .retries import Random, RetryRules
from .transport import CLOSE_S, STREAM_EXTENSION, PacedTransport

Span = Callable[[httpx2.Request], AbstractContextManager[Callable[[int], None]]]
USER_AGENT: Final = f"drena/{__version__}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientSettings:
    """How an attempt's client behaves."""

    connect_timeout_s: float = 10.0
    read_timeout_s: float = 60.0
    """The longest silence within an answer."""
    write_timeout_s: float = 30.0
    pool_timeout_s: float = 60.0
    """How long a request of this attempt waits for one of its own connections."""
    max_connections: int = 10
    keepalive_s: float = 30.0
    """Longer than the interval of a slow pace, so that it does not pay for a handshake each time."""
    max_body_bytes: int = 32 * 1024 * 1024
    proxy: str | None = None
    ca_file: Path | None = None
    retry: RetryRules = field(default_factory=RetryRules)

    @property
    def timeout(self) -> httpx2.Timeout:
        return httpx2.Timeout(
            connect=self.connect_timeout_s,
            read=self.read_timeout_s,
            write=self.write_timeout_s,
            pool=self.pool_timeout_s,
        )


_DEFAULTS: Final = ClientSettings()


def client_settings(overrides: ProviderOverrides) -> ClientSettings:
    """The defaults with what the operator set for a provider."""
    names = ("connect_timeout_s", "read_timeout_s", "max_body_bytes", "proxy", "ca_file")
    given: dict[str, Any] = {name: value for name in names if (value := getattr(overrides, name)) is not None}
    return replace(_DEFAULTS, **given) if given else _DEFAULTS


class Clients:
    """Opens clients. One for the process.

    Args:
        clock: seconds; the clock that `trio.sleep` uses.
        wall: the wall clock, for a Retry-After that is a date.
        random: uniform in [0, 1), for jitter.
        transport: sends requests in place of the network, for tests; closed with each client.
    """

    def __init__(
        self,
        *,
        clock: Callable[[], float] = trio.current_time,
        wall: Callable[[], datetime] = lambda: datetime.now(UTC),
        random: Random = randomness.random,
        transport: httpx2.AsyncBaseTransport | None = None,
    ) -> None:
        self._clock = clock
        self._wall = wall
        self._random = random
        self._transport = transport
        self._trusted: dict[tuple[Path | None, int], ssl.SSLContext] = {}
        self._reading = trio.Lock()

    def open(
        self, *, pace: Pace, log: Logger, settings: ClientSettings = ClientSettings(), span: Span | None = None
    ) -> AttemptClient:
        """The client of one attempt, with a connection pool of its own; made when it is first asked for.

        Entered, it gives what makes the client. Leaving it closes the pool within `CLOSE_S`, also when the attempt is
        being cancelled: no connection outlives the attempt.

        Args:
            pace: the credential's, from the process's `PaceBook`.
            log: the attempt's logger; told of each request at `debug`.
            settings: timeouts, limits, proxy, certificates.
            span: a block around each request that is told the status of its answer, for traces.

        Raises:
            Refusal: `config_invalid`: on entering, the certificates' file cannot be used; or, when the client is made,
            the proxy's URL.
        """

        def make(trusted: ssl.SSLContext | None) -> _Client:
            client = self._make(pace, log, settings, trusted)
            client.span = span
            return client

        return AttemptClient(partial(self._trust, settings.ca_file) if self._transport is None else None, make)

    def _make(self, pace: Pace, log: Logger, settings: ClientSettings, trusted: ssl.SSLContext | None) -> _Client:
        inner = self._transport
        if inner is None:
            assert trusted is not None
            inner = _network(settings, trusted)
        return _Client(
            transport=PacedTransport(
                inner,
                pace=pace,
                rules=settings.retry,
                log=log,
                max_body_bytes=settings.max_body_bytes,
                by_proxy=settings.proxy is not None,
                clock=self._clock,
                wall=self._wall,
                random=self._random,
            ),
            timeout=settings.timeout,
            headers={"User-Agent": USER_AGENT},
            trust_env=False,
        )

    async def _trust(self, ca_file: Path | None) -> ssl.SSLContext:
        """The TLS configuration for a file of certificates, read again when the file changed; None: the system's."""
        try:
            key = (ca_file, _changed_at(ca_file))
            if key not in self._trusted:
                async with self._reading:  # attempts that begin together read it once
                    if key not in self._trusted:
                        self._trusted[key] = await trio.to_thread.run_sync(_read_trust, ca_file)
            return self._trusted[key]
        except OSError as error:  # ssl.SSLError is one
            raise Refusal(
                "config_invalid",
                f"O arquivo de certificados {ca_file} não pode ser usado; corrija `ca_file` nas configurações.",
                f"The file of certificates {ca_file} cannot be used; correct `ca_file` in the settings.",
            ) from error


def _network(settings: ClientSettings, trusted: ssl.SSLContext) -> httpx2.AsyncHTTPTransport:
    limits = httpx2.Limits(
        max_connections=settings.max_connections,
        max_keepalive_connections=settings.max_connections,
        keepalive_expiry=settings.keepalive_s,
    )
    try:
        return httpx2.AsyncHTTPTransport(
            verify=trusted, trust_env=False, http2=False, limits=limits, proxy=settings.proxy
        )
    except (ValueError, httpx2.InvalidURL):
        raise Refusal(
            "config_invalid",
            "O endereço do proxy deste provedor não é válido; corrija `proxy` nas configurações do Drena.",
            "The address of this provider's proxy is not valid; correct `proxy` in Drena's settings.",
        ) from None


def _changed_at(file: Path | None) -> int:
    return file.stat().st_mtime_ns if file else 0


def _read_trust(ca_file: Path | None) -> ssl.SSLContext:
    if ca_file is None:
        return httpx2.create_ssl_context(trust_env=False)
    return ssl.create_default_context(cafile=str(ca_file))


class AttemptClient:
    """See `Clients.open`. A class, because every attempt opens one and few ask for the client."""

    __slots__ = ("_made", "_make", "_trust", "_trusted")

    def __init__(
        self, trust: Callable[[], Awaitable[ssl.SSLContext]] | None, make: Callable[[ssl.SSLContext | None], _Client]
    ) -> None:
        self._trust = trust
        self._trusted: ssl.SSLContext | None = None
        self._make = make
        self._made: _Client | None = None

    async def __aenter__(self) -> Callable[[], httpx2.AsyncClient]:
        if self._trust is not None:
            self._trusted = await self._trust()
        return self._client

    async def __aexit__(self, *_: object) -> None:
        if self._made is not None:
            with trio.move_on_after(CLOSE_S, shield=True):
                await self._made.aclose()

    def _client(self) -> httpx2.AsyncClient:
        if self._made is None:
            self._made = self._make(self._trusted)
        return self._made


class _Client(httpx2.AsyncClient):
    """Closes two gaps above the transport: it tells it whether the caller reads the answer itself, and maps what httpx2
    raises before and after it."""

    span: Span | None = None

    def build_request(self, method: str, url: httpx2.URL | str, **options: Any) -> httpx2.Request:
        try:
            return super().build_request(method, url, **options)
        except (httpx2.InvalidURL, UnicodeEncodeError):  # the latter from a header, and its object may be the token
            raise unsendable() from None

    async def send(self, request: httpx2.Request, *, stream: bool = False, **options: Any) -> httpx2.Response:
        if self.span is None:
            return await self._send(request, stream=stream, **options)
        with self.span(request) as answered:
            response = await self._send(request, stream=stream, **options)
            answered(response.status_code)
            return response

    async def _send(self, request: httpx2.Request, *, stream: bool, **options: Any) -> httpx2.Response:
        request.extensions[STREAM_EXTENSION] = stream
        try:
            return await super().send(request, stream=stream, **options)
        except httpx2.RequestError as error:
            raise fault_of(error, request.url.host, by_proxy=False).raised() from error
