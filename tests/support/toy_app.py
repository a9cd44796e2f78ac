"""A toy application on the real HTTP server, with short deadlines, and what clients of it need.

Deadlines: head 0.5 s, idle 1 s, a write 0.5 s.
"""

from __future__ import annotations

import socket
import struct
from contextlib import asynccontextmanager

import trio

from drena.http.connection import Manners
from drena.http.server import HttpServer
from drena.listeners import bound_address, open_listeners

LIMIT_S = 30
GET = b"GET %s HTTP/1.1\r\nHost: x\r\n%s\r\n"


class Lines:
    """What was logged."""

    def __init__(self):
        self.lines = []

    def warning(self, message, **fields):
        self.lines.append((message, fields))

    exception = error = info = debug = warning


class Toy:
    """The application: remembers what it was told of."""

    def __init__(self):
        self.events = []
        self.changed = trio.Event()

    def note(self, event):
        self.events.append(event)
        self.changed.set()
        self.changed = trio.Event()

    async def until(self, event, count=1):
        while self.events.count(event) < count:
            await self.changed.wait()

    async def __call__(self, scope, receive, send):
        path = scope["path"]
        self.note(path)
        try:
            await self.answer(path, scope, receive, send)
        except trio.Cancelled:
            self.note(f"{path} cancelled")
            raise

    async def answer(self, path, scope, receive, send):
        async def reply(body, status=200):
            headers = [(b"content-length", b"%d" % len(body))]
            await send({"type": "http.response.start", "status": status, "headers": headers})
            await send({"type": "http.response.body", "body": body})

        if path == "/wait":
            while (await receive())["type"] != "http.disconnect":
                pass
            self.note("/wait gone")
        elif path == "/slow":
            await trio.sleep(0.3)
            await reply(b"slow")
        elif path == "/count":
            size = 0
            while (message := await receive())["type"] == "http.request":
                size += len(message["body"])
                if not message["more_body"]:
                    return await reply(b"%d" % size)
        elif path == "/early":
            await reply(b"enough", 413)
        elif path == "/big":
            await reply(b"x" * 30_000_000)
        elif path == "/broken":
            raise RuntimeError("broken")
        else:
            await reply(scope["scheme"].encode())
        return None


class Place:
    def __init__(self, server, toy, log, address):
        self.server, self.toy, self.log = server, toy, log
        self.host, _, port = address.rpartition(":")
        self.port = int(port)

    async def connect(self):
        return await trio.open_tcp_stream(self.host, self.port)

    async def exchange(self, data, *, eof=False):
        """Send, and read all that comes until the server closes."""
        async with await self.connect() as stream:
            await stream.send_all(data)
            if eof:
                await stream.send_eof()
            return await read_all(stream)

    async def is_alive(self):
        return (await self.exchange(GET % (b"/", b"Connection: close\r\n"))).startswith(b"HTTP/1.1 200")

    async def until_empty(self):
        while self.server.connections:  # noqa: ASYNC110  # the server tells nobody when a connection is gone
            await trio.sleep(0.01)


def refusal(status):
    return [(b"content-type", b"text/plain")], b"refused"


@asynccontextmanager
async def serving(*, tls=None, **changed):
    toy, log = Toy(), Lines()
    limits = {"max_connections": 1000, "max_per_address": 1000, "grace_s": 1.0} | changed
    manners = Manners(head_bytes=16384, head_s=0.5, idle_s=1.0, send_s=0.5)
    server = HttpServer(toy, manners, trusted=lambda _peer: False, refusal=refusal, log=log, **limits)
    listeners = await open_listeners("127.0.0.1:0")
    address = bound_address(listeners[0])
    async with trio.open_nursery() as nursery:
        await nursery.start(
            lambda task_status: server.run(tls(listeners) if tls else listeners, task_status=task_status)
        )
        yield Place(server, toy, log, address)
        server.stop()


async def read_all(stream):
    found = b""
    try:
        while chunk := await stream.receive_some(65536):
            found += chunk
    except trio.BrokenResourceError:
        pass
    return found


async def read_one(stream):
    """One answer with a Content-Length, and what came after it."""
    found = b""
    while b"\r\n\r\n" not in found:
        chunk = await stream.receive_some(65536)
        assert chunk, found
        found += chunk
    head, _, body = found.partition(b"\r\n\r\n")
    size = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
    while len(body) < size:
        body += await stream.receive_some(65536)
    return head, body


def reset(stream):
    stream.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    stream.socket.close()
