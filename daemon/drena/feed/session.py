"""One client's conversation, from hello to bye.

It waits for the client's messages and answers them; news goes past it, from the hub to the outbox. What ends it is
always a `Farewell`, whoever decides so: the client's own mistake, an expired token, the server's end. Background work
of a session (a snapshot, a change of tenants) runs in the connection's nursery and ends the session the same way.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

import trio

from drena.feed import protocol
from drena.feed.admission import Bucket
from drena.feed.farewell import AWAY, Farewell, away, rfc3339
from drena.feed.outbox import Outbox
from drena.feed.protocol import Code
from drena.feed.websocket import Gone
from drena.problems import Refused, as_json
from drena.store.feed import Position, read_tenants

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from contextlib import AbstractAsyncContextManager

    from asyncpg_trio import Pool
    from drena.access import Gate, Principal
    from drena.config import Feed
    from drena.feed.desk import Desk
    from drena.feed.hub import Hub
    from drena.feed.websocket import Connection
    from drena.feed.wire import Wire
    from drena.log import LogLines

HELLO_S: Final = 5.0
AUTH_S: Final = 10.0
"""How long the database or the issuer's keys may take to tell who somebody is."""
HEARTBEAT_S: Final = 15.0
TICK_S: Final = 1.0
WARN_S: Final = 60.0
CONTROLS_PER_S: Final = 50


class Session:
    """See the module.

    Args:
        connection: its websocket.
        wire: what that stands on.
        nursery: of the connection.
        peer: the client's address.
        hub, gate, desk, pool: the feed, who may see it, who carries out commands, the database.
        settings: the section `feed`.
        introduced: called once when the client has said who he is.
        log: bound to the connection.
    """

    __slots__ = (
        "_changes",
        "_connection",
        "_desk",
        "_everything",
        "_farewell",
        "_follow",
        "_gate",
        "_heard_s",
        "_hub",
        "_introduce",
        "_lang",
        "_log",
        "_messages",
        "_nursery",
        "_peer",
        "_pool",
        "_principal",
        "_scope",
        "_settings",
        "_stale",
        "_tenants",
        "_warned",
        "_wire",
        "outbox",
    )

    def __init__(
        self,
        *,
        connection: Connection,
        wire: Wire,
        nursery: trio.Nursery,
        peer: str,
        hub: Hub,
        gate: Gate,
        desk: Desk,
        pool: Pool,
        settings: Feed,
        introduced: Callable[[], None],
        log: LogLines,
    ) -> None:
        self._connection = connection
        self._wire = wire
        self._nursery = nursery
        self._peer = peer
        self._hub = hub
        self._gate = gate
        self._desk = desk
        self._pool = pool
        self._settings = settings
        self._introduce = introduced
        self._log = log
        self.outbox = Outbox(wire, self._start_again)
        self._principal: Principal | None = None
        self._changes: trio.MemoryReceiveChannel[Principal] | None = None
        self._follow: AbstractAsyncContextManager[trio.MemoryReceiveChannel[Principal]] | None = None
        self._everything = False
        self._lang: Any = "pt"
        self._tenants: dict[UUID, protocol.Tenant] = {}
        self._stale: set[UUID] = set()
        self._warned = False
        self._heard_s = trio.current_time()
        self._messages = Bucket(settings.messages_per_s, trio.current_time())
        self._farewell: Farewell | None = None
        self._scope = trio.CancelScope()

    @property
    def introduced(self) -> bool:
        """Whether the client has said who he is."""
        return self._principal is not None

    async def run(self) -> Farewell | None:
        """Talk until one side has enough; None when the client has simply gone."""
        try:
            with self._scope:
                await self._converse()
        except Farewell as farewell:
            self._farewell = self._farewell or farewell
        except Gone:
            return None
        finally:
            self._hub.leave(self._tenants, self.outbox)
            followed, self._follow, self._changes = self._follow, None, None
            if followed is not None:
                with trio.move_on_after(1, shield=True):
                    await followed.__aexit__(None, None, None)
        return self._farewell

    def end(self, farewell: Farewell | None) -> None:
        """End it from outside; with None there is nobody left to tell. Never waits."""
        self._farewell = self._farewell or farewell
        self._scope.cancel(reason="the session ends")

    def tick(self, now_s: float) -> None:
        """About once a second: what time brings."""
        principal = self._principal
        if principal is None:
            return
        left_s = principal.ends_at_s - now_s
        if left_s <= 0:
            self.end(Farewell(Code.TOKEN_EXPIRED, "the token has expired", 0))
        elif left_s <= WARN_S and not self._warned:
            self._warned = True
            self.say(protocol.AuthExpiring(in_s=int(left_s)))
        self._look_at_access()
        if self._wire.controls > CONTROLS_PER_S * 2:
            self.end(Farewell(Code.TOO_MANY, "too many control frames", 5000))
        if self._wire.sent:
            self._wire.sent, self._heard_s = False, now_s
        elif now_s - self._heard_s >= HEARTBEAT_S - TICK_S and self._wire.free and not self._hub.silence_s:
            self.say(protocol.Heartbeat(offsets=self._hub.offsets(self._tenants)))

    def say(self, frame: protocol.ServerFrame) -> None:
        """Tell the client something of his own."""
        self.outbox.say(protocol.encode(frame))

    def _look_at_access(self) -> None:
        if self._changes is None:
            return
        try:
            fresh = self._changes.receive_nowait()
        except trio.WouldBlock:
            return
        except trio.EndOfChannel:
            self.end(Farewell(Code.FORBIDDEN, "access was taken away"))
            return
        self._principal = fresh
        self._nursery.start_soon(self._retune, fresh, name="feed retune")

    async def _converse(self) -> None:
        hello = await self._hello()
        self._lang = hello.lang
        principal = await self._authenticate(hello.token)
        await self._attend(principal)
        self._introduce()
        self._everything = hello.tenants == "*"
        tenants = await self._choose(principal, None if hello.tenants == "*" else list(hello.tenants))
        self._tenants = {tenant.id: tenant for tenant in tenants}
        self._log.debug("feed client", subject=principal.subject, tenants=len(tenants), client=str(hello.client)[:80])
        self._welcome(principal)
        self._show(self._tenants, {t: Position(r.epoch, r.offset) for t, r in hello.resume.items()})
        while True:
            await self._obey(await self._next())
            while self.outbox.has_answers and not self._wire.lost:
                await self._wire.wait_send_all_might_not_block()

    async def _hello(self) -> protocol.Hello:
        with trio.move_on_after(HELLO_S):
            frame = await self._next()
            if not isinstance(frame, protocol.Hello):
                raise Farewell(Code.BAD_MESSAGE, "the first message must be hello")
            return frame
        raise Farewell(Code.NO_HELLO, f"no hello within {HELLO_S:.0f} s")

    async def _next(self) -> protocol.ClientFrame:
        message = await self._connection.receive()
        if not self._messages.take(trio.current_time()):
            raise Farewell(Code.TOO_MANY, "too many messages", 5000)
        if isinstance(message, bytes):
            raise Farewell(Code.BAD_MESSAGE, "messages are JSON in text frames")
        try:
            return protocol.decode_client(message)
        except ValueError as error:
            raise Farewell(Code.BAD_MESSAGE, f"not a message of {protocol.SUBPROTOCOL}: {error}"[:200]) from None

    async def _authenticate(self, token: str | None) -> Principal:
        """Who this is.

        Raises:
            Farewell: nobody who may come in, or nobody can tell now.
        """
        try:
            with trio.fail_after(AUTH_S):
                return await self._gate.authenticate(token, peer=self._peer)
        except Refused as refused:
            if refused.status >= 500:
                raise Farewell(Code.SOURCE_DOWN, "nobody can be let in just now", 5000) from None
            if refused.code == "token_expired":
                raise Farewell(Code.TOKEN_EXPIRED, "the token has expired", 0) from None
            raise Farewell(Code.BAD_TOKEN, refused.problem("en").title) from None
        except AWAY as error:
            raise away(error) from None

    async def _attend(self, principal: Principal) -> None:
        """Follow what becomes of this principal from here on, instead of the one before."""
        follow = self._gate.follow(principal)
        changes = await follow.__aenter__()
        followed, self._follow, self._changes = self._follow, follow, changes
        self._principal, self._warned = principal, False
        if followed is not None:
            await followed.__aexit__(None, None, None)

    async def _choose(self, principal: Principal, wanted: list[UUID] | None) -> list[protocol.Tenant]:
        """The tenants he is to be told of.

        Raises:
            Farewell: one of them is not his to see, whether it exists or not; or they are too many.
        """
        limit = self._settings.max_tenants
        ids = principal.tenants if wanted is None else frozenset(wanted)
        if wanted is not None and not all(principal.may_see(tenant) for tenant in wanted):
            raise Farewell(Code.FORBIDDEN, "a tenant is not yours to see")
        try:
            with trio.fail_after(AUTH_S):
                found = await read_tenants(self._pool, ids, limit + 1)
        except AWAY as error:
            raise away(error) from None
        if len(found) > limit:
            raise Farewell(Code.BAD_MESSAGE, f"more than {limit} tenants: name those you want to see")
        if wanted is not None and len(found) < len(set(wanted)):
            raise Farewell(Code.FORBIDDEN, "a tenant is not yours to see")
        if not found and not (principal.tenants is None and wanted is None):
            raise Farewell(Code.FORBIDDEN, "there is no tenant you may see")
        return [protocol.Tenant(id=each.id, slug=each.slug, name=each.name) for each in found]

    def _welcome(self, principal: Principal) -> None:
        self.say(
            protocol.Welcome(
                node=self._hub.node,
                hb_ms=int(HEARTBEAT_S * 1000),
                exp=rfc3339(principal.expires_at),
                tenants=list(self._tenants.values()),
                server_time=rfc3339(datetime.now(UTC)) or "",
            )
        )

    def _show(self, tenants: Collection[UUID], resume: dict[UUID, Position]) -> None:
        """Have these tenants' feeds begin, in the background."""
        for tenant in tenants:
            self.outbox.hold(tenant)
        self._nursery.start_soon(self._begin, list(tenants), resume, name="feed begin")

    async def _begin(self, tenants: list[UUID], resume: dict[UUID, Position]) -> None:
        try:
            with trio.fail_after(AUTH_S):
                await self._hub.join(tenants, self.outbox)
            for tenant in tenants:
                if tenant in self._tenants and not await self._catch_up(tenant, resume.get(tenant)):
                    await self._picture(tenant)
        except AWAY as error:
            self.end(away(error))
        if self._wire.lost or any(tenant not in self._tenants for tenant in tenants):
            self._hub.leave([tenant for tenant in tenants if tenant not in self._tenants], self.outbox)

    async def _catch_up(self, tenant: UUID, since: Position | None) -> bool:
        delta = None if since is None else await self._hub.missed(tenant, since)
        known = delta is not None and tenant not in self._stale
        self._hub.resumes["new" if since is None else "delta" if known else "snapshot"] += 1
        if delta is None or not known:
            return False
        self.outbox.say(delta.payload)
        self.outbox.release(tenant, delta.epoch, delta.last)
        return True

    async def _picture(self, tenant: UUID) -> None:
        """Say a snapshot, and what came after it."""
        while tenant in self._tenants and not self._wire.lost:
            self._stale.discard(tenant)
            found = await self._hub.snapshot(tenant)
            if tenant in self._stale:
                continue  # the feed jumped meanwhile
            self.outbox.say_frames(found.frames)
            self.outbox.release(tenant, *found.position)
            for job, frame in self._hub.progress(tenant):
                self.outbox.report(tenant, job, frame)
            return

    def _start_again(self, tenant: UUID) -> None:
        """The outbox has thrown away what gathered of a tenant."""
        begun = tenant not in self._stale
        self._stale.add(tenant)
        if begun and tenant in self._tenants:
            self._nursery.start_soon(self._again, tenant, name="feed again")

    async def _again(self, tenant: UUID) -> None:
        try:
            await self._picture(tenant)
        except AWAY as error:
            self.end(away(error))

    async def _retune(self, principal: Principal) -> None:
        """His memberships have changed: show what is new, take away what is gone."""
        try:
            chosen = (
                await self._choose(principal, None)
                if self._everything
                else [tenant for tenant in self._tenants.values() if principal.may_see(tenant.id)]
            )
        except Farewell as farewell:
            self.end(farewell)
            return
        before, self._tenants = self._tenants, {tenant.id: tenant for tenant in chosen}
        gone = [tenant for tenant in before if tenant not in self._tenants]
        new = [tenant for tenant in self._tenants if tenant not in before]
        self._hub.leave(gone, self.outbox)
        for tenant in gone:
            self.outbox.forget(tenant)
        if not self._tenants and not self._everything:
            self.end(Farewell(Code.FORBIDDEN, "access was taken away"))
        elif gone or new:
            self._welcome(principal)
            if new:
                self._show(new, {})

    async def _obey(self, frame: protocol.ClientFrame) -> None:
        assert self._principal is not None
        match frame:
            case protocol.Ping():
                self.say(protocol.Pong(id=frame.id))
            case protocol.Resync():
                self._resync(frame.tenant)
            case protocol.Auth():
                await self._renew(frame.token)
            case protocol.Run() | protocol.Cancel() | protocol.Retry():
                self.say(await self._carry_out(frame))
            case _:
                raise Farewell(Code.BAD_MESSAGE, "hello was said already")

    def _resync(self, tenant: UUID) -> None:
        if tenant in self._tenants:
            self.outbox.restart(tenant)
        else:
            self.say(protocol.Error(code="not_subscribed", detail="this tenant is not among yours", tenant=tenant))

    async def _renew(self, token: str) -> None:
        """A fresh token of the same subject keeps the session."""
        fresh = await self._authenticate(token)
        if self._principal is None or fresh.subject != self._principal.subject:
            raise Farewell(Code.FORBIDDEN, "the fresh token is somebody else's")
        await self._attend(fresh)
        self.say(protocol.Ok(exp=rfc3339(fresh.expires_at)))
        await self._retune(fresh)

    async def _carry_out(self, frame: protocol.Run | protocol.Cancel | protocol.Retry) -> protocol.Reply:
        assert self._principal is not None
        try:
            return await self._desk.carry_out(self._principal, frame)
        except Refused as refused:
            return protocol.Reply(ref=frame.ref, ok=False, problem=as_json(refused.problem(self._lang)))
