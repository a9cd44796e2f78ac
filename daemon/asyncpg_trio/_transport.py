"""A socket without a reader task: whoever waits for an answer reads it.

What it guarantees:

* `write` never blocks and never raises. What the kernel does not take at once is kept, and asyncpg is told to pause.
* `pump_until` moves bytes both ways until a condition holds. Any number of tasks may call it; one of them, the leader,
  waits on the socket, the others are parked and look again each time bytes arrived. When the leader leaves, cancelled
  or served, one of the others takes over. So there is no background task that could die, leak or raise elsewhere.
* When the connection dies, the protocol is told once, and everybody who waits looks again and finds it closed.

Why the waiting task reads by itself: a reader task costs one more trip through Trio's scheduler for each answer, which
is most of the difference between the first sketch and asyncio's own speed.

A deliberate consequence: an idle connection is not read. Its death is noticed when it is used or polled (`poll`), and
notifications are received while somebody waits for them or for an answer.
"""

from __future__ import annotations

import select
import ssl
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import trio

from ._tls import TLSLayer

if TYPE_CHECKING:
    import socket
    from collections.abc import Awaitable, Callable, Iterable

READ_BYTES = 65536
READS_AT_ONCE = 16  # before the scheduler gets its turn: one megabyte
HIGH_WATER_BYTES = 65536  # as asyncio's transports: above it asyncpg stops producing
LOW_WATER_BYTES = 16384


class Transport:
    """What asyncpg takes for an asyncio transport."""

    def __init__(self, sock: socket.socket, protocol: Any, after_each: Callable[[], None]) -> None:
        self._sock = sock
        self._protocol = protocol
        self._after_each = after_each  # chunk of data: what the protocol put off until it has the stack to itself
        self._high, self._low = HIGH_WATER_BYTES, LOW_WATER_BYTES
        self._fd = sock.fileno()
        self._either: Any = None  # an epoll object, made when first needed
        self._tls: TLSLayer | None = None
        self._outgoing = bytearray()
        self._write_error: OSError | None = None
        self._writing_paused = False
        self._reading_paused = False
        self._leading = False
        self._followers = trio.lowlevel.ParkingLot()
        self.closed = False
        self.chunks_read = 0

    # What asyncpg calls.

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        if name == "socket":
            return self._sock
        if name == "peername" and not self.closed:
            return self._sock.getpeername()
        if name in {"ssl_object", "sslcontext"} and self._tls is not None:
            return self._tls.object if name == "ssl_object" else self._tls.object.context
        return default

    def set_protocol(self, protocol: Any) -> None:
        self._protocol = protocol

    def set_write_buffer_limits(self, high: int, low: int) -> None:
        self._high, self._low = high, low

    def is_closing(self) -> bool:
        return self.closed

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if self.closed or self._write_error is not None:
            return
        if self._tls is not None:
            data = self._tls.encrypt(data)
        if self._outgoing:
            self._outgoing += data
        else:
            sent = self._send(data)
            if sent == len(data):
                return
            self._outgoing += memoryview(data)[sent:]
        if len(self._outgoing) > self._high and not self._writing_paused:
            self._writing_paused = True
            self._protocol.pause_writing()

    def writelines(self, chunks: Iterable[bytes]) -> None:
        self.write(b"".join(chunks))

    def pause_reading(self) -> None:
        self._reading_paused = True

    def resume_reading(self) -> None:
        self._reading_paused = False
        self._followers.unpark_all()

    def abort(self) -> None:
        """Close the socket at once; the protocol is told, and so is everybody who waits."""
        self._lose(None)

    close = abort

    # What the stand-in loop calls.

    async def start_tls(self, context: ssl.SSLContext, server_hostname: str | None) -> None:
        """Negotiate TLS on the open socket.

        Raises:
            OSError: ssl.SSLError among them, when the handshake fails or the peer hangs up.
        """
        layer = TLSLayer(context, server_hostname)
        received = b""
        while True:
            try:
                complete = layer.handshake(received)
            finally:
                self._outgoing += layer.pending()
                self._flush()
            if complete and not self._outgoing:
                break
            if complete or self._outgoing:
                await trio.lowlevel.wait_writable(self._fd)
                received = b""
                continue
            await trio.lowlevel.wait_readable(self._fd)
            try:
                received = self._sock.recv(READ_BYTES)
            except BlockingIOError:
                received = b""
                continue
            if not received:
                raise ConnectionResetError("the server closed the connection during the TLS handshake")
        self._tls = layer

    async def pump_until(self, satisfied: Callable[[], bool]) -> None:
        """Move bytes until the condition holds or the connection is closed.

        Cancellation: leaves the connection as it is; another waiting task takes over the reading.
        """
        while not (satisfied() or self.closed):
            if self._leading or (self._reading_paused and not self._outgoing):
                await self._followers.park()
                continue
            self._leading = True
            try:
                if self._outgoing:
                    await self._wait_for_either()
                    self._flush()
                else:
                    await trio.lowlevel.wait_readable(self._fd)
                self._read(satisfied)
            except trio.ClosedResourceError:
                pass  # closed, or a false alarm of look_again
            finally:
                self._leading = False
                if self._followers:
                    self._followers.unpark_all()

    def look_again(self) -> None:
        """Have everybody who waits test their condition once more; the leader too, by a false alarm on its socket."""
        self._followers.unpark_all()
        if self._leading and not self.closed:
            self._disturb()

    def poll(self) -> None:
        """Take what has arrived, without waiting: how an idle connection learns that the server hung up."""
        if not (self.closed or self._leading or self._reading_paused):
            self._read(_never)

    async def _wait_for_either(self) -> None:
        """Wait until the socket can be read or written.

        Trio waits for one or the other. An epoll object can be waited for too, and it is ready when the socket is ready
        either way: no second task. Where there is no epoll, a nursery of two does it.
        """
        if not hasattr(select, "epoll"):
            await self._wait_for_either_in_two_tasks()
            return
        if self._either is None:
            self._either = select.epoll()
            self._either.register(self._fd, 0)
        wanted = select.EPOLLOUT if self._reading_paused else select.EPOLLOUT | select.EPOLLIN
        self._either.modify(self._fd, wanted)
        await trio.lowlevel.wait_readable(self._either)

    async def _wait_for_either_in_two_tasks(self) -> None:
        async def one(wait: Callable[[int], Awaitable[None]]) -> None:
            with suppress(trio.ClosedResourceError):
                await wait(self._fd)
            nursery.cancel_scope.cancel()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(one, trio.lowlevel.wait_writable)
            if not self._reading_paused:
                nursery.start_soon(one, trio.lowlevel.wait_readable)

    def _read(self, satisfied: Callable[[], bool]) -> None:
        """Read what there is, or as much as satisfies: while one chunk is parsed, the server sends the next."""
        for _ in range(READS_AT_ONCE):
            try:
                data = self._sock.recv(READ_BYTES)
            except (BlockingIOError, InterruptedError):
                if self._write_error is not None:
                    self._lose(self._write_error)
                return
            except OSError as error:
                self._lose(error)
                return
            if not data:
                self._lose(self._write_error)
                return
            self.chunks_read += 1
            if self._tls is None:
                self._protocol.data_received(data)
            else:
                self._read_encrypted(data)
            self._after_each()
            if self.closed or self._reading_paused or satisfied():
                return

    def _read_encrypted(self, data: bytes) -> None:
        assert self._tls is not None
        try:
            pieces = self._tls.decrypt(data)
        except ssl.SSLError as error:
            self._lose(error)
            return
        for piece in pieces:
            if self.closed:
                return
            if piece:
                self._protocol.data_received(piece)
            else:
                self._lose(None)
                return
        if reply := self._tls.pending():
            self._outgoing += reply
            self._flush()

    def _flush(self) -> None:
        if self._outgoing and not self.closed:
            sent = self._send(self._outgoing)
            del self._outgoing[:sent]
        if self._writing_paused and len(self._outgoing) <= self._low:
            self._writing_paused = False
            self._protocol.resume_writing()

    def _send(self, data: bytes | bytearray | memoryview) -> int:
        """Bytes the kernel took. After an error: all of them, and reading finds out what the server said last."""
        try:
            return self._sock.send(data)
        except (BlockingIOError, InterruptedError):
            return 0
        except OSError as error:
            self._write_error = error
            return len(data)

    def _disturb(self) -> None:
        """Make the leader's wait end with ClosedResourceError."""
        if trio.lowlevel.in_trio_run():  # else this is the garbage collector, and nobody waits
            trio.lowlevel.notify_closing(self._fd)
            if self._either is not None:
                trio.lowlevel.notify_closing(self._either)

    def _lose(self, error: Exception | None) -> None:
        if self.closed:
            return
        self.closed = True
        self._outgoing.clear()
        self._disturb()
        if self._either is not None:
            self._either.close()
        self._sock.close()
        self._protocol.connection_lost(error)
        self._after_each()
        self._followers.unpark_all()


def _never() -> bool:
    return False
