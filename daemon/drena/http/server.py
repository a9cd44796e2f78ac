"""The HTTP server: listeners, how many connections, and the end.

Why anycorn. Both it and hypercorn were run under Trio 0.35 on Python 3.11, 3.12 and 3.13 against the same clients:
200 connections reset at random moments, bytes after a request, heads sent a byte at a time, heads of up to 2 MB, half
closed sockets, ambiguous lengths, early answers to large bodies, upgrades.

* hypercorn 0.18: a websocket upgrade followed by bytes that are no websocket frame raises out of its connection and
  ends the server, on each of the three Pythons. Anybody could stop the daemon with one packet.
* anycorn 0.20, a continuation of hypercorn on AnyIO, survived everything, with the same answers on all three. It also
  lets go of an application's queue when the application is done, where hypercorn leaves its reader waiting.
* Both: write under a shield without a deadline, so that one client that stops reading keeps the process from ending
  (still there after 8 s of a grace of 2 s); serve HTTP/2 in the clear to whoever asks; answer a request with both
  lengths and then what was smuggled behind it; leave a half-closed connection to its idle time.

So anycorn it is, for the protocol alone. Listeners, limits, deadlines and the graceful end are ours: this module and
`connection.py` take the place of its `serve`. That is about as much code as configuring around the points above would
be, and each of them is a test in tests/http/test_server.py.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

import trio

from drena.http.connection import Connection, Engine, Manners
from drena.listeners import peer_address

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from starlette.types import ASGIApp

    from drena.log import LogLines

TELL_EVERY_S: Final = 60.0
"""Too many connections are no news for so long."""


class HttpServer:
    """Serves an application on listeners until it is told to stop.

    Args:
        app: the ASGI application. It answers every request itself, also with errors.
        manners: limits and deadlines of a connection.
        max_connections: over all clients; further ones are closed at once.
        max_per_address: of one address; clients on Unix sockets and `trusted` ones, which are proxies, have no such
            limit.
        trusted: whether an address is a proxy's.
        grace_s: after `stop`, how long calls under way may take to be answered.
        refusal: see `Engine`.
        log: told of defects and floods.
    """

    def __init__(
        self,
        app: ASGIApp,
        manners: Manners,
        *,
        max_connections: int,
        max_per_address: int,
        trusted: Callable[[str], bool],
        grace_s: float,
        refusal: Callable[[int], tuple[list[tuple[bytes, bytes]], bytes]],
        log: LogLines,
    ) -> None:
        self._engine = Engine(app, manners, refusal)
        self._max_connections = max_connections
        self._max_per_address = max_per_address
        self._trusted = trusted
        self._grace_s = grace_s
        self._log = log
        self._connections: set[Connection] = set()
        self._opened = 0
        self._by_address: Counter[str] = Counter()
        self._stopping = trio.Event()
        self._told_s = -TELL_EVERY_S

    @property
    def connections(self) -> int:
        """How many are open."""
        return self._opened

    def stop(self) -> None:
        """Accept nothing more, answer what is under way, and let `run` return, at the latest after the grace."""
        self._stopping.set()

    async def run(
        self, listeners: Sequence[trio.abc.Listener[trio.abc.Stream]], *, task_status: trio.TaskStatus[None]
    ) -> None:
        """Serve until `stop` and everything under way is answered. Closes the listeners.

        Cancelled, connections are closed at once.
        """
        async with trio.open_nursery() as serving:
            async with trio.open_nursery() as accepting:
                for listener in listeners:
                    accepting.start_soon(self._accept, listener, serving, name="http accept")
                task_status.started()
                await self._stopping.wait()
                accepting.cancel_scope.cancel(reason="stopping")
            serving.cancel_scope.deadline = trio.current_time() + self._grace_s
            await self._engine.close()
            for connection in self._connections:
                connection.close_when_idle()

    async def _accept(self, listener: trio.abc.Listener[trio.abc.Stream], serving: trio.Nursery) -> None:
        await trio.serve_listeners(self._serve, [listener], handler_nursery=serving)

    async def _serve(self, stream: trio.abc.Stream) -> None:
        peer = peer_address(stream)
        alone = peer == "" or self._trusted(peer)
        if self._opened >= self._max_connections or (not alone and self._by_address[peer] >= self._max_per_address):
            self._tell_of_flood(peer)
            await trio.aclose_forcefully(stream)
            return
        self._opened += 1
        self._by_address[peer] += 1
        try:
            await self._converse(stream, peer)
        finally:
            self._opened -= 1
            self._by_address[peer] -= 1
            if not self._by_address[peer]:
                del self._by_address[peer]

    async def _converse(self, stream: trio.abc.Stream, peer: str) -> None:
        """One connection. Whatever goes wrong in it is its own affair."""
        secure = isinstance(stream, trio.SSLStream)
        if isinstance(stream, trio.SSLStream) and not await self._shake_hands(stream):
            return
        connection = Connection(stream, self._engine, peer=peer, secure=secure)
        self._connections.add(connection)
        try:
            await connection.run()
        except Exception:  # noqa: BLE001 - the edge: one client's trouble is nobody else's
            self._log.exception("an HTTP connection ended in an error", peer=peer)
        finally:
            self._connections.discard(connection)

    async def _shake_hands(self, stream: trio.SSLStream[trio.abc.Stream]) -> bool:
        with trio.move_on_after(self._engine.manners.head_s):
            try:
                await stream.do_handshake()
            except (trio.BrokenResourceError, trio.ClosedResourceError):
                pass
            else:
                return True
        await trio.aclose_forcefully(stream)
        return False

    def _tell_of_flood(self, peer: str) -> None:
        if trio.current_time() - self._told_s >= TELL_EVERY_S:
            self._told_s = trio.current_time()
            self._log.warning("too many HTTP connections; closing new ones", peer=peer, connections=self._opened)
