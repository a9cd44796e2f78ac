"""Bring a database to the schema this program knows: numbered SQL files, each applied once, in order.

Guarantees:

* Append-only: a file once released never changes; its digest is recorded and compared.
* Safe beside other nodes: one advisory lock for the whole run; a second migrator waits and then finds nothing to do.
* All of a run's files and their records commit together, or none of them do.
* A database that holds a migration this program has not heard of is newer than it, and refused.
"""

from __future__ import annotations

import hashlib
from contextlib import suppress
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING, Final

from asyncpg_trio import exceptions as pg
from drena.errors import DatabaseError
from drena.store.adoption import Column, problems
from drena.store.queries import sql
from drena.store.rehearsal import changing

if TYPE_CHECKING:
    from asyncpg_trio import Connection

_LOCK_KEY: Final = 0x6472656E61  # "drena"

TRIES: Final = 10
"""Each is preceded by the second that PostgreSQL takes to see a circle, in which writers have got on."""

_BOOTSTRAP: Final = """
create schema if not exists drena;
create table if not exists drena.migrations (
    name text primary key,
    digest text not null,
    applied_at timestamptz not null default now()
);
"""


@dataclass(frozen=True, slots=True)
class Migration:
    """One numbered SQL file of this program."""

    name: str
    sql: str

    @property
    def digest(self) -> str:
        """SHA-256 of the text, in hexadecimal."""
        return hashlib.sha256(self.sql.encode()).hexdigest()


def known_migrations() -> list[Migration]:
    """All migrations of this program, in order."""
    folder = resources.files("drena.store") / "migrations"
    files = sorted((f for f in folder.iterdir() if f.name.endswith(".sql")), key=lambda f: f.name)
    return [Migration(f.name.removesuffix(".sql"), f.read_text(encoding="utf-8")) for f in files]


def pending(known: list[Migration], applied: dict[str, str]) -> list[Migration]:
    """Which of the known migrations are still to be applied.

    Args:
        known: this program's migrations.
        applied: digest by name, as recorded in the database.

    Raises:
        DatabaseError: the database is newer than this program, or an applied file was changed.
    """
    unheard_of = sorted(applied.keys() - {m.name for m in known})
    if unheard_of:
        raise DatabaseError(
            f"The database has migration {unheard_of[-1]}, which is newer than this program: install a newer drena."
        )
    for migration in known:
        if applied.get(migration.name, migration.digest) != migration.digest:
            raise DatabaseError(
                f"Migration {migration.name} in the database differs from this program's file: "
                "this drena was changed after its release; install an unchanged one."
            )
    return [m for m in known if m.name not in applied]


async def migrate(conn: Connection, *, dry_run: bool = False) -> list[str]:
    """Apply what is missing and return the names, oldest first; empty when the database was up to date.

    Waits for another migrator's lock and for writers of the tables it changes, who may wait for it in turn: a run that
    PostgreSQL ends to break such a circle is begun again. Cancelled, nothing is applied.

    Args:
        conn: a connection outside any transaction, with the right to create a schema.
        dry_run: apply everything, then roll it back.

    Raises:
        DatabaseError: see `pending`; or the tables that are there are none that can be adopted (`adoption.py`).
        DeadlockDetectedError: `TRIES` times in a row.
    """
    for _ in range(TRIES - 1):
        with suppress(pg.DeadlockDetectedError):
            return await _migrate(conn, dry_run=dry_run)
    return await _migrate(conn, dry_run=dry_run)


async def _migrate(conn: Connection, *, dry_run: bool) -> list[str]:
    async with changing(conn, dry_run=dry_run):
        return await _apply(conn)


async def missing(conn: Connection) -> list[str]:
    """Names of the migrations this database still lacks.

    Raises:
        DatabaseError: see `pending`.
    """
    return [m.name for m in pending(known_migrations(), await _applied(conn))]


async def _applied(conn: Connection) -> dict[str, str]:
    return {row["name"]: row["digest"] for row in await conn.fetch("select name, digest from drena.migrations")}


async def _apply(conn: Connection) -> list[str]:
    await conn.execute("select pg_advisory_xact_lock($1)", _LOCK_KEY)
    await conn.execute(_BOOTSTRAP)
    applied = await _applied(conn)
    todo = pending(known_migrations(), applied)
    if todo:
        await _prepare_adoption(conn, first=not applied)
    for migration in todo:
        await conn.execute(migration.sql)
        await conn.execute(
            "insert into drena.migrations (name, digest) values ($1, $2)", migration.name, migration.digest
        )
    return [m.name for m in todo]


async def _prepare_adoption(conn: Connection, *, first: bool) -> None:
    """Look at the tables that are there, and keep what the migrations would take from the old system."""
    there: dict[str, dict[str, Column]] = {}
    for row in await conn.fetch(sql("public_columns")):
        there.setdefault(row["table_name"], {})[row["name"]] = Column(row["type"], row["must_be_given"])
    if found := problems(there):
        raise DatabaseError(
            f"Drena cannot adopt this database: {' Also: '.join(found)} "
            "Nothing was changed; put that right, or point database.url at the right database."
        )
    if first:
        await conn.execute(sql("keep_company_columns"))
