"""Many websocket clients in one process: connected by hand, read by epoll, frames counted without decoding them.

The same for every server that is measured, and light enough not to be what is measured.
"""

from __future__ import annotations

import os
import re
import selectors
import socket
import time
from collections.abc import Callable, Iterator

REQUEST = (
    b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
STAMP = re.compile(rb'"at": ?([0-9.]+)')
ATTEMPTS = re.compile(rb'"attempts": (\d+)')
Records = dict[socket.socket, list[tuple[float, bytes]]]
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

    def record(self, over: Callable[[], bool], limit_s: float) -> Records:
        """Everything that comes, and when, until it is over and nothing more has come for half a second.

        Nothing is looked at meanwhile: a reader that decodes is slower than the servers, and would measure itself.
        """
        records: Records = {sock: [(0.0, rest)] for sock, rest in self._rest.items()}
        until_s = quiet_s = time.monotonic() + limit_s
        while True:
            events = self._selector.select(0.5)
            now_s = time.monotonic()
            for key, _ in events:
                data = key.fileobj.recv(1 << 18)
                records[key.fileobj].append((now_s, data))
                if not data:
                    self._selector.unregister(key.fileobj)
                now_s = time.monotonic()
            if events or not over():
                quiet_s = time.monotonic() + 0.5
            if now_s > quiet_s:
                break
            if now_s > until_s:
                raise SystemExit(f"it was not over within {limit_s} s")
        self._rest = dict.fromkeys(self._rest, b"")
        return records

    def read_snapshots(self, limit_s: float = 120) -> None:
        """Read until every client has its snapshot."""
        waiting, until_s = set(self._rest), time.monotonic() + limit_s
        while waiting:
            for key, _ in self._selector.select(1):
                sock = key.fileobj
                data, place = self._rest[sock] + sock.recv(1 << 18), 0
                while (found := frame_at(data, place)) is not None:
                    start, place = found
                    if b'"t":"snapshot"' in data[start : start + 20]:
                        waiting.discard(sock)
                self._rest[sock] = data[place:]
            if time.monotonic() > until_s:
                raise SystemExit(f"{len(waiting)} clients have no snapshot after {limit_s} s")


def stamps(records: Records) -> list[float]:
    """Delays of messages that say when they were sent."""
    return [at_s - float(STAMP.search(payload)[1]) for at_s, payload in frames_of(records)]


def changes(records: Records) -> list[tuple[int, float]]:
    """Which change was seen when, by every client."""
    found = []
    for at_s, payload in frames_of(records):
        if b'"t":"delta"' in payload[:20] and (change := ATTEMPTS.search(payload)) is not None:
            found.append((int(change[1]) - 1, at_s))
    return found


def frames_of(records: Records) -> Iterator[tuple[float, bytes]]:
    """Every frame's payload, with the moment its last byte came."""
    for pieces in records.values():
        data = b""
        for at_s, piece in pieces:
            data, place = data + piece, 0
            while (found := frame_at(data, place)) is not None:
                start, place = found
                yield at_s, data[start:place]
            data = data[place:]


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
