"""The feed's statements as typed calls. Values stay the JSON text that PostgreSQL made: nobody here looks inside."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple
from uuid import UUID

from drena.store.queries import sql

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from drena.store.jobs import Executor


class UnrecognisedError(Exception):
    """The database server was started since the epochs were made, or is another: `recognise` first, then read again."""


class Position(NamedTuple):
    """A place in a tenant's feed."""

    epoch: UUID
    offset: int


class Change(NamedTuple):
    """One thing that changed, with its value as it was when this was read."""

    key: str
    """`job:<uuid>` or `integration:<uuid>`."""
    version: int
    value: str | None
    """JSON; None when the thing is gone."""
    running: bool


class News(NamedTuple):
    """What changed behind a position, up to another."""

    epoch: UUID
    follows: bool
    """Whether they go on from there; otherwise what lies between nobody knows."""
    upto: int
    """The offset these changes reach."""
    head: int
    """The offset the feed is at."""
    told: int
    """How many log rows stand behind the changes: fewer than offsets when the log does not reach back so far."""
    changes: list[Change]


class Picture(NamedTuple):
    """A snapshot of one tenant."""

    position: Position
    jobs: list[str]
    integrations: list[str]
    running: bool
    """Whether any of the jobs runs."""


class Progress(NamedTuple):
    """How far a running job is."""

    tenant_id: UUID
    id: UUID
    version: int
    progress: int
    detail: str | None


class TenantName(NamedTuple):
    """A tenant as clients are told of it."""

    id: UUID
    slug: str
    name: str


async def read_positions(on: Executor, tenants: Collection[UUID]) -> dict[UUID, Position]:
    """Where these tenants' feeds stand; one that never told anything begins here.

    Raises:
        UnrecognisedError: see there; of the readings below as well.
    """
    found: dict[UUID, Position] = {}
    while missing := [tenant for tenant in tenants if tenant not in found]:
        rows = await on.fetch(sql("feed_positions"), missing)
        found |= {row["tenant_id"]: Position(_known(row["epoch"]), row["offset"]) for row in rows}
        if unborn := [tenant for tenant in missing if tenant not in found]:
            await on.execute(sql("feed_begin"), unborn)
    return found


def _known(epoch: UUID | None) -> UUID:
    if epoch is None:
        raise UnrecognisedError
    return epoch


async def recognise(on: Executor) -> str | None:
    """Make epochs for this run of the database server, if nobody has yet; `restarted`, `restored`, or None."""
    row = await on.fetchrow(sql("feed_recognise"))
    return None if row is None else row["found"]


async def renew(on: Executor, tenant: UUID, seen: Position) -> None:
    """Begin a new epoch, if the feed is still in this one and not as far as somebody has seen it."""
    await on.execute(sql("feed_renew"), tenant, seen.epoch, seen.offset)


async def read_news(on: Executor, positions: Mapping[UUID, Position], limit: int) -> dict[UUID, News]:
    """What changed behind these positions, by tenant, in one query and one snapshot; nothing for who has no news."""
    rows = await on.fetch(
        sql("feed_news"),
        list(positions),
        [position.epoch for position in positions.values()],
        [position.offset for position in positions.values()],
        limit,
    )
    found: dict[UUID, News] = {}
    for tenant, epoch, follows, head, upto, key, told, version, running, value in rows:
        news = found.get(tenant)
        changes = [] if news is None else news.changes
        if key is not None:
            changes.append(Change(key, version, value, running))
        found[tenant] = News(
            _known(epoch), follows, upto, head, (0 if news is None else news.told) + (told or 0), changes
        )
    return found


async def read_picture(on: Executor, tenant: UUID, *, ended: int, active: int) -> Picture | None:
    """All that a client sees of a tenant, in one snapshot; None when its feed has not begun."""
    rows = await on.fetch(sql("feed_snapshot"), tenant, ended, active)
    if not rows:
        return None
    return Picture(
        position=Position(_known(rows[0]["epoch"]), rows[0]["offset"]),
        jobs=[row["value"] for row in rows if row["kind"] == "job"],
        integrations=[row["value"] for row in rows if row["kind"] == "integration"],
        running=any(row["running"] for row in rows),
    )


async def read_progress(on: Executor, tenants: Collection[UUID]) -> list[Progress]:
    """How far the running jobs of these tenants are."""
    return [Progress(*row) for row in await on.fetch(sql("feed_progress"), list(tenants))]


async def read_tenants(on: Executor, ids: Collection[UUID] | None, limit: int) -> list[TenantName]:
    """Tenants by id, all of them when None, at most so many; unknown ids are left out."""
    return [TenantName(*row) for row in await on.fetch(sql("feed_tenants"), None if ids is None else list(ids), limit)]


async def tell_watching(on: Executor, node: UUID, seconds: float) -> None:
    """Let writers notify: this node has readers."""
    await on.execute(sql("feed_watch"), node, seconds)


async def tell_not_watching(on: Executor, node: UUID) -> None:
    """This node has no readers any more."""
    await on.execute(sql("feed_unwatch"), node)
