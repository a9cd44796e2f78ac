"""Many websocket clients in one process: connected by hand, read by epoll, frames counted without decoding them.

The same for every server that is measured, and light enough not to be what is measured. When delays are, that takes
care: in life every client has a machine of its own, here a thousand of them share two cores with the server, and one
that waits for its turn to read would be taken for a slow server. So the moment of receipt is the kernel's own, stamped
on the segment when it reached the client's socket; only some clients, evenly spread over all, are read at once, and the
others while nothing is under way.
"""

from __future__ import annotations

import os
import re
import selectors
import socket
import struct
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

REQUEST = (
    b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
STAMP = re.compile(rb'"at": ?([0-9.]+)')
ATTEMPTS = re.compile(rb'"attempts": (\d+)')
Records = list[list[tuple[float, bytes]]]
"""What each watched client got, and when, by the kernel's wall clock."""
MESSAGE_BYTES = 204
"""200 bytes and a header of 4, as all broadcasters send them."""
WATCHED = 100
SO_TIMESTAMPNS = 35
"""Linux; the socket module does not name it."""
QUIET_S = 0.5
UNHURRIED_S = 1.0
"""Clients that are not watched are read about once in so long."""


class Crowd:
    """Connected clients.

    Args:
        port: of the server on this machine.
        clients: how many.
        hello: what each says first.
    """

    def __init__(self, port: int, clients: int, hello: bytes | None = None) -> None:
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
                sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
                if hello is not None:
                    sock.sendall(masked(hello))
                sock.setblocking(False)
        self._watched = list(self._rest)[:: max(clients // WATCHED, 1)]

    def close(self) -> None:
        """Leave."""
        for sock in self._rest:
            sock.close()

    def read_messages(self, count: int, limit_s: float) -> None:
        """Read so many messages of `MESSAGE_BYTES`, all clients together."""
        left, until_s = count * MESSAGE_BYTES - sum(map(len, self._rest.values())), time.monotonic() + limit_s
        buffer = memoryview(bytearray(1 << 20))
        with selecting(self._rest) as selector:
            while left > 0:
                for key, _ in selector.select(1):
                    left -= key.fileobj.recv_into(buffer)
                if time.monotonic() > until_s:
                    raise SystemExit(f"{left / MESSAGE_BYTES:,.0f} messages did not come within {limit_s} s")

    def record(self, over: Callable[[], bool], limit_s: float) -> Records:
        """What comes to the watched clients, and when, until it is over and nothing more has come for a while.

        Nothing is looked at meanwhile: a reader that decodes is slower than the servers, and would measure itself.
        """
        records = {sock: [(0.0, self._rest[sock])] for sock in self._watched}
        others = deque(sock for sock in self._rest if sock not in records)
        until_s = quiet_s = time.monotonic() + limit_s
        read_s = time.monotonic()
        with selecting(records) as selector:
            while (now_s := time.monotonic()) < quiet_s:
                events = selector.select(0.005)
                for key, _ in events:
                    records[key.fileobj].append(receive_stamped(key.fileobj))
                if events or not over():
                    quiet_s = time.monotonic() + QUIET_S
                if not events:
                    share = min((time.monotonic() - read_s) / UNHURRIED_S, 1)
                    read_s = time.monotonic()
                    skim(others, int(len(others) * share) + 1)
                if now_s > until_s:
                    raise SystemExit(f"it was not over within {limit_s} s")
        skim(others, len(others))
        self._rest = dict.fromkeys(self._rest, b"")
        return list(records.values())

    def read_snapshots(self, limit_s: float = 120) -> None:
        """Read until every client has its snapshot."""
        waiting, until_s = set(self._rest), time.monotonic() + limit_s
        with selecting(self._rest) as selector:
            while waiting:
                for key, _ in selector.select(1):
                    sock = key.fileobj
                    data, place = self._rest[sock] + sock.recv(1 << 18), 0
                    while (found := frame_at(data, place)) is not None:
                        start, place = found
                        if b'"t":"snapshot"' in data[start : start + 20]:
                            waiting.discard(sock)
                    self._rest[sock] = data[place:]
                if time.monotonic() > until_s:
                    raise SystemExit(f"{len(waiting)} clients have no snapshot after {limit_s} s")


@contextmanager
def selecting(sockets: Iterable[socket.socket]) -> Iterator[selectors.BaseSelector]:
    """Wait for any of these."""
    with selectors.DefaultSelector() as selector:
        for sock in sockets:
            selector.register(sock, selectors.EVENT_READ)
        yield selector


def receive_stamped(sock: socket.socket) -> tuple[float, bytes]:
    """What has come, and when its last piece reached the socket."""
    data, ancillary, _, _ = sock.recvmsg(1 << 18, 64)
    if not data:
        raise SystemExit("the server closed a connection")
    if not ancillary:  # it came before there were stamps
        return time.time(), data
    seconds, nanoseconds = struct.unpack("qq", ancillary[0][2])
    return seconds + nanoseconds / 1e9, data


def skim(sockets: deque[socket.socket], count: int) -> None:
    """Read what the next of these have got, and forget it."""
    for sock in (sockets[0] for _ in range(min(count, len(sockets)))):
        sockets.rotate(-1)
        try:
            if not sock.recv(1 << 18):
                raise SystemExit("the server closed a connection")
        except BlockingIOError:
            continue


def stamps(records: Records) -> list[float]:
    """Delays of messages that say when they were sent."""
    return [at_s - float(STAMP.search(payload)[1]) for pieces in records for at_s, payload in frames_of(pieces)]


def changes(records: Records) -> list[tuple[int, float]]:
    """Which change was seen when, by every client; those that came together came when the last of them did."""
    found = []
    for pieces in records:
        seen = 0
        for at_s, payload in frames_of(pieces):
            if b'"t":"delta"' in payload[:20] and (change := ATTEMPTS.search(payload)) is not None:
                found += [(n, at_s) for n in range(seen, int(change[1]))]
                seen = int(change[1])
    return found


def frames_of(pieces: list[tuple[float, bytes]]) -> Iterator[tuple[float, bytes]]:
    """Every frame's payload, with the moment its last byte came."""
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
