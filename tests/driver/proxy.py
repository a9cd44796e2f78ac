"""A TCP proxy between driver and server that misbehaves on request."""

from __future__ import annotations

import socket
import struct
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

import trio

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from support.postgres import PostgresServer

LINGER_ZERO = struct.pack("ii", 1, 0)  # close() sends RST


class Proxy:
    """Passes bytes both ways until told otherwise."""

    def __init__(self, server_port: int) -> None:
        self._server_port = server_port
        self.port = 0
        self.dsn = ""
        self.connections = 0
        self.reset_after_bytes: int | None = None  # to the client, then RST
        self.refusing = False
        self._flowing = trio.Event()
        self._flowing.set()
        self._open: set[trio.SocketStream] = set()

    def freeze(self) -> None:
        """Pass nothing on, either way: the other side looks half open."""
        self._flowing = trio.Event()

    def thaw(self) -> None:
        self._flowing.set()

    def reset_all(self) -> None:
        """RST on every connection."""
        for stream in list(self._open):
            stream.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_ZERO)
            stream.socket.close()

    async def serve(self, listener: trio.SocketListener) -> None:
        async with trio.open_nursery() as nursery:
            while True:
                client = await listener.accept()
                self.connections += 1
                if self.refusing:
                    client.socket.close()
                    continue
                nursery.start_soon(self._connect, client)

    async def _connect(self, client: trio.SocketStream) -> None:
        with suppress(OSError, trio.BrokenResourceError, trio.ClosedResourceError):
            server = await trio.open_tcp_stream("127.0.0.1", self._server_port)
            self._open |= {client, server}
            try:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(self._pass_on, client, server, None, nursery.cancel_scope)
                    nursery.start_soon(self._pass_on, server, client, client, nursery.cancel_scope)
            finally:
                self._open -= {client, server}
                client.socket.close()
                server.socket.close()

    async def _pass_on(
        self,
        source: trio.SocketStream,
        target: trio.SocketStream,
        victim: trio.SocketStream | None,
        done: trio.CancelScope,
    ) -> None:
        with suppress(OSError, trio.BrokenResourceError, trio.ClosedResourceError):
            while data := await source.receive_some():
                await self._flowing.wait()
                if victim is not None and self.reset_after_bytes is not None:
                    await target.send_all(data[: self.reset_after_bytes])
                    self.reset_after_bytes -= len(data)
                    if self.reset_after_bytes <= 0:
                        victim.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_ZERO)
                        victim.socket.close()
                        break
                else:
                    await target.send_all(data)
        done.cancel()


@asynccontextmanager
async def open_proxy(server: PostgresServer) -> AsyncIterator[Proxy]:
    """A proxy before the server, on a free port."""
    proxy = Proxy(server.port)
    async with trio.open_nursery() as nursery:
        (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
        async with listener:
            proxy.port = listener.socket.getsockname()[1]
            proxy.dsn = f"postgresql://postgres@127.0.0.1:{proxy.port}/postgres?sslmode=disable"
            nursery.start_soon(proxy.serve, listener)  # noqa: ASYNC113
            yield proxy
            nursery.cancel_scope.cancel()
