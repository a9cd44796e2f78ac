"""The feed's door: accepts connections, keeps their number in bounds, and lets none of them harm another.

What is guaranteed:

* A connection is one task with a nursery of its own; whatever goes wrong in it, ours or the library's, ends there.
* Before a client has said who he is he has 5 s for the handshake, 5 s for hello, and a place among few.
* Every wait that depends on a client has a limit; who does not read is cut off `feed.stuck_s` after the kernel's
  buffers were full.
* On shutdown nobody new is let in, everybody inside is told goodbye with a moment to come back at, each another one.
"""

from __future__ import annotations

import random
from functools import partial
from typing import TYPE_CHECKING, Final

import trio

from drena.feed import protocol
from drena.feed.admission import Doors, origin_is_allowed
from drena.feed.farewell import Farewell
from drena.feed.frames import Meter, text_frame
from drena.feed.protocol import SUBPROTOCOL, Code
from drena.feed.session import TICK_S, Session
from drena.feed.websocket import is_expected, receive_handshake
from drena.feed.wire import Wire
from drena.listeners import peer_address
from drena.proxies import client_address, parse_networks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from asyncpg_trio import Pool
    from drena.access import Gate
    from drena.config import Feed
    from drena.feed.desk import Desk
    from drena.feed.hub import Hub
    from drena.feed.websocket import Connection, Handshake
    from drena.log import LogLines

    Listener = trio.SocketListener | trio.SSLListener[trio.SocketStream]

HANDSHAKE_S: Final = 5.0
SLICE: Final = 200
"""Sessions that are looked at in one go."""
SPREAD_MS: Final = 10_000
GOODBYE_S: Final = 3.0
"""How long shutting down waits for clients to take their goodbye."""
SOURCE_SILENT_S: Final = 30.0
"""Without the database for so long, clients are sent away: another node may reach it."""
CROWD: Final = 200
"""Connections beyond `feed.max_connections` that are told so; further ones are cut off without a word."""


class FeedServer:
    """See the module.

    Args:
        hub, gate, desk, pool: see `Session`.
        settings: the section `feed`.
        same_host: see `origin_is_allowed`.
        log: the daemon's log.
    """

    def __init__(
        self, *, hub: Hub, gate: Gate, desk: Desk, pool: Pool, settings: Feed, same_host: bool, log: LogLines
    ) -> None:
        self._same_host = same_host
        self._hub = hub
        self._gate = gate
        self._desk = desk
        self._pool = pool
        self._settings = settings
        self._log = log
        self._trusted = parse_networks(settings.trusted_proxies)
        self._doors = Doors(
            everybody=settings.max_connections,
            per_address=settings.max_per_address,
            strangers=settings.max_unauthenticated,
        )
        self._sessions: dict[Session, None] = {}
        self.connections = 0
        """Sockets that are open now."""
        self._accepting = trio.CancelScope()
        self._stopping = False
        self._left = trio.Event()
        self._ended = trio.Event()
        self.slow_closed = 0
        self.refused = 0

    @property
    def sessions(self) -> int:
        """Clients that talk with us now."""
        return len(self._sessions)

    @property
    def states(self) -> dict[str, int]:
        """Connections by how far they are: `connecting`, `stranger` (no good token yet), `open`."""
        known = sum(session.introduced for session in self._sessions)
        strangers = len(self._sessions) - known
        return {"connecting": max(self.connections - known - strangers, 0), "stranger": strangers, "open": known}

    async def run(
        self, listeners: Sequence[Listener], *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        """Serve until cancelled; `started` once connections are accepted. After `stop` it ends when all have gone."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._tick_now_and_then, name="feed ticks")
            with self._accepting:
                task_status.started()
                await trio.serve_listeners(self._serve, list(listeners), handler_nursery=nursery)
            with trio.move_on_after(GOODBYE_S):
                while self.connections:
                    self._left = trio.Event()
                    await self._left.wait()
            self._ended.set()
            nursery.cancel_scope.cancel(reason="the feed has closed")

    async def wait_ended(self) -> None:
        """After `stop`: all have taken their goodbye, or their time for it is over."""
        await self._ended.wait()

    def stop(self) -> None:
        """Let nobody in any more and say goodbye to those inside. Never waits."""
        self._stopping = True
        self._accepting.cancel(reason="the feed closes")
        for session in self._sessions:
            session.end(_shutting_down())

    async def _serve(self, stream: trio.abc.Stream) -> None:
        """One connection; nothing gets out of here."""
        self.connections += 1
        wire = None
        try:
            if self.connections > self._settings.max_connections + CROWD:
                self.refused += 1
                return
            async with trio.open_nursery() as nursery:
                wire = Wire(stream, nursery, stuck_s=self._settings.stuck_s)
                await self._greet(wire, nursery, peer_address(stream))
                nursery.cancel_scope.cancel(reason="the connection has ended")
        except Exception as error:  # noqa: BLE001  # whatever it is, it is this connection's alone
            self._tell(error)
        finally:
            self.connections -= 1
            self._left.set()
            if wire is None:
                await trio.aclose_forcefully(stream)
            else:
                self.slow_closed += wire.was_stuck
                wire.kill()

    async def _greet(self, wire: Wire, nursery: trio.Nursery, peer: str) -> None:
        """From the handshake to the end."""
        handshake = None
        with trio.move_on_after(HANDSHAKE_S) as waiting:
            wire.on_lost = partial(waiting.cancel, reason="the client has left")
            handshake = await receive_handshake(nursery, wire)
        wire.on_lost = _nothing
        if handshake is None or wire.lost:
            return
        headers = handshake.headers
        origin, host, allowed = headers.get("origin"), headers.get("host"), self._settings.origins
        if not origin_is_allowed(origin, host, allowed, same_host=self._same_host):
            self.refused += 1
            await handshake.reject(403, b"This origin may not open a feed: see feed.origins.\n")
            return
        address = client_address(peer, headers.get("x-forwarded-for") or "", self._trusted)
        connection = await handshake.accept(SUBPROTOCOL)
        wire.limit(Meter(self._settings.max_message_bytes))
        farewell = await self._admit(wire, nursery, connection, handshake, address)
        if farewell is not None and not wire.lost:
            await self._say_goodbye(wire, connection, farewell)

    async def _admit(
        self, wire: Wire, nursery: trio.Nursery, connection: Connection, handshake: Handshake, address: str
    ) -> Farewell | None:
        """Let a client in if there is room, and see him through."""
        if self._stopping:
            return _shutting_down()
        if handshake.offers and SUBPROTOCOL not in handshake.offers:
            return Farewell(Code.VERSION, f"this feed speaks {SUBPROTOCOL}")
        if (refusal := self._doors.enter(address)) is not None:
            self.refused += 1
            return Farewell(Code.TOO_MANY, refusal, 5000 + random.randrange(5000))  # noqa: S311  # no secret
        session = Session(
            connection=connection,
            wire=wire,
            nursery=nursery,
            peer=address,
            hub=self._hub,
            gate=self._gate,
            desk=self._desk,
            pool=self._pool,
            settings=self._settings,
            introduced=partial(self._doors.introduce, address),
            log=self._log,
        )
        wire.on_lost = partial(session.end, None)
        self._sessions[session] = None
        try:
            return await session.run()
        finally:
            del self._sessions[session]
            self._doors.leave(address, stranger=not session.introduced)

    async def _say_goodbye(self, wire: Wire, connection: Connection, farewell: Farewell) -> None:
        """The frame for programs, the close code for those that know nothing else."""
        frame = protocol.Bye(code=farewell.code, reason=farewell.reason, retry_ms=farewell.retry_ms)
        with trio.move_on_after(GOODBYE_S):
            await wire.send_all(text_frame(protocol.encode(frame)))
            await connection.close(farewell.code, farewell.reason)

    async def _tick_now_and_then(self) -> None:
        while True:
            await trio.sleep(TICK_S)
            if self._hub.silence_s > SOURCE_SILENT_S:
                for session in self._sessions:
                    session.end(Farewell(Code.SOURCE_DOWN, "the feed's source is out of reach", _spread_ms()))
            sessions = list(self._sessions)
            for start in range(0, len(sessions), SLICE):
                now_s = trio.current_time()
                for session in sessions[start : start + SLICE]:
                    self._tick(session, now_s)
                await trio.lowlevel.checkpoint()

    def _tick(self, session: Session, now_s: float) -> None:
        """A mistake of ours costs this connection, not all of them."""
        try:
            session.tick(now_s)
        except Exception as error:  # noqa: BLE001  # whatever it is, it is this connection's alone
            self._tell(error)
            session.end(None)

    def _tell(self, error: Exception) -> None:
        """What the library raises when clients misbehave is no news; a mistake of ours is."""
        if not is_expected(error):
            self._log.error("a feed connection failed", error=repr(error))


def _shutting_down() -> Farewell:
    return Farewell(Code.SHUTTING_DOWN, "this node is shutting down", _spread_ms())


def _spread_ms() -> int:
    return random.randrange(SPREAD_MS)  # noqa: S311  # so that they do not all come back at once


def _nothing() -> None:
    """Nobody wants to know."""
