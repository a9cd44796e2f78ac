"""One client's conversation, from hello to bye.

The task that reads the connection brings the client's messages here; what takes its time (who is he, a command) is done
beside it, one thing after the other, so that a close is heard meanwhile. News goes past it, from the hub to the outbox.
What ends it is always a `Farewell`, whoever decides so: the client's own mistake, an expired token, the server's end.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

import trio

from drena.feed import protocol
from drena.feed.admission import Bucket
from drena.feed.entry import authenticate, choose
from drena.feed.farewell import Farewell, rfc3339
from drena.feed.protocol import Code
from drena.feed.showing import Showing
from drena.problems import Refused, as_json
from drena.store.feed import Position

if TYPE_CHECKING:
    from collections.abc import Callable

    from drena.access import Principal
    from drena.access.followers import Follower
    from drena.feed.entry import Surroundings
    from drena.feed.errands import Errands
    from drena.feed.wire import Wire

HELLO_S: Final = 5.0
HEARTBEAT_S: Final = 15.0
TICK_S: Final = 1.0
WARN_S: Final = 60.0
CONTROLS_PER_S: Final = 50


class Session:
    """See the module.

    Args:
        around: what it shares with others.
        wire: where what it says goes.
        errands: what is done beside reading.
        peer: the client's address.
        introduced: called once when the client has said who he is.
        ended: called once with how it ends; None: there is nobody left to tell.
    """

    __slots__ = (
        "_around",
        "_busy",
        "_ended",
        "_entered",
        "_errands",
        "_everything",
        "_follower",
        "_heard_s",
        "_introduce",
        "_lang",
        "_messages",
        "_over",
        "_peer",
        "_principal",
        "_said_hello",
        "_showing",
        "_told",
        "_tuning",
        "_untuned",
        "_warned",
        "_wire",
        "_working",
    )

    def __init__(
        self,
        around: Surroundings,
        wire: Wire,
        errands: Errands,
        peer: str,
        *,
        introduced: Callable[[], None],
        ended: Callable[[Farewell | None], None],
    ) -> None:
        self._around = around
        self._wire = wire
        self._errands = errands
        self._peer = peer
        self._introduce = introduced
        self._ended = ended
        self._showing = Showing(around.hub, wire, errands, self.end)
        self._principal: Principal | None = None
        self._follower: Follower | None = None
        self._said_hello = False
        self._everything = False
        self._lang: Any = "pt"
        self._entered = False
        self._told: tuple[protocol.Tenant, ...] = ()
        """What the last welcome said."""
        self._warned = False
        self._heard_s = trio.current_time()
        """When something was said to the client; before he is known, when he came."""
        self._messages = Bucket(around.settings.messages_per_s, self._heard_s)
        self._busy: trio.Event | None = None
        """There while a message is dealt with beside the reading."""
        self._working: trio.CancelScope | None = None
        self._untuned = False
        """His rights have changed since his tenants were chosen."""
        self._tuning = False
        self._over = False

    @property
    def introduced(self) -> bool:
        """Whether the client has said who he is."""
        return self._principal is not None

    async def hear(self, message: str | bytes) -> None:
        """A message of the client. Waits until the one before it has been dealt with, and its answer is out."""
        try:
            frame = self._decoded(message)
            while self._busy is not None:
                await self._busy.wait()
            await self._showing.outbox.wait_answered()
            if not self._over:
                self._obey(frame)
        except Farewell as farewell:
            self.end(farewell)
        except trio.BrokenResourceError:
            self.end(None)

    def end(self, farewell: Farewell | None) -> None:
        """End it; with None there is nobody left to tell. Never waits."""
        if self._over:
            return
        self._over = True
        self._showing.leave()
        if self._follower is not None:
            self._around.gate.dismiss(self._follower)
        if self._working is not None:
            self._working.cancel(reason="the session ends")
        self._ended(farewell)

    def tick(self, now_s: float) -> None:
        """About once a second: what time brings."""
        principal = self._principal
        if principal is None:
            if not self._said_hello and now_s - self._heard_s >= HELLO_S:
                self.end(Farewell(Code.NO_HELLO, f"no hello within {HELLO_S:.0f} s"))
            return
        left_s = principal.ends_at_s - now_s
        if left_s <= 0:
            self._expire()
        elif left_s <= WARN_S and not self._warned:
            self._warned = True
            self.say(protocol.AuthExpiring(in_s=int(left_s)))
        if self._wire.controls > CONTROLS_PER_S * 2:
            self.end(Farewell(Code.TOO_MANY, "too many control frames", 5000))
        hub = self._around.hub
        if self._wire.sent:
            self._wire.sent, self._heard_s = False, now_s
        elif now_s - self._heard_s >= HEARTBEAT_S - TICK_S and self._wire.free and not hub.silence_s:
            self.say(protocol.Heartbeat(offsets=hub.offsets(self._showing.tenants)))

    def say(self, frame: protocol.ServerFrame) -> None:
        """Tell the client something of his own."""
        if not self._over:
            self._showing.outbox.say(protocol.encode(frame))

    def _expire(self) -> None:
        self.end(Farewell(Code.TOKEN_EXPIRED, "the token has expired", 0))

    def _decoded(self, message: str | bytes) -> protocol.ClientFrame:
        if not self._messages.take(trio.current_time()):
            raise Farewell(Code.TOO_MANY, "too many messages", 5000)
        if isinstance(message, bytes):
            raise Farewell(Code.BAD_MESSAGE, "messages are JSON in text frames")
        try:
            return protocol.decode_client(message)
        except ValueError as error:
            raise Farewell(Code.BAD_MESSAGE, f"not a message of {protocol.SUBPROTOCOL}: {error}"[:200]) from None

    def _obey(self, frame: protocol.ClientFrame) -> None:
        if isinstance(frame, protocol.Hello) is self._said_hello:
            hello = "hello was said already" if self._said_hello else "the first message must be hello"
            raise Farewell(Code.BAD_MESSAGE, hello)
        match frame:
            case protocol.Ping():
                self.say(protocol.Pong(id=frame.id))
            case protocol.Resync():
                self._resync(frame.tenant)
            case _:
                self._said_hello = True
                self._busy = trio.Event()
                self._errands.start_soon(self._work, frame)

    async def _work(
        self, frame: protocol.Hello | protocol.Auth | protocol.Run | protocol.Cancel | protocol.Retry
    ) -> None:
        """What takes its time; ends with the session."""
        try:
            with trio.CancelScope() as self._working:
                if self._over:
                    return
                match frame:
                    case protocol.Hello():
                        await self._enter(frame)
                    case protocol.Auth():
                        await self._renew(frame.token)
                    case _:
                        self.say(await self._carry_out(frame))
        except Farewell as farewell:
            self.end(farewell)
        finally:
            busy, self._busy, self._working = self._busy, None, None
            if busy is not None:
                busy.set()

    async def _enter(self, hello: protocol.Hello) -> None:
        self._lang = hello.lang
        principal = await authenticate(self._around, hello.token, self._peer)
        self._attend(principal)
        self._introduce()
        self._everything = hello.tenants == "*"
        tenants = await choose(self._around, principal, None if hello.tenants == "*" else list(hello.tenants))
        self._showing.tenants = {tenant.id: tenant for tenant in tenants}
        self._told = tuple(tenants)
        client = str(hello.client)[:80]
        self._around.log.debug("feed client", subject=principal.subject, tenants=len(tenants), client=client)
        self._welcome()
        self._showing.show(self._showing.tenants, {t: Position(r.epoch, r.offset) for t, r in hello.resume.items()})
        self._entered = True
        if self._untuned:
            self._retune_soon()

    def _attend(self, principal: Principal) -> None:
        """Follow what becomes of this principal from here on, instead of the one before."""
        if self._follower is not None:
            self._around.gate.dismiss(self._follower)
        self._principal, self._warned = principal, False
        self._follower = self._around.gate.attend(principal, self._learn)

    def _learn(self, fresh: Principal | None) -> None:
        """The gate's news of him."""
        if fresh is not None:
            self._principal = fresh
            self._showing.drop([tenant for tenant in self._showing.tenants if not fresh.may_see(tenant)])
            self._retune_soon()
        elif self._principal is not None and self._principal.ends_at_s <= trio.current_time():
            self._expire()
        else:
            self.end(Farewell(Code.FORBIDDEN, "access was taken away"))

    def _welcome(self) -> None:
        assert self._principal is not None
        self.say(
            protocol.Welcome(
                node=self._around.hub.node,
                hb_ms=int(HEARTBEAT_S * 1000),
                exp=rfc3339(self._principal.expires_at),
                tenants=list(self._showing.tenants.values()),
                server_time=rfc3339(datetime.now(UTC)) or "",
            )
        )

    def _retune_soon(self) -> None:
        self._untuned = True
        if self._entered and not self._tuning:
            self._tuning = True
            self._errands.start_soon(self._retune)

    async def _retune(self) -> None:
        """What he may see has changed: show what is new, take away what is gone."""
        try:
            while self._untuned and not self._over:
                self._untuned = False
                assert self._principal is not None
                chosen = (
                    await choose(self._around, self._principal, None)
                    if self._everything
                    else self._showing.tenants.values()
                )
                self._change_tenants({t.id: t for t in chosen if self._principal.may_see(t.id)})
        except Farewell as farewell:
            self.end(farewell)
        finally:
            self._tuning = False

    def _change_tenants(self, chosen: dict[UUID, protocol.Tenant]) -> None:
        if self._over:
            return
        told, self._told = self._told, tuple(chosen.values())
        new = [tenant for tenant in chosen if tenant not in self._showing.tenants]
        self._showing.drop([tenant for tenant in self._showing.tenants if tenant not in chosen])
        self._showing.tenants = chosen
        if not chosen and not self._everything:
            self.end(Farewell(Code.FORBIDDEN, "access was taken away"))
        elif self._told != told:
            self._welcome()
            if new:
                self._showing.show(new, {})

    def _resync(self, tenant: UUID) -> None:
        if tenant in self._showing.tenants:
            self._showing.outbox.restart(tenant)
        else:
            self.say(protocol.Error(code="not_subscribed", detail="this tenant is not among yours", tenant=tenant))

    async def _renew(self, token: str) -> None:
        """A fresh token of the same subject keeps the session."""
        fresh = await authenticate(self._around, token, self._peer)
        if self._principal is None or fresh.subject != self._principal.subject:
            raise Farewell(Code.FORBIDDEN, "the fresh token is somebody else's")
        self._attend(fresh)
        self.say(protocol.Ok(exp=rfc3339(fresh.expires_at)))
        self._retune_soon()

    async def _carry_out(self, frame: protocol.Run | protocol.Cancel | protocol.Retry) -> protocol.Reply:
        assert self._principal is not None
        try:
            return await self._around.desk.carry_out(self._principal, frame)
        except Refused as refused:
            return protocol.Reply(ref=frame.ref, ok=False, problem=as_json(refused.problem(self._lang)))
