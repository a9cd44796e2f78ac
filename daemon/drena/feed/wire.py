"""One connection's bytes: the only one who writes to its socket.

Websocket frames must not be torn apart, and two writers, or one that was cancelled in the middle, would do just that.
So everything that goes out passes here, the frames of the hub as well as the pongs and closes of the websocket library,
for which this is the stream it stands on. What is guaranteed:

* `send_nowait` never waits. What the kernel does not take at once is kept, and the wire is no longer `free` until it
  has gone out: at most one piece is ever kept, because nothing is accepted meanwhile. Who has more to say merges it.
* A piece that does not go out within `stuck_s` ends the connection hard. Nothing else would be right: half a frame has
  been sent, and a close could not be.
* Behind a close frame nothing is sent any more, whoever closes (RFC 6455, 5.5.1): a browser complains of what comes.
* Cancelling somebody who sends leaves no half frame behind: the piece belongs to the wire, not to him.

On a TCP or Unix socket the kernel is asked directly, without a task; under TLS every piece goes through the draining
task.
"""

from __future__ import annotations

import os
import socket
import struct
from contextlib import suppress
from typing import TYPE_CHECKING, Final

import trio

from drena.feed.frames import Meter, TooMuchError, close_frame

if TYPE_CHECKING:
    from collections.abc import Callable

READ_BYTES: Final = 4096
SEND_BUFFER_BYTES: Final = 128 * 1024
"""What the kernel may keep of what a client does not read."""
KEEPALIVE_S: Final = 30
SILENCE_S: Final = 20
"""A peer whose machine acknowledges nothing for so long is gone."""
TLS_CLOSE_S: Final = 1.0
CLOSE: Final = b"\x88"
"""How a close frame begins, and nothing else that passes here: not the answer to a handshake, a pong or a message."""


class Wire(trio.abc.Stream):
    """See the module.

    Args:
        stream: the accepted connection.
        start_soon: starts a task of the connection; the draining one, when there is something to drain.
        stuck_s: how long a piece may take.
        on_free: called, without waiting, whenever the wire has become free again.
        on_lost: called once, when the other side is gone or was stuck.
    """

    __slots__ = (
        "_direct",
        "_drained",
        "_meter",
        "_rest",
        "_socket",
        "_start_soon",
        "_stream",
        "_stuck_s",
        "closing",
        "free",
        "lost",
        "on_free",
        "on_lost",
        "sent",
        "was_stuck",
    )

    def __init__(self, stream: trio.abc.Stream, start_soon: Callable[..., None], *, stuck_s: float) -> None:
        self._stream = stream
        self._start_soon = start_soon
        self._stuck_s = stuck_s
        self._socket = _socket_of(stream)
        self._direct = -1 if isinstance(stream, trio.SSLStream) or self._socket is None else self._socket.fileno()
        self._rest: bytes | memoryview = b""
        self._drained: trio.Event | None = None
        self._meter: Meter | None = None
        self.on_free: Callable[[], None] = _nothing
        self.on_lost: Callable[[], None] = _nothing
        self.lost = False
        self.closing = False
        """Whether a close frame has gone out."""
        self.was_stuck = False
        self.free = True
        """Whether the next piece would be taken."""
        self.sent = False
        """Whether anything was sent since somebody last set this to False. No clock is asked for each piece."""
        if self._socket is not None:
            _tune(self._socket)

    def limit(self, meter: Meter) -> None:
        """Count what comes in from here on: the handshake is over."""
        self._meter = meter

    @property
    def controls(self) -> int:
        """Control frames that came since this was asked."""
        if self._meter is None:
            return 0
        found, self._meter.controls = self._meter.controls, 0
        return found

    def send_nowait(self, piece: bytes) -> bool:
        """Send, or keep what the kernel does not take. Only while `free`.

        Returns:
            Whether all of it is in the kernel's hands.
        """
        self.sent = True
        sent = 0
        if self._direct >= 0:
            try:
                sent = os.write(self._direct, piece)
            except BlockingIOError:
                pass
            except OSError:
                self._lose()
                return False
            if sent == len(piece):
                return True
        self.free = False
        self._rest = memoryview(piece)[sent:]
        self._drained = trio.Event()
        self._start_soon(self._drain)
        return False

    async def _drain(self) -> None:
        with trio.move_on_after(self._stuck_s) as limit:
            try:
                await self._stream.send_all(self._rest)
            except (trio.BrokenResourceError, trio.ClosedResourceError):
                self._lose()
        if limit.cancelled_caught:
            self.was_stuck = True
            self._lose()
        self._rest = b""
        drained, self._drained = self._drained, None
        assert drained is not None
        drained.set()
        if not (self.lost or self.closing):
            self.free = True
            self.on_free()

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """For the websocket library: wait for the turn, and until it is out."""
        while self._drained is not None:
            await self._drained.wait()
        if self.lost:
            raise trio.BrokenResourceError
        self.send_nowait(bytes(data))
        if data[:1] == CLOSE:
            self.closing, self.free = True, False
        await self.wait_send_all_might_not_block()

    async def wait_send_all_might_not_block(self) -> None:
        while self._drained is not None:
            await self._drained.wait()
        await trio.lowlevel.checkpoint()
        if self.lost:
            raise trio.BrokenResourceError

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        """For the websocket library. A client that sends too much is told so and cut off."""
        try:
            data = await self._stream.receive_some(max_bytes or READ_BYTES)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            self._lose()
            raise
        if not data:
            self._lose()
        elif self._meter is not None:
            try:
                self._meter.feed(data)
            except TooMuchError as error:
                if self.free:
                    self.send_nowait(close_frame(1009, str(error)))
                self._lose()
                raise trio.BrokenResourceError from None
        return data

    def _lose(self) -> None:
        self.free = False
        if not self.lost:
            self.lost = True
            self.on_lost()

    async def aclose(self) -> None:
        """Close. Under TLS the peer is told, if that takes no longer than a moment."""
        self.lost, self.free = True, False
        with trio.move_on_after(TLS_CLOSE_S if isinstance(self._stream, trio.SSLStream) else 0, shield=True):
            await self._stream.aclose()
        if isinstance(self._stream, trio.SSLStream):
            await trio.aclose_forcefully(self._stream.transport_stream)

    def kill(self) -> None:
        """Close at once; what the kernel has not sent yet is thrown away."""
        self.lost, self.free = True, False
        if self._socket is not None:
            with suppress(OSError):
                self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self._socket.close()


def _socket_of(stream: trio.abc.Stream) -> trio.socket.SocketType | None:
    while isinstance(stream, trio.SSLStream):
        stream = stream.transport_stream
    return stream.socket if isinstance(stream, trio.SocketStream) else None


def _tune(sock: trio.socket.SocketType) -> None:
    """Small buffers, no delay, and a kernel that notices a machine that is gone."""
    with suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
        if sock.family != socket.AF_UNIX:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            for name, value in (
                ("TCP_KEEPIDLE", KEEPALIVE_S),
                ("TCP_KEEPINTVL", KEEPALIVE_S // 3),
                ("TCP_KEEPCNT", 3),
                ("TCP_USER_TIMEOUT", SILENCE_S * 1000),
            ):
                if hasattr(socket, name):
                    sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


def _nothing() -> None:
    """Nobody wants to know."""
