"""Many websocket clients in one process: connected by hand, read by epoll, frames counted without decoding them.

The same for every server that is measured, and light enough not to be what is measured.
"""

from __future__ import annotations

import os
import re
import selectors
import socket
import time

REQUEST = (
    b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
STAMP = re.compile(rb'"at": ?([0-9.]+)')
ATTEMPTS = re.compile(rb'"attempts": (\d+)')
MESSAGE_BYTES = 204
"""200 bytes and a header of 4, as all broadcasters send them."""


class Crowd:
    """Connected clients.

    Args:
        port: of the server on this machine.
        clients: how many.
        hello: what each says first.
    """

    def __init__(self, port: int, clients: int, hello: bytes | None = None) -> None:
        self._selector = selectors.DefaultSelector()
        self._rest: dict[socket.socket, bytes] = {}
        for start in range(0, clients, 100):
            batch = [socket.create_connection(("127.0.0.1", port)) for _ in range(min(100, clients - start))]
            for sock in batch:
                sock.sendall(REQUEST)
            for sock in batch:
                head = b""
                while b"\r\n\r\n" not in head:
                    head += sock.recv(4096)
                assert head.startswith(b"HTTP/1.1 101"), head
                self._rest[sock] = head.partition(b"\r\n\r\n")[2]
                if hello is not None:
                    sock.sendall(masked(hello))
                sock.setblocking(False)
                self._selector.register(sock, selectors.EVENT_READ)

    def close(self) -> None:
        """Leave."""
        self._selector.close()
        for sock in self._rest:
            sock.close()

    def read_messages(self, count: int, limit_s: float) -> None:
        """Read so many messages of `MESSAGE_BYTES`, all clients together."""
        left, until_s = count * MESSAGE_BYTES - sum(map(len, self._rest.values())), time.monotonic() + limit_s
        buffer = memoryview(bytearray(1 << 20))
        while left > 0:
            for key, _ in self._selector.select(1):
                left -= key.fileobj.recv_into(buffer)
            if time.monotonic() > until_s:
                raise SystemExit(f"{left / MESSAGE_BYTES:,.0f} messages did not come within {limit_s} s")

    def _frames(self, limit_s: float):
        """Every frame's payload with the client and the moment it came."""
        until_s = time.monotonic() + limit_s
        while True:
            events = self._selector.select(1)
            now_s = time.monotonic()
            for key, _ in events:
                sock = key.fileobj
                data = self._rest[sock] + sock.recv(1 << 18)
                place = 0
                while (found := frame_at(data, place)) is not None:
                    start, place = found
                    yield sock, now_s, data[start:place]
                self._rest[sock] = data[place:]
            if now_s > until_s:
                raise SystemExit(f"not everything came within {limit_s} s")

    def read_snapshots(self, limit_s: float = 120) -> None:
        """Read until every client has its snapshot."""
        waiting = set(self._rest)
        for sock, _, payload in self._frames(limit_s):
            if b'"t":"snapshot"' in payload[:20]:
                waiting.discard(sock)
                if not waiting:
                    return

    def read_stamps(self, count: int, limit_s: float) -> list[float]:
        """Delays of so many messages that say when they were sent."""
        delays: list[float] = []
        for _, now_s, payload in self._frames(limit_s):
            delays.append(now_s - float(STAMP.search(payload)[1]))
            if len(delays) >= count:
                break
        return delays

    def read_changes(self, last: int, limit_s: float) -> list[tuple[int, float]]:
        """Which change was seen when, by every client, until each has seen the last one."""
        found, waiting = [], set(self._rest)
        for sock, now_s, payload in self._frames(limit_s):
            if (change := ATTEMPTS.search(payload)) is not None and b'"t":"delta"' in payload[:20]:
                number = int(change[1])
                found.append((number - 1, now_s))
                if number == last:
                    waiting.discard(sock)
                    if not waiting:
                        break
        return found


def frame_at(data: bytes, place: int) -> tuple[int, int] | None:
    """Where the payload of the frame here begins and ends; None when it is not whole."""
    if len(data) < place + 2:
        return None
    size, start = data[place + 1], place + 2
    if size == 126:
        size, start = int.from_bytes(data[place + 2 : place + 4], "big"), place + 4
    elif size == 127:
        size, start = int.from_bytes(data[place + 2 : place + 10], "big"), place + 10
    return (start, start + size) if len(data) >= start + size else None


def masked(payload: bytes) -> bytes:
    """A client's short text frame."""
    mask = os.urandom(4)
    return bytes((0x81, 0x80 | len(payload))) + mask + bytes(b ^ mask[i % 4] for i, b in enumerate(payload))
