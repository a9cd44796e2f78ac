"""Who comes in, and what he is to be told of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import trio

from drena.feed import protocol
from drena.feed.farewell import AWAY, Farewell, away
from drena.feed.protocol import Code
from drena.problems import Refused
from drena.store.feed import read_tenants

if TYPE_CHECKING:
    from uuid import UUID

    from asyncpg_trio import Pool
    from drena.access import Gate, Principal
    from drena.config import Feed
    from drena.feed.desk import Desk
    from drena.feed.hub import Hub
    from drena.log import LogLines

AUTH_S: Final = 10.0
"""How long the database or the issuer's keys may take to tell who somebody is."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What all sessions of a server share.

    Args:
        hub, gate, desk, pool: the feed, who may see it, who carries out commands, the database.
        settings: the section `feed`.
        log: the daemon's.
    """

    hub: Hub
    gate: Gate
    desk: Desk
    pool: Pool
    settings: Feed
    log: LogLines


async def authenticate(around: Surroundings, token: str | None, peer: str) -> Principal:
    """Who this is.

    Raises:
        Farewell: nobody who may come in, or nobody can tell now.
    """
    try:
        with trio.fail_after(AUTH_S):
            return await around.gate.authenticate(token, peer=peer)
    except Refused as refused:
        if refused.status >= 500:
            raise Farewell(Code.SOURCE_DOWN, "nobody can be let in just now", 5000) from None
        if refused.code == "token_expired":
            raise Farewell(Code.TOKEN_EXPIRED, "the token has expired", 0) from None
        raise Farewell(Code.BAD_TOKEN, refused.problem("en").title) from None
    except AWAY as error:
        raise away(error) from None


async def choose(around: Surroundings, principal: Principal, wanted: list[UUID] | None) -> list[protocol.Tenant]:
    """The tenants he is to be told of: those he names, or all that he may see.

    Raises:
        Farewell: one of them is not his to see, whether it exists or not; or they are too many.
    """
    limit = around.settings.max_tenants
    ids = principal.tenants if wanted is None else frozenset(wanted)
    if wanted is not None and not all(principal.may_see(tenant) for tenant in wanted):
        raise Farewell(Code.FORBIDDEN, "a tenant is not yours to see")
    try:
        with trio.fail_after(AUTH_S):
            found = await read_tenants(around.pool, ids, limit + 1)
    except AWAY as error:
        raise away(error) from None
    if len(found) > limit:
        raise Farewell(Code.BAD_MESSAGE, f"more than {limit} tenants: name those you want to see")
    if wanted is not None and len(found) < len(set(wanted)):
        raise Farewell(Code.FORBIDDEN, "a tenant is not yours to see")
    if not found and not (principal.tenants is None and wanted is None):
        raise Farewell(Code.FORBIDDEN, "there is no tenant you may see")
    return [protocol.Tenant(id=each.id, slug=each.slug, name=each.name) for each in found]
