"""The history checker: reads jobs, log, nodes and feed after any run and says which invariants were broken.

It never changes anything: the transaction is read-only. It reads one snapshot, so it may run beside working nodes. The
checks and their words are in `checks.py`, the SQL in `queries/doctor.sql`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

import msgspec

from drena.errors import DatabaseError
from drena.store.checks import CHECKS
from drena.store.migrate import missing
from drena.store.queries import sql

if TYPE_CHECKING:
    from asyncpg_trio import Connection, Record
    from drena.store.checks import Check

LIMIT: Final = 100
PATIENCE_S: Final = 60.0


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that should not be."""

    code: str
    """The check's code: stable, for programs."""
    invariant: str
    """Of design section 6, as `I2`; empty where none is named."""
    what: str
    """One sentence that names the thing."""
    remedy: str
    """What to do about it, or what Drena will do by itself."""
    job_id: UUID | None = None
    tenant_id: UUID | None = None
    details: dict[str, Any] = {}
    """Everything else that was read, by column."""


async def examine(conn: Connection, *, limit: int = LIMIT, patience_s: float = PATIENCE_S) -> list[Finding]:
    """Every broken invariant there is to see; empty when all is well. Cancelled, nothing was changed either.

    Args:
        conn: a connection outside any transaction.
        limit: how many findings of each kind to name.
        patience_s: how long Drena may take to do by itself what it does by itself: claim a due job, bury a dead node.

    Raises:
        PostgresError: the database is out of reach, or has never been migrated.
    """
    async with conn.transaction(isolation="repeatable_read", readonly=True):
        unready = await _migrations(conn)
        if unready is not None:
            return [unready]
        return [_finding(check, row) for check in CHECKS for row in await _violations(conn, check, limit, patience_s)]


async def _violations(conn: Connection, check: Check, limit: int, patience_s: float) -> list[Record]:
    arguments = (limit, patience_s) if check.patient else (limit,)
    return await conn.fetch(sql(f"doctor_{check.query}"), *arguments)


async def _migrations(conn: Connection) -> Finding | None:
    """A database of another release; the checks speak of this one's tables alone."""
    try:
        names = await missing(conn)
    except DatabaseError as error:
        return Finding(code="migrations_foreign", invariant="", what=str(error), remedy="Use the drena it belongs to.")
    if not names:
        return None
    return Finding(
        code="migrations_missing",
        invariant="",
        what=f"The database lacks {', '.join(names)}.",
        remedy="`drena migrate` applies what is missing; `drena migrate --dry-run` tries it first.",
        details={"migrations": names},
    )


def _finding(check: Check, row: Record) -> Finding:
    values = dict(row)
    return Finding(
        code=check.code,
        invariant=check.invariant,
        what=check.what.format(**values),
        remedy=check.remedy.format(**values),
        job_id=values.pop("job_id", None),
        tenant_id=values.pop("tenant_id", None),
        details=values,
    )
