"""The one module that knows trio_websocket: handshakes, messages, closing; for the server, and for `drena watch`.

Its own server is not used: it dies of a plain GET followed by a reset, and of any handler's exception. Here a
connection stands on a `Wire`, which counts bytes before the library sees them and writes alone; every wait has a limit;
what the library raises becomes `Gone`.
"""

from __future__ import annotations

import ssl
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import SplitResult, urlsplit

import trio
import trio_websocket
import wsproto
import wsproto.events
import wsproto.utilities
from wsproto.connection import ConnectionState

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping

CLOSE_S: Final = 2.0
"""How long the other side may take to answer a close."""
ANSWER_S: Final = 2.0
UNLIMITED: Final = 2**40
"""Characters: the wire has counted the bytes already."""


class Gone(Exception):
    """The other side has closed or was lost.

    Args:
        code: of its close frame; 1006 when there was none.
        reason: its words.
    """

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"{code} {reason}".strip())
        self.code = code
        self.reason = reason


class Handshake:
    """A client's wish to open a websocket, of which the other side of a `Served` must take care before it returns."""

    def __init__(self, served: Served, request: trio_websocket.WebSocketRequest) -> None:
        self._served = served
        self._request = request
        # wsproto keeps Host out of the headers, and trio-websocket offers it nowhere
        self.headers: Mapping[str, str] = _headers(request.headers) | {"host": request._event.host}
        self.path: str = request.path

    async def accept(self, subprotocol: str) -> None:
        """Open it. The subprotocol is named in the answer only when it was offered.

        Raises:
            Gone: the client has left.
        """
        offered = subprotocol in self._request.proposed_subprotocols
        with _translated():
            await self._request.accept(subprotocol=subprotocol if offered else None)
        self._served.forget_handshake()

    @property
    def offers(self) -> tuple[str, ...]:
        """The subprotocols the client speaks."""
        return self._request.proposed_subprotocols

    async def reject(self, status: int, body: bytes) -> None:
        """Answer with an HTTP error instead; a client that has left is no matter."""
        with trio.move_on_after(ANSWER_S):
            try:
                await self._request.reject(
                    status, body=body, extra_headers=[(b"Content-Type", b"text/plain; charset=utf-8")]
                )
            except trio_websocket.ConnectionClosed:
                return


class Served:
    """A websocket at the server's end, read by the task that calls `run`.

    The library reads in a task of its own, which hands messages through a channel to another one. Here both are the
    same: a connection that is only told things costs one task, and nothing that was for the handshake alone.

    Args:
        wire: what the client says and is told.
        greet: called once with the client's handshake; has to accept or to reject it.
    """

    __slots__ = ("_connection", "hear")

    def __init__(self, wire: trio.abc.Stream, greet: Callable[[Served, Handshake], Awaitable[None]]) -> None:
        self.hear: Callable[[str | bytes], Awaitable[None]] = _unheard
        """Takes a message; nothing more is read until it returns."""
        self._connection = _OneTask(wire, self, greet)

    async def run(self) -> None:
        """Read until the other side has gone, or `close` was called and answered.

        Raises what the library raises of a client that breaks the rules: see `is_expected`.
        """
        await self._connection._reader_task()

    async def close(self, code: int, reason: str = "") -> None:
        """Say goodbye, from another task than the one that reads; who does not answer within `CLOSE_S` is left."""
        with trio.move_on_after(CLOSE_S, shield=True):
            await self._connection.aclose(code, reason[:120] or None)

    def forget_handshake(self) -> None:
        """Let the HTTP parser go, with its buffers: several KiB for each connection, for all its life."""
        opened: Any = self._connection._wsproto.connection
        if opened is not None:
            self._connection._wsproto = opened  # it has the same methods: what stood around it only told them apart


class _OneTask(trio_websocket.WebSocketConnection):
    """The library's connection, without the parts that tie two tasks together. It stands on three private methods of it
    and some attributes, which `tests/feed/test_websocket.py` holds it to."""

    def __init__(
        self, wire: trio.abc.Stream, served: Served, greet: Callable[[Served, Handshake], Awaitable[None]]
    ) -> None:
        super().__init__(
            wire,
            wsproto.WSConnection(wsproto.ConnectionType.SERVER),
            max_message_size=UNLIMITED,
            receive_buffer_size=None,
        )
        self._served = served
        self._greet = greet
        inbox: Any = _Inbox(served)
        self._send_channel = self._recv_channel = inbox
        turns: Any = _NO_TURNS
        self._stream_lock = turns
        self._open_handshake = self._for_testing_peer_closed_connection = _UNHEARD_OF
        self._connection_proposal = None

    async def _handle_request_event(self, event: wsproto.events.Request) -> None:
        with suppress(Gone), _no_key_errors():
            await self._greet(self._served, Handshake(self._served, trio_websocket.WebSocketRequest(self, event)))

    async def _handle_close_connection_event(self, event: wsproto.events.CloseConnection) -> None:
        if self._wsproto.state is ConnectionState.OPEN:  # nobody has closed: a rule was broken, and the code says which
            with suppress(trio_websocket.ConnectionClosed):
                await self._send(wsproto.events.CloseConnection(code=event.code, reason=event.reason))
        await super()._handle_close_connection_event(event)


class _Inbox:
    """Where the library puts messages: straight into the ear of who listens."""

    __slots__ = ("_served",)

    def __init__(self, served: Served) -> None:
        self._served = served

    async def send(self, message: str | bytes) -> None:
        with _no_key_errors():
            await self._served.hear(message)

    async def aclose(self) -> None:
        self._served.hear = _unheard

    async def __aenter__(self) -> None:
        return None

    async def __aexit__(self, *_error: object) -> None:
        return None


@contextmanager
def _no_key_errors() -> Iterator[None]:
    """The library takes a KeyError for an event it does not know, and goes on: ours must not pass for one."""
    try:
        yield
    except KeyError as error:
        raise RuntimeError("a mistake while a message was heard") from error


class _NoTurns:
    """In place of the library's lock: a wire keeps those who send apart itself."""

    async def __aenter__(self) -> None:
        return None

    async def __aexit__(self, *_error: object) -> None:
        return None


_NO_TURNS: Final = _NoTurns()
_UNHEARD_OF: Final = trio.Event()
"""In place of events that are set and for which nobody waits."""


async def _unheard(_message: str | bytes) -> None:
    """Nobody listens."""


class Connection:
    """An open websocket at the client's end."""

    def __init__(self, connection: trio_websocket.WebSocketConnection) -> None:
        self._connection = connection

    async def receive(self) -> str | bytes:
        """The next message.

        Raises:
            Gone: there will be none.
        """
        with _translated():
            return await self._connection.get_message()

    async def send(self, message: str | bytes) -> None:
        """Send a message.

        Raises:
            Gone: nobody is there any more.
        """
        with _translated():
            await self._connection.send_message(message)

    async def close(self, code: int, reason: str = "") -> None:
        """Say goodbye; whoever does not answer within `CLOSE_S` is left."""
        with trio.move_on_after(CLOSE_S, shield=True):
            await self._connection.aclose(code, reason[:120] or None)


@asynccontextmanager
async def open_client(
    url: str, *, subprotocol: str, tls: ssl.SSLContext | None = None, headers: Mapping[str, str] | None = None
) -> AsyncIterator[Connection]:
    """A client's connection, for the length of the block.

    Args:
        url: `ws://` or `wss://`.
        subprotocol: what we speak.
        tls: whom to trust; the system's certificates by default.
        headers: of the handshake.

    Raises:
        Gone: it was refused or could not be made; the reason says why.
        ValueError: the URL is none.
    """
    place = urlsplit(url)
    if place.scheme not in ("ws", "wss") or not place.hostname:
        raise ValueError(f"{url} is no address of a feed: write ws://host:port or wss://host")
    async with trio.open_nursery() as nursery:
        stream = await _dial(place, tls)
        try:
            yield await _shake_hands(nursery, stream, place, subprotocol, headers or {})
        finally:
            nursery.cancel_scope.cancel(reason="the connection was closed")
            with trio.move_on_after(CLOSE_S, shield=True):
                await trio.aclose_forcefully(stream)


async def _dial(place: SplitResult, tls: ssl.SSLContext | None) -> trio.abc.Stream:
    assert place.hostname is not None
    try:
        if place.scheme == "ws":
            return await trio.open_tcp_stream(place.hostname, place.port or 80)
        return await trio.open_ssl_over_tcp_stream(
            place.hostname, place.port or 443, ssl_context=tls, https_compatible=True
        )
    except OSError as error:  # without a number it is Trio's, for all addresses of the host together
        raise Gone(1006, str(error) if error.errno else "nothing answers") from None


async def _shake_hands(
    nursery: trio.Nursery, stream: trio.abc.Stream, place: SplitResult, subprotocol: str, headers: Mapping[str, str]
) -> Connection:
    path = f"{place.path or '/'}{'?' + place.query if place.query else ''}"
    guarded: Any = _Guarded(nursery)
    opened = []
    with guarded.reading:
        connection = await trio_websocket.wrap_client_stream(
            guarded,
            stream,  # type: ignore[arg-type]  # any stream serves
            place.netloc.rpartition("@")[2],
            path,
            subprotocols=[subprotocol],
            extra_headers=[(name.encode(), value.encode()) for name, value in headers.items()],
            max_message_size=2**26,
        )
        opened.append(Connection(connection))
    if opened:
        return opened[0]
    error = guarded.error
    if isinstance(error, trio_websocket.ConnectionRejected):
        raise Gone(1006, f"refused with status {error.status_code}")
    raise Gone(1006, "the other side speaks no websocket" if error is None else str(error) or type(error).__name__)


class _Guarded:
    """Stands in for a connection's nursery: the library starts its reading task here. What that raises when the other
    side leaves in the middle of things has nobody to catch it, and is kept."""

    def __init__(self, nursery: trio.Nursery) -> None:
        self._nursery = nursery
        self.error: Exception | None = None
        self.reading = trio.CancelScope()
        """Ends when nothing more can come; for who waits for a handshake."""

    def start_soon(self, read: Callable[[], Awaitable[None]]) -> None:
        self._nursery.start_soon(self._run, read, name="websocket reader")

    async def _run(self, read: Callable[[], Awaitable[None]]) -> None:
        try:
            await read()
        except Exception as error:
            if not is_expected(error):
                raise
            self.error = error
        self.reading.cancel(reason="nothing more comes")


def is_expected(error: BaseException) -> bool:
    """Whether this is only the library's news of a client that left or broke the rules, or a group of such news."""
    if isinstance(error, BaseExceptionGroup):
        return all(is_expected(each) for each in error.exceptions)
    return isinstance(
        error,
        (
            trio_websocket.ConnectionClosed,
            trio_websocket.HandshakeError,
            wsproto.utilities.ProtocolError,
            trio.BrokenResourceError,
            trio.ClosedResourceError,
            Gone,
        ),
    )


class _translated:  # noqa: N801  # reads as a statement
    """Turns the library's news of an end into `Gone`."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, trio_websocket.ConnectionClosed):
            reason = error.reason
            raise Gone(reason.code if reason else 1006, (reason.reason if reason else None) or "") from None


def _headers(pairs: list[tuple[bytes, bytes]]) -> dict[str, str]:
    """By lower-case name; of a name that comes twice, all values, as one list."""
    found: dict[str, str] = {}
    for name, value in pairs:
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        found[key] = f"{found[key]}, {text}" if key in found else text
    return found
