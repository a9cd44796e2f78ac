"""Clients that do not play by the rules: raw sockets, frames by hand."""

from __future__ import annotations

import json
import os
import socket
import struct
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import trio

from feed.viewer import open_viewer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from feed.conftest import Stage

REQUEST = (
    "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n{more}\r\n"
)
TEXT, BINARY, CONTINUATION, CLOSE, PING, PONG = 1, 2, 0, 8, 9, 10


def request(*headers: str) -> bytes:
    """A good handshake with more headers."""
    return REQUEST.format(more="".join(f"{header}\r\n" for header in headers)).encode()


def frame(opcode: int, payload: bytes = b"", *, final: bool = True, masked: bool = True, reserved: int = 0) -> bytes:
    """A client's frame."""
    first = (0x80 if final else 0) | reserved | opcode
    mask = os.urandom(4) if masked else b""
    size = len(payload)
    flag = 0x80 if masked else 0
    if size < 126:
        head = bytes((first, flag | size))
    elif size < 65536:
        head = bytes((first, flag | 126)) + size.to_bytes(2, "big")
    else:
        head = bytes((first, flag | 127)) + size.to_bytes(8, "big")
    if masked:
        payload = bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload)) if payload else b""
    return head + mask + payload


def message(**members: Any) -> bytes:
    """A JSON message in one frame."""
    return frame(TEXT, json.dumps(members, default=str).encode())


class Attacker:
    """A raw connection."""

    def __init__(self, stream: trio.SocketStream) -> None:
        self.stream = stream

    async def send(self, data: bytes) -> None:
        """Send; a server that has closed already is no matter."""
        try:
            await self.stream.send_all(data)
        except trio.BrokenResourceError:
            return

    async def read(self, limit_s: float = 10.0) -> bytes:
        """Whatever comes next; nothing when the server has closed."""
        with trio.fail_after(limit_s):
            try:
                return bytes(await self.stream.receive_some(65536))
            except trio.BrokenResourceError:
                return b""

    async def read_all(self, limit_s: float = 10.0) -> bytes:
        """All until the server closes."""
        found = b""
        with trio.fail_after(limit_s):
            while piece := await self.read(limit_s):
                found += piece
        return found

    async def read_until(self, mark: bytes, limit_s: float = 10.0) -> bytes:
        """All until this was seen."""
        found = b""
        while mark not in found:
            piece = await self.read(limit_s)
            assert piece, f"closed before {mark!r}: {found[-300:]!r}"
            found += piece
        return found

    async def upgrade(self, *headers: str) -> bytes:
        """The handshake; returns the answer's head and what followed it."""
        await self.send(request(*headers))
        return await self.read_until(b"\r\n\r\n")

    def reset(self) -> None:
        """Vanish with a RST."""
        self.stream.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.stream.socket.close()


@asynccontextmanager
async def attacker(stage: Stage, *, receive_bytes: int | None = None) -> AsyncIterator[Attacker]:
    """Connect."""
    sock = trio.socket.socket()
    if receive_bytes is not None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
    await sock.connect(("127.0.0.1", stage.port))
    stream = trio.SocketStream(sock)
    try:
        yield Attacker(stream)
    finally:
        await trio.aclose_forcefully(stream)


@asynccontextmanager
async def bystander(stage: Stage, bound_s: float = 2.0) -> AsyncIterator[None]:
    """Somebody well-behaved, who must hear of a change within this time whatever happens in the block, and after it."""
    office = await stage.office("bystander")
    job = await stage.job(office)
    worst_s = 0.0
    over = trio.Event()
    async with open_viewer(stage.url, tenants=[office], limit_s=300) as viewer:
        await viewer.until("snapshot")

        async def watch() -> None:
            nonlocal worst_s
            attempts, last = 0, False
            while not last:
                last = over.is_set()
                attempts += 1
                began_s = trio.current_time()
                await stage.set(job, f"attempts = {attempts}")
                await viewer.when(lambda n=attempts: viewer.view(office).jobs[str(job)]["attempts"] == n)
                worst_s = max(worst_s, trio.current_time() - began_s)
                with trio.move_on_after(0.05):
                    await over.wait()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(watch)
            yield
            over.set()
    assert worst_s < bound_s, f"a bystander waited {worst_s:.2f} s"


async def emptied(stage: Stage, left: int = 0, limit_s: float = 10.0) -> None:
    """Wait until the server has so many connections left."""
    server = stage.front.feed
    assert server is not None
    with trio.move_on_after(limit_s):
        while server.connections > left:  # noqa: ASYNC110  # nobody tells of it
            await trio.sleep(0.02)
        return
    raise AssertionError(f"{server.connections} connections are left")
