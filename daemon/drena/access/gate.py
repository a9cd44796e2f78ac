"""The gate: lets people and programs in by their tokens, and tells open connections when that changes.

What it guarantees:

* Every `authenticate` reads memberships or the token's row anew: what was taken away is gone with the next request.
* A follower hears of a change within moments of its commit where LISTEN is to be had (`wake`), and within
  `auth.membership_poll_s` where it is not; nothing that changed between `authenticate` and `follow` is missed, because
  the principal remembers how much the gate had heard when it was read.
* Followers of one subject or of thousands cost one statement a wake, and wakes that come together are one.
* Who may see every tenant hears also when there is another one, or one less.
* While the database is away nothing changes for those who are inside; nobody new gets in.
"""

from __future__ import annotations

import math
import random
from contextlib import asynccontextmanager
from dataclasses import replace
from ipaddress import ip_address
from typing import TYPE_CHECKING, Final

import trio
from msgspec import UNSET, structs

from drena.access.authorizers import Doorman, principal_of
from drena.access.followers import Follower, Followers, Latest
from drena.access.principals import OPEN, Principal
from drena.access.service_tokens import digest_of, is_service_token
from drena.engine.outages import outlast
from drena.problems import Refused
from drena.store.access import read_memberships, read_offices, read_tokens, use_token

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from uuid import UUID

    from asyncpg_trio import Pool
    from drena.access.verifier import Verifier
    from drena.config import Auth, Config
    from drena.log import LogLines
    from drena.plugins import PluginHost
    from drena.store.access import LiveToken, Membership

CHANNEL: Final = "drena_access"
"""Notified by the database when a membership, a token or a tenant's name changes; whoever listens calls `Gate.wake`."""
GUESTS_AT_ONCE: Final = 10
"""How many of a plugin's answers are waited for together."""
READERS: Final = 3
"""How many who come in may hold a connection of the pool together: a crowd at the door must not keep jobs waiting."""
FOLLOWERS_AT_ONCE: Final = 500
"""How many are compared before others have their turn."""
GAP_S: Final = 0.2
"""Between two readings, at least: a thousand changes in a row are few readings."""


@asynccontextmanager
async def open_gate(config: Config, pool: Pool, host: PluginHost, log: LogLines) -> AsyncIterator[Gate]:
    """Open the gate for the length of the block."""
    gate = Gate(config, pool, host, log)
    async with trio.open_nursery() as nursery:
        await nursery.start(gate.run, name="gate")
        yield gate
        nursery.cancel_scope.cancel(reason="the gate closes")


class Gate:
    """See the module.

    Args:
        config: its section `auth`.
        pool: where memberships and tokens are.
        host: the plugins, one of which may know tokens of its own.
        log: the daemon's log.
    """

    def __init__(self, config: Config, pool: Pool, host: PluginHost, log: LogLines) -> None:
        auth = config.auth
        self._auth = auth
        self._pool = pool
        self._log = log
        self._verifier = _verifier(auth, log)
        self._doorman = Doorman(host.authorizer, log) if host.authorizer is not None else None
        self._followers = Followers()
        self._readers = trio.CapacityLimiter(READERS)
        self._offices: str | None = None
        """What tenants there were when it was read last, for those who may see them all; None: not read yet."""
        self._heard = 0
        self._news = trio.Event()
        self._sooner = trio.Event()
        self._next_end_s = math.inf

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Keep the issuer's keys and the followers up to date until cancelled."""
        async with trio.open_nursery() as nursery:
            if self._verifier is not None and self._verifier.keys is not None:
                nursery.start_soon(self._verifier.keys.run, name="keys of the issuer")
            nursery.start_soon(self._read_when_told, name="memberships")
            nursery.start_soon(self._end_on_time, name="expiry")
            if self._doorman is not None:
                nursery.start_soon(self._ask_now_and_then, self._doorman, name="authorizer")
            task_status.started()

    async def authenticate(self, token: str | None, *, peer: str) -> Principal:
        """Who the bearer of this token is. Reads the database; may wait moments for the issuer's keys.

        Args:
            token: without `Bearer`; None or empty when there was none.
            peer: the client's address, as far as trusted proxies tell it; a Unix socket's has no address.

        Raises:
            Refused: `unauthenticated`, `token_invalid`, `token_expired`, `keys_away`.
        """
        if token and is_service_token(token):
            return await self._service(token)
        if self._auth.mode == "open":
            if not _is_local(peer):
                raise Refused("unauthenticated")
            return OPEN
        if not token:
            raise Refused("unauthenticated")
        if self._doorman is not None:
            return await self._guest(self._doorman, token, peer)
        return await self._user(token)

    def attend(self, principal: Principal, tell: Callable[[Principal | None], None]) -> Follower:
        """Tell of what changes for somebody who stays, until `dismiss`. Never waits.

        Args:
            principal: who, as `authenticate` said.
            tell: called with the newest principal whenever it has changed, or whenever what it stands for has (another
                tenant for who may see them all); with None once access is gone: token revoked or expired
                (`principal.ends_at_s` has passed), no tenant left. It must not wait.
        """
        follower = Follower(principal, tell)
        self._followers.add(follower)
        if principal.seen != self._heard or (principal.tenants is None and self._offices is None):
            self._news.set()
        if principal.ends_at_s < self._next_end_s:
            self._sooner.set()
        return follower

    def dismiss(self, follower: Follower) -> None:
        """Tell him no more."""
        self._followers.drop(follower)

    @asynccontextmanager
    async def follow(self, principal: Principal) -> AsyncIterator[trio.MemoryReceiveChannel[Principal]]:
        """Like `attend`, for the length of the block and for who waits.

        Yields:
            A channel with the newest principal whenever it changed. It ends when access is gone.
        """
        latest = Latest(principal)
        follower = self.attend(principal, latest.tell)
        try:
            yield latest.changes
        finally:
            self.dismiss(follower)
            latest.close()

    def wake(self) -> None:
        """Something changed: read again what the followers live by."""
        self._heard += 1
        self._news.set()

    async def _service(self, token: str) -> Principal:
        digest, seen = digest_of(token), self._heard
        if digest is None:
            raise Refused("token_invalid")
        async with self._readers:
            row = await use_token(self._pool, digest)
        if row is None or row.revoked:
            raise Refused("token_invalid")
        if row.left_s is not None and row.left_s <= 0:
            raise Refused("token_expired")
        return _of_token(row, seen)

    async def _user(self, token: str) -> Principal:
        if self._verifier is None:
            raise Refused("token_invalid")
        bearer, seen = await self._verifier.bearer_of(token), self._heard
        membership = await self._member(bearer.user_id)
        ends_at_s = trio.current_time() + bearer.left_s
        return replace(_of_user(bearer.user_id, membership, seen), expires_at=bearer.expires_at, ends_at_s=ends_at_s)

    async def _guest(self, doorman: Doorman, token: str, peer: str) -> Principal:
        access, seen = await doorman.admit(token, peer), self._heard
        if access.tenants is not UNSET:
            return principal_of(access, seen)
        assert access.user_id is not None
        membership = await self._member(access.user_id)
        known = principal_of(structs.replace(access, tenants=frozenset()), seen)
        member = _of_user(access.user_id, membership, seen)
        return replace(known, tenants=member.tenants, admin_of=member.admin_of, origin=None)

    async def _member(self, user_id: UUID) -> Membership:
        async with self._readers:
            return (await read_memberships(self._pool, [user_id]))[user_id]

    async def _end_on_time(self) -> None:
        """Close the followers whose time is over; the database is not asked for that."""
        while True:
            self._sooner = trio.Event()
            self._next_end_s = self._followers.next_end_s
            with trio.CancelScope(deadline=self._next_end_s):
                await self._sooner.wait()
            self._followers.end_due(trio.current_time())

    async def _read_when_told(self) -> None:
        """Read again what the followers live by: when somebody changed it, and now and then anyway."""
        while True:
            poll_s = self._auth.membership_poll_s * random.uniform(0.8, 1.0)  # noqa: S311  # not all nodes at once
            with trio.move_on_after(poll_s):
                await self._news.wait()
            self._news = trio.Event()
            if self._followers:
                await outlast("read memberships", self._read_again, self._log)
            await trio.sleep(GAP_S)

    async def _read_again(self) -> None:
        seen, now = self._heard, list(self._followers)
        users = {p.user_id for f in now if (p := f.principal).kind == "user" and p.user_id is not None}
        ids = {f.principal.token_id for f in now if f.principal.token_id is not None}
        members = await read_memberships(self._pool, users) if users else {}
        tokens = await read_tokens(self._pool, ids) if ids else {}
        moved = await self._offices_moved(now)
        for number, follower in enumerate(now, 1):
            fresh = _refreshed(follower.principal, members, tokens, seen)
            self._followers.settle(follower, fresh, anyway=moved and fresh is not None and fresh.tenants is None)
            if number % FOLLOWERS_AT_ONCE == 0:
                await trio.lowlevel.checkpoint()
        if self._followers.next_end_s < self._next_end_s:
            self._sooner.set()

    async def _offices_moved(self, now: list[Follower]) -> bool:
        """Whether there are other tenants than at the last look; nobody looks while nobody may see them all."""
        if not any(follower.principal.tenants is None for follower in now):
            self._offices = None
            return False
        before, self._offices = self._offices, await read_offices(self._pool)
        return before != self._offices

    async def _ask_now_and_then(self, doorman: Doorman) -> None:
        """Of whom the plugin alone knows what he may see: slowly, if it is slow, and in nobody's way."""
        limit = trio.CapacityLimiter(GUESTS_AT_ONCE)

        async def settle(guest: Follower) -> None:
            async with limit:
                self._followers.settle(guest, await doorman.refresh(guest.principal))

        while True:
            await trio.sleep(self._auth.membership_poll_s)
            async with trio.open_nursery() as nursery:
                for guest in self._followers:
                    if guest.principal.origin is not None:
                        nursery.start_soon(settle, guest)


def _verifier(auth: Auth, log: LogLines) -> Verifier | None:
    """What verifies people's tokens; None where there is no key to do so by."""
    if auth.jwt_secret is None and auth.keys_url is None:
        return None
    from drena.access.verifier import Verifier  # noqa: PLC0415  # see there

    return Verifier(auth, log)


def _of_user(user_id: UUID, member: Membership, seen: int) -> Principal:
    return Principal(
        subject=str(user_id),
        kind="user",
        user_id=user_id,
        tenants=None if member.sees_all else frozenset(member.tenants),
        admin_of=None if member.sees_all else frozenset(member.admin_of),
        seen=seen,
    )


def _of_token(row: LiveToken, seen: int) -> Principal:
    return Principal(
        subject=f"token:{row.name}",
        kind="service",
        tenants=None if row.tenants is None else frozenset(row.tenants),
        scopes=frozenset(row.scopes),
        token_id=row.id,
        expires_at=row.expires_at,
        ends_at_s=math.inf if row.left_s is None else trio.current_time() + row.left_s,
        seen=seen,
    )


def _refreshed(
    old: Principal, members: dict[UUID, Membership], tokens: dict[UUID, LiveToken], seen: int
) -> Principal | None:
    """What is known of a follower now; None when nothing is left to him."""
    if old.token_id is not None:
        if (row := tokens.get(old.token_id)) is None or row.revoked or (row.left_s is not None and row.left_s <= 0):
            return None
        return _of_token(row, seen)
    if old.origin is not None or old.user_id is None or (member := members.get(old.user_id)) is None:
        return old
    fresh = _of_user(old.user_id, member, seen)
    if not fresh.sees_something:
        return None
    return replace(old, tenants=fresh.tenants, admin_of=fresh.admin_of, seen=seen)


def _is_local(peer: str) -> bool:
    """Whether an address is of this machine; a Unix socket's peer has none."""
    if not peer or peer.startswith(("unix", "/", "@")):
        return True
    try:
        address = ip_address(peer.partition("%")[0])
        return (getattr(address, "ipv4_mapped", None) or address).is_loopback
    except ValueError:
        return False
