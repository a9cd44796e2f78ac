"""Bring a database to the schema this program knows: numbered SQL files, each applied once, in order.

Guarantees:

* Append-only: a file once released never changes; its digest is recorded and compared.
* Safe beside other nodes: one advisory lock for the whole run; a second migrator waits and then finds nothing to do.
* All of a run's files and their records commit together, or none of them do.
* A database that holds a migration this program has not heard of is newer than it, and refused.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING, Final

from drena.errors import DatabaseError
from drena.store.rehearsal import changing

if TYPE_CHECKING:
    from asyncpg_trio import Connection

_LOCK_KEY: Final = 0x6472656E61  # "drena"

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

    Waits for another migrator's lock and for writers of the tables it changes. Cancelled, nothing is applied.

    Args:
        conn: a connection outside any transaction, with the right to create a schema.
        dry_run: apply everything, then roll it back.

    Raises:
        DatabaseError: see `pending`; or an adopted table lacks a column.
    """
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
    todo = pending(known_migrations(), await _applied(conn))
    if todo:
        await _check_adoptable(conn)
    for migration in todo:
        await conn.execute(migration.sql)
        await conn.execute(
            "insert into drena.migrations (name, digest) values ($1, $2)", migration.name, migration.digest
        )
    return [m.name for m in todo]


async def _check_adoptable(conn: Connection) -> None:
    """Refuse a database whose tables of the same name are something else."""
    rows = await conn.fetch(
        "select table_name::text as t, column_name::text as c from information_schema.columns "
        "where table_schema = 'public'"
    )
    there: dict[str, set[str]] = {}
    for row in rows:
        there.setdefault(row["t"], set()).add(row["c"])
    for table, columns in ADOPTED.items():
        missing = [c for c in columns.split() if table in there and c not in there[table]]
        if missing:
            raise DatabaseError(
                f"Table public.{table} exists but has no column {', '.join(missing)}: "
                "this is not the schema Drena can adopt; point database.url at the right database or add the column."
            )


ADOPTED: Final = {
    "organizacoes": "id nome slug",
    "user_tenants": "user_id tenant_id role",
    "user_roles": "user_id role",
    "tenant_integrations": (
        "id tenant_id provider base_url is_enabled last_run last_status last_error config updated_at"
    ),
    "integration_jobs": (
        "id tenant_id provider_slug status progress attempts max_attempts started_at finished_at execution_time_ms "
        "error_message payload result created_by created_at"
    ),
    "sync_jobs": (
        "id tenant_id provider entity status total_read total_created total_updated total_skipped total_errors "
        "started_at finished_at error_message"
    ),
    "integration_logs": (
        "tenant_id integration provider_slug execution_id status total_processados total_matched total_ignored "
        "execution_time_ms error_message payload response"
    ),
    "empresas": (
        "id nome cnpj data_cadastro regime_tributario organizacao_id whatsapp external_source external_key raw_payload "
        "hash_payload synced_at updated_at"
    ),
}
"""Columns of adopted tables that Drena reads or writes."""
