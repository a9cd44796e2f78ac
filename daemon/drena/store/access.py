"""Memberships and service tokens as typed calls. A token itself is never stored, only its digest."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

import msgspec

from drena.store.queries import sql

if TYPE_CHECKING:
    from collections.abc import Collection

    from drena.store.jobs import Executor


class Membership(msgspec.Struct, frozen=True, kw_only=True):
    """What a user may see."""

    user_id: UUID
    sees_all: bool
    """A global administrator: every tenant, also those to come."""
    tenants: list[UUID]
    admin_of: list[UUID]


class LiveToken(msgspec.Struct, frozen=True, kw_only=True):
    """A service token as the gate needs it."""

    id: UUID
    name: str
    scopes: list[str]
    tenants: list[UUID] | None
    """None: every tenant."""
    expires_at: datetime | None
    revoked: bool
    left_s: float | None
    """Seconds until it expires by the database's clock; None: never."""


class TokenView(msgspec.Struct, frozen=True, kw_only=True):
    """A service token as people see it."""

    id: UUID
    name: str
    state: str
    """`live`, `revoked` or `expired`."""
    scopes: list[str]
    tenants: list[str] | None
    """Slugs; None: every tenant."""
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None


async def read_memberships(on: Executor, users: Collection[UUID]) -> dict[UUID, Membership]:
    """Each user's memberships; one who has none is there too."""
    rows = await on.fetch(sql("read_memberships"), list(users))
    return {row["user_id"]: Membership(**row) for row in rows}


async def read_offices(on: Executor) -> str:
    """A digest of what tenants there are and how they are called."""
    row = await on.fetchrow(sql("read_offices"))
    assert row is not None
    return str(row["digest"])


async def use_token(on: Executor, digest: bytes) -> LiveToken | None:
    """The token with this digest; None when there is none. Whether it is still good is for the caller to see."""
    row = await on.fetchrow(sql("use_token"), digest)
    return None if row is None else LiveToken(**row)


async def read_tokens(on: Executor, ids: Collection[UUID]) -> dict[UUID, LiveToken]:
    """These tokens as they are now; one that was deleted is missing."""
    return {row["id"]: LiveToken(**row) for row in await on.fetch(sql("read_tokens"), list(ids))}


async def create_token(
    on: Executor,
    name: str,
    digest: bytes,
    *,
    scopes: Collection[str],
    tenants: Collection[UUID] | None,
    valid_for_s: float | None,
) -> TokenView | None:
    """Keep a new token's digest; None when a live one has this name."""
    given = None if tenants is None else list(tenants)
    row = await on.fetchrow(sql("create_token"), name, digest, sorted(scopes), given, valid_for_s)
    return None if row is None else (await list_tokens(on, row["id"]))[0]


async def list_tokens(on: Executor, token_id: UUID | None = None) -> list[TokenView]:
    """Every token, or one, the newest first."""
    return [TokenView(**row) for row in await on.fetch(sql("list_tokens"), token_id)]


async def revoke_token(on: Executor, name: str) -> TokenView | None:
    """End the live token with this name or id; None when there is none. Open connections end within moments."""
    row = await on.fetchrow(sql("revoke_token"), name)
    return None if row is None else (await list_tokens(on, row["id"]))[0]
