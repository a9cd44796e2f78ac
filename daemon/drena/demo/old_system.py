"""What the old system left behind, put there before Drena's migrations run, as on the day the daemon arrives."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from drena.demo.offices import CONTMAX, HORIZONTE, OFFICES, Office, fixed_id
from drena.demo.statements import sql
from drena.store.migrate import known_migrations
from drena.store.plain import plain_json

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from asyncpg_trio import Connection
    from drena.demo.offices import TypedRow

MINUTE_S: Final = 60.0
HOUR_S: Final = 60 * MINUTE_S
DAY_S: Final = 24 * HOUR_S


class OldJob(msgspec.Struct, frozen=True, kw_only=True):
    """A job the old functions never ended."""

    id: UUID
    office: Office
    provider: str
    status: str
    age_s: float
    started: bool
    """Whether `started_at` was ever written."""
    code: str | None
    """The code it must be ended with; None when it must be left alone."""


def _job(
    office: Office, provider: str, status: str, age_s: float, code: str | None, *, started: bool = False
) -> OldJob:
    return OldJob(
        id=fixed_id(f"{office.slug}/{provider}/{status}"),
        office=office,
        provider=provider,
        status=status,
        age_s=age_s,
        started=started,
        code=code,
    )


JOBS: Final = (
    _job(CONTMAX, "acessorias", "pending", 6 * DAY_S, "stale_pending"),
    _job(HORIZONTE, "acessorias", "running", 3 * DAY_S, "stale_running", started=True),
    _job(HORIZONTE, "acessorias", "pending", 2 * DAY_S, "duplicate"),
    _job(CONTMAX, "bomcontrole", "running", 26 * HOUR_S, "never_started"),
    _job(HORIZONTE, "onecode", "pending", 2 * MINUTE_S, None),
)
GHOSTS: Final = ((CONTMAX, "onecode", "error"), (HORIZONTE, "bomcontrole", "success"))
"""Integrations that say `running` while no job is: whose, which, and the status a sweep must find for it."""
DEAD_SYNCS: Final = ((CONTMAX, 6 * DAY_S), (HORIZONTE, 3 * DAY_S))
"""Rows of `sync_jobs` that say `running`: whose and how old."""
PROVIDERS: Final = ("acessorias", "bomcontrole", "onecode")


async def furnish(conn: Connection, *, base_url: str, config: str) -> None:
    """Create the old tables with both offices and their leftovers.

    Args:
        conn: on an empty database.
        base_url: of the API, for `tenant_integrations`.
        config: its settings there, as JSON text.
    """
    await conn.execute(known_migrations()[0].sql)
    for office in OFFICES:
        await conn.execute(sql("add_office"), office.id, office.name, office.slug)
        for provider in PROVIDERS:
            await conn.execute(sql("add_integration"), office.id, provider, base_url, config)
    for office, provider, last in GHOSTS:
        await conn.execute(sql("leave_ghost"), office.id, provider)
        if last != "error":
            await conn.execute(sql("add_ended_job"), office.id, provider, last)
    for job in JOBS:
        started_s = job.age_s if job.started else None
        await conn.execute(sql("leave_job"), job.id, job.office.id, job.provider, job.status, job.age_s, started_s)
    for office, age_s in DEAD_SYNCS:
        await conn.execute(sql("leave_sync"), office.id, age_s)


async def type_in(conn: Connection, rows: Sequence[TypedRow]) -> None:
    """Write the rows people had typed."""
    for row in rows:
        await conn.execute(
            sql("type_row"),
            row.id,
            row.organizacao_id,
            row.nome,
            row.cnpj,
            row.whatsapp,
            row.regime_tributario,
            row.data_abertura,
            plain_json(row.socios),
            plain_json(row.meses),
            plain_json(row.obrigacoes),
        )
