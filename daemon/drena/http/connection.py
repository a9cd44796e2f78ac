"""One HTTP connection: anycorn's HTTP/1.1 over a Trio stream of ours. The only module that knows the HTTP server.

From anycorn come the protocol (`H11Protocol`, on h11) and ASGI; reading, writing and every deadline are ours, because
its own connection has none where they matter: it writes under a shield without end, so that one client that stops
reading keeps the daemon from ending, and it takes a client that has only closed its sending half for gone or for idle.

What holds of a connection:

* The head of a request is there `head_s` after its first byte, or the connection ends with 408. Before the first byte
  it may be silent for `idle_s`.
* A write that does not get through in `send_s` ends the connection, and with it the call that was being answered.
* End of file while a call is being answered is told to the call (`http.disconnect`): a long poll ends, everything else
  goes on and answers, since a client may close its sending half after a request. A reset ends the call at its first
  write.
* Only HTTP/1.x is spoken: no h2c, no HTTP/2 preface, no websocket. A request with both `Content-Length` and
  `Transfer-Encoding` is refused (request smuggling), and so is a target that is no path.
* Requests sent ahead of their turn (pipelining) are answered in turn; while one waits its turn nothing is read, so the
  end of such a client is seen at the first write.
"""

from __future__ import annotations

import math
from contextlib import suppress
from typing import TYPE_CHECKING, Final

import h11
import trio
from anycorn import Config as AnycornConfig
from anycorn.app_wrappers import ASGIWrapper
from anycorn.events import Closed, Event, RawData, Updated
from anycorn.protocol.h11 import H11Protocol
from anycorn.task_group import TaskGroup
from anycorn.typing import ConnectionState
from anycorn.worker_context import WorkerContext

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import ASGIApp

CHUNK_BYTES: Final = 16 * 1024
PIECE_BYTES: Final = 64 * 1024
LINGER_S: Final = 1.0
LINGER_BYTES: Final = 4 * 1024 * 1024
"""Of a client that still sends when its answer is out so much is read away: closing at once would reset the connection,
and the answer might be lost with it."""


class Manners(AnycornConfig):
    """What holds for every connection of a server."""

    def __init__(self, *, head_bytes: int, head_s: float, idle_s: float, send_s: float) -> None:
        super().__init__()
        self.errorlog = self.accesslog = None
        self.include_server_header = False
        self.keep_alive_max_requests = 10_000
        self.h11_max_incomplete_size = head_bytes
        self.h11_pass_raw_headers = False
        self.head_bytes, self.head_s, self.idle_s, self.send_s = head_bytes, head_s, idle_s, send_s


class Engine:
    """What the connections of a server share.

    Args:
        app: the ASGI application.
        manners: limits and deadlines.
        refusal: status → headers and body of an answer to a request that is no HTTP, or not ours.
    """

    def __init__(
        self, app: ASGIApp, manners: Manners, refusal: Callable[[int], tuple[list[tuple[bytes, bytes]], bytes]]
    ) -> None:
        self.app = ASGIWrapper(app)  # type: ignore[arg-type]  # the same protocol, under other names
        self.manners = manners
        self.refusal = refusal
        self.context = WorkerContext(None)

    async def close(self) -> None:
        """From now on no connection waits for another request."""
        await self.context.terminated.set()


class _Refused(Exception):
    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class _Http1(H11Protocol):
    """HTTP/1.x and nothing else, with our answers to what is none."""

    refusal: Callable[[int], tuple[list[tuple[bytes, bytes]], bytes]]

    async def _check_protocol(self, event: h11.Request) -> None:
        """In place of an upgrade to HTTP/2: refuse what must not get further."""
        names = [name for name, _ in event.headers]
        size = len(event.target) + sum(len(name) + len(value) + 4 for name, value in event.headers)
        if event.http_version not in (b"1.0", b"1.1"):
            raise _Refused(505)
        if size > self.config.h11_max_incomplete_size:
            raise _Refused(431)
        if b"transfer-encoding" in names and b"content-length" in names:
            raise _Refused(400)
        if not event.target.startswith(b"/") or not _is_path(event.target):
            raise _Refused(400)
        if b"upgrade" in names and (b"upgrade", b"websocket") in [(n, v.lower().strip()) for n, v in event.headers]:
            raise _Refused(400)

    async def refuse(self, status: int) -> None:
        """Answer what is no request for the application, and end."""
        headers, body = self.refusal(status)
        headers = [*headers, (b"content-length", b"%d" % len(body)), (b"connection", b"close")]
        headers += self.config.response_headers("h11")
        await self._send_h11_event(h11.Response(status_code=status, headers=headers))
        with suppress(h11.LocalProtocolError):  # an answer to HEAD has no body
            await self._send_h11_event(h11.Data(data=body))
            await self._send_h11_event(h11.EndOfMessage())

    async def _send_error_response(self, status_code: int) -> None:
        await self.refuse(status_code)


def _is_path(target: bytes) -> bool:
    """Whether the path of a request target is UTF-8 once decoded, without NUL."""
    path = target.partition(b"?")[0]
    parts = path.split(b"%")
    try:
        decoded = parts[0] + b"".join(bytes([int(p[:2], 16)]) + p[2:] for p in parts[1:])
        return "\0" not in decoded.decode() and all(len(p) >= 2 for p in parts[1:])
    except ValueError:
        return False


class Connection:
    """One connection, from its first byte to its last.

    Args:
        stream: TCP, Unix socket or TLS over either, its handshake done; it belongs to the connection.
        engine: what all connections share.
        peer: the other side's address; empty for a Unix socket.
        secure: whether it is TLS.
    """

    def __init__(self, stream: trio.abc.Stream, engine: Engine, *, peer: str, secure: bool) -> None:
        self._stream = stream
        self._engine = engine
        self._peer = peer
        self._secure = secure
        self._writing = trio.Lock()
        self._reading = trio.CancelScope()
        self._whole = trio.CancelScope()
        self._answering = False
        self._begun = False
        """Something of the next request is here."""
        self._closing = False

    async def run(self) -> None:
        """Serve it to its end. Cancelled, it is closed at once.

        Raises:
            Exception: a defect of ours or anycorn's; the connection is closed all the same.
        """
        try:
            with self._whole:
                async with TaskGroup() as calls:
                    protocol = self._protocol(calls)
                    await self._read(protocol)
                await self._part()
        finally:
            with trio.move_on_after(LINGER_S, shield=True):
                await trio.aclose_forcefully(self._stream)

    def close_when_idle(self) -> None:
        """Wait for no other request; one that is being answered is answered."""
        if not self._answering:
            self._reading.cancel(reason="shutting down")

    def _protocol(self, calls: TaskGroup) -> _Http1:
        protocol = _Http1(
            self._engine.app,
            self._engine.manners,
            self._engine.context,
            calls,
            ConnectionState({}),
            (self._peer, 0) if self._peer else None,
            None,
            self._send,
            {"server_cert": None, "client_cert_chain": [], "tls_version": None, "cipher_suite": None}
            if self._secure
            else None,
        )
        protocol.refusal = self._engine.refusal
        return protocol

    async def _read(self, protocol: _Http1) -> None:
        """Hand over what comes, until the end of file, the end of patience, or ours."""
        self._expect()
        while not self._closing:
            chunk = await self._receive()
            if chunk is None:
                if self._owes_a_timeout():
                    await protocol.refuse(408)
                break
            if not chunk:
                break
            self._begin()
            try:
                await protocol.handle(RawData(bytes(chunk)))
            except _Refused as refused:
                await protocol.refuse(refused.status)
                break
        await protocol.handle(Closed())

    def _owes_a_timeout(self) -> bool:
        """Whether the reader gave up a client in the middle of a head, rather than a silent or an answered one."""
        return self._begun and not self._closing and not self._engine.context.terminated.is_set()

    async def _receive(self) -> bytes | bytearray | None:
        """The next bytes; none at all at the end, None when they take too long or are not waited for any more."""
        if self._engine.context.terminated.is_set() and not self._answering:
            return None
        with self._reading:
            try:
                return await self._stream.receive_some(CHUNK_BYTES)
            except (trio.BrokenResourceError, trio.ClosedResourceError):
                return b""
        return None

    def _expect(self) -> None:
        """Wait for a request."""
        self._answering = self._begun = False
        self._reading = trio.CancelScope(deadline=trio.current_time() + self._engine.manners.idle_s)

    def _begin(self) -> None:
        """Something came: the head has to follow soon, unless it is of a call under way."""
        if not self._answering:
            self._reading = trio.CancelScope(
                deadline=self._reading.deadline if self._begun else trio.current_time() + self._engine.manners.head_s
            )
            self._begun = True
        else:
            self._reading = trio.CancelScope()

    async def _send(self, event: Event) -> None:
        """What the protocol wants done."""
        if isinstance(event, RawData):
            await self._write(event.data)
        elif isinstance(event, Updated):
            if event.idle:
                self._next()
            else:
                self._answering = True
                self._reading.deadline = math.inf
        elif isinstance(event, Closed):
            self._closing = True
            self._reading.cancel(reason="answered")

    def _next(self) -> None:
        """A call is answered. The reader may be waiting already: its scope gets the deadline of a silent client."""
        self._answering = self._begun = False
        self._reading.deadline = trio.current_time() + self._engine.manners.idle_s
        if self._engine.context.terminated.is_set():
            self._reading.cancel(reason="shutting down")

    async def _write(self, data: bytes) -> None:
        async with self._writing:
            for at in range(0, len(data), PIECE_BYTES):
                with trio.move_on_after(self._engine.manners.send_s) as patience:
                    try:
                        await self._stream.send_all(data[at : at + PIECE_BYTES])
                    except (trio.BrokenResourceError, trio.ClosedResourceError):
                        patience.cancel(reason="gone")
                        await trio.lowlevel.checkpoint()
                if patience.cancelled_caught:
                    self._whole.cancel(reason="the client is gone, or does not read")
                    await trio.lowlevel.checkpoint()

    async def _part(self) -> None:
        """Let the last answer arrive before the connection goes."""
        if not isinstance(self._stream, trio.SocketStream):
            with trio.move_on_after(LINGER_S), suppress(trio.BrokenResourceError, trio.ClosedResourceError):
                await self._stream.aclose()
            return
        read = 0
        with trio.move_on_after(LINGER_S), suppress(trio.BrokenResourceError, trio.ClosedResourceError):
            await self._stream.send_eof()
            while read < LINGER_BYTES and (chunk := await self._stream.receive_some(PIECE_BYTES)):
                read += len(chunk)
