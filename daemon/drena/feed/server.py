"""The feed's door: accepts connections, keeps their number in bounds, and lets none of them harm another.

What is guaranteed:

* A connection is one task, and a few more for moments; whatever goes wrong in it, ours or the library's, ends there.
* Before a client has said who he is he has 5 s for the handshake, 5 s for hello, and a place among few.
* Every wait that depends on a client has a limit; who does not read is cut off `feed.stuck_s` after the kernel's
  buffers were full.
* On shutdown nobody new is let in, everybody inside is told goodbye with a moment to come back at, each another one.
"""

from __future__ import annotations

import math
import random
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Final

import trio

from drena.feed import protocol
from drena.feed.admission import Doors, origin_is_allowed
from drena.feed.entry import Surroundings
from drena.feed.errands import Errands
from drena.feed.farewell import Farewell
from drena.feed.frames import Meter, text_frame
from drena.feed.protocol import SUBPROTOCOL, Code
from drena.feed.session import TICK_S, Session
from drena.feed.websocket import Served, is_expected
from drena.feed.wire import Wire
from drena.listeners import peer_address
from drena.proxies import client_address, parse_networks

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from asyncpg_trio import Pool
    from drena.access import Gate
    from drena.config import Feed
    from drena.feed.desk import Desk
    from drena.feed.hub import Hub
    from drena.feed.websocket import Handshake
    from drena.log import LogLines

    Listener = trio.SocketListener | trio.SSLListener[trio.SocketStream]

HANDSHAKE_S: Final = 5.0
SLICE: Final = 200
"""Sessions that are looked at in one go."""
SPREAD_MS: Final = 10_000
GOODBYE_S: Final = 3.0
"""How long shutting down waits for clients to take their goodbye."""
CLEANUP_S: Final = 5.0
SOURCE_SILENT_S: Final = 30.0
"""Without the database for so long, clients are sent away: another node may reach it."""
CROWD: Final = 200
"""Connections beyond `feed.max_connections` that are told so; further ones are cut off without a word."""


class Visit:
    """One connection, from the first byte to the last.

    Args:
        stream: what was accepted.
        home: see `Errands`.
        stuck_s: see `Wire`.
        failed: told of errors of the errands.
    """

    __slots__ = ("address", "errands", "limit", "peer", "session", "slow", "wire")

    def __init__(
        self,
        stream: trio.abc.Stream,
        home: trio.Nursery,
        stuck_s: float,
        failed: Callable[[Visit, Exception], None],
    ) -> None:
        self.peer = peer_address(stream)
        self.errands = Errands(home, partial(failed, self))
        self.wire = Wire(stream, self.errands.start_soon, stuck_s=stuck_s)
        self.limit = trio.CancelScope(deadline=trio.current_time() + HANDSHAKE_S)
        """Around the task; its deadline is the handshake's."""
        self.address = ""
        """Whose connections it counts among; by `X-Forwarded-For` of trusted proxies."""
        self.session: Session | None = None
        self.slow = False
        """Whether it was sent away for that."""


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
        self._around = Surroundings(hub, gate, desk, pool, settings, log)
        self._same_host = same_host
        self._hub = hub
        self._settings = settings
        self._log = log
        self._trusted = parse_networks(settings.trusted_proxies)
        self._doors = Doors(
            everybody=settings.max_connections,
            per_address=settings.max_per_address,
            strangers=settings.max_unauthenticated,
        )
        self._sessions: dict[Session, Visit] = {}
        self._home: trio.Nursery | None = None
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
            self._home = nursery
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
        for session in list(self._sessions):
            session.end(_shutting_down())

    async def _serve(self, stream: trio.abc.Stream) -> None:
        """One connection, in one task; nothing gets out of here."""
        assert self._home is not None
        self.connections += 1
        if self.connections > self._settings.max_connections + CROWD:
            self.refused += 1
            self.connections -= 1
            await trio.aclose_forcefully(stream)
            return
        visit = Visit(stream, self._home, self._settings.stuck_s, self._fail)
        try:
            with visit.limit:
                await Served(visit.wire, partial(self._greet, visit)).run()
        except Exception as error:  # noqa: BLE001  # whatever it is, it is this connection's alone
            self._tell(error)
        finally:
            self._forget(visit)
            with trio.move_on_after(CLEANUP_S, shield=True):
                await visit.errands.close()
            visit.wire.kill()
            self.slow_closed += visit.slow or visit.wire.was_stuck
            self.connections -= 1
            self._left.set()

    async def _greet(self, visit: Visit, served: Served, handshake: Handshake) -> None:
        """A client has said what it wants: let it in, or send it away."""
        headers = handshake.headers
        origin, host, allowed = headers.get("origin"), headers.get("host"), self._settings.origins
        if not origin_is_allowed(origin, host, allowed, same_host=self._same_host):
            self.refused += 1
            await handshake.reject(403, b"This origin may not open a feed: see feed.origins.\n")
            await visit.wire.aclose()
            visit.limit.cancel(reason="a foreign origin")
            return
        await handshake.accept(SUBPROTOCOL)
        visit.wire.limit(Meter(self._settings.max_message_bytes))
        visit.limit.deadline = math.inf
        address = client_address(visit.peer, headers.get("x-forwarded-for") or "", self._trusted)
        if (refusal := self._refusal(handshake, address)) is not None:
            self._send_away(visit, served, refusal)
            return
        visit.address = address
        visit.session = session = self._open_session(visit, served)
        visit.wire.on_lost = partial(session.end, None)
        served.hear = session.hear
        self._sessions[session] = visit

    def _open_session(self, visit: Visit, served: Served) -> Session:
        return Session(
            self._around,
            visit.wire,
            visit.errands,
            visit.address,
            introduced=partial(self._doors.introduce, visit.address),
            ended=partial(self._send_away, visit, served),
        )

    def _refusal(self, handshake: Handshake, address: str) -> Farewell | None:
        """Why a client cannot come in; None: he has entered, and must leave."""
        if self._stopping:
            return _shutting_down()
        if handshake.offers and SUBPROTOCOL not in handshake.offers:
            return Farewell(Code.VERSION, f"this feed speaks {SUBPROTOCOL}")
        if (refusal := self._doors.enter(address)) is not None:
            self.refused += 1
            return Farewell(Code.TOO_MANY, refusal, 5000 + random.randrange(5000))  # noqa: S311  # no secret
        return None

    def _send_away(self, visit: Visit, served: Served, farewell: Farewell | None) -> None:
        """End a connection, with a word if there is one. Never waits."""
        visit.slow = farewell is not None and farewell.code == Code.SLOW
        if farewell is None or visit.wire.lost:
            visit.limit.cancel(reason="nobody is there any more")
        else:
            visit.errands.start_soon(self._say_goodbye, visit, served, farewell)

    async def _say_goodbye(self, visit: Visit, served: Served, farewell: Farewell) -> None:
        """The frame for programs, the close code for those that know nothing else."""
        frame = protocol.Bye(code=farewell.code, reason=farewell.reason, retry_ms=farewell.retry_ms)
        with trio.move_on_after(GOODBYE_S), suppress(trio.BrokenResourceError):
            await visit.wire.send_all(text_frame(protocol.encode(frame)))
            await served.close(farewell.code, farewell.reason)
        visit.limit.cancel(reason="the client has been sent away")

    def _forget(self, visit: Visit) -> None:
        """A client has left."""
        session = visit.session
        if session is not None:
            del self._sessions[session]
            self._doors.leave(visit.address, stranger=not session.introduced)
            session.end(None)

    def _fail(self, visit: Visit, error: Exception) -> None:
        """Something went wrong beside the reading."""
        self._tell(error)
        visit.limit.cancel(reason="a mistake of ours")

    async def _tick_now_and_then(self) -> None:
        while True:
            await trio.sleep(TICK_S)
            if self._hub.watched and self._hub.silence_s > SOURCE_SILENT_S:
                for session in list(self._sessions):
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
