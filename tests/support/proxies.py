"""A TCP proxy before PostgreSQL that cuts, delays and half-opens connections on request."""

from __future__ import annotations

import socket
import struct
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

import trio

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

LINGER_ZERO = struct.pack("ii", 1, 0)  # close() sends RST
GONE = (OSError, trio.BrokenResourceError, trio.ClosedResourceError)


class Link:
    """One connection through the proxy."""

    def __init__(self, client: trio.SocketStream, server: trio.SocketStream) -> None:
        self.client = client
        self.server = server
        self.dead = False
        """Half open: nothing passes any more, and nobody is told."""

    def reset(self) -> None:
        for stream in (self.client, self.server):
            with suppress(OSError):
                stream.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_ZERO)
            stream.socket.close()


class Proxy:
    """Passes bytes both ways until told otherwise; one for each node, so that each can have a network of its own."""

    def __init__(self, server_port: int, port: int) -> None:
        self.port = port
        self.delay_s = 0.0
        """Added to every piece of data, each way."""
        self.refusing = False
        self._server_port = server_port
        self._links: set[Link] = set()
        self._flowing = trio.Event()
        self._flowing.set()

    def cut(self) -> None:
        """RST on every connection; new ones are welcome unless `refusing`."""
        for link in list(self._links):
            link.reset()

    def half_open(self) -> None:
        """The connections there are stay open and carry nothing any more; new ones work."""
        for link in self._links:
            link.dead = True

    def freeze(self) -> None:
        """Nothing passes, on old connections and new, until `thaw`."""
        self._flowing = trio.Event()

    def thaw(self) -> None:
        self._flowing.set()

    def heal(self) -> None:
        """Behave again; connections that were half opened stay so until somebody gives them up."""
        self.delay_s, self.refusing = 0.0, False
        self.thaw()

    async def accept_all(self, listener: trio.SocketListener) -> None:
        async with trio.open_nursery() as nursery:
            while True:
                client = await listener.accept()
                if self.refusing:
                    client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_ZERO)
                    client.socket.close()
                else:
                    nursery.start_soon(self._connect, client)

    async def _connect(self, client: trio.SocketStream) -> None:
        try:
            with suppress(*GONE):
                server = await trio.open_tcp_stream("127.0.0.1", self._server_port)
                link = Link(client, server)
                self._links.add(link)
                try:
                    async with trio.open_nursery() as nursery:
                        nursery.start_soon(self._pass_on, link, client, server, nursery.cancel_scope)
                        nursery.start_soon(self._pass_on, link, server, client, nursery.cancel_scope)
                finally:
                    self._links.discard(link)
                    server.socket.close()
        finally:
            client.socket.close()

    async def _pass_on(
        self, link: Link, source: trio.SocketStream, target: trio.SocketStream, done: trio.CancelScope
    ) -> None:
        with suppress(*GONE):
            while data := await source.receive_some():
                if self.delay_s:
                    await trio.sleep(self.delay_s)
                await self._flowing.wait()
                if not link.dead:
                    await target.send_all(data)
        if not link.dead:  # a half-open link does not pass on a goodbye either
            done.cancel()


@asynccontextmanager
async def open_proxy(server_port: int) -> AsyncIterator[Proxy]:
    """A proxy on a free port before a server on this machine."""
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    async with listener, trio.open_nursery() as nursery:
        proxy = Proxy(server_port, listener.socket.getsockname()[1])
        nursery.start_soon(proxy.accept_all, listener)
        try:
            yield proxy
        finally:
            nursery.cancel_scope.cancel()
