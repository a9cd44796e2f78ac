"""The sweep: ends what the old system left behind and what nobody can run, and clears the ghosts that stand behind it.

It runs at start, every `heal.sweep_every_s` and as `drena sweep`. The rules are in SQL (`drena.stale_code`, migration
0004), because `drena.request_job` heals by the same ones.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal
from uuid import UUID

import msgspec

from drena.store.plain import plain_json
from drena.store.queries import sql
from drena.store.rehearsal import changing

if TYPE_CHECKING:
    from asyncpg_trio import Connection
    from drena.config import Heal
    from drena.log import LogLines


class Settled(msgspec.Struct, frozen=True, kw_only=True):
    """One thing a sweep put right."""

    kind: Literal["job", "integration", "sync"]
    id: UUID
    tenant_id: UUID
    provider_slug: str
    was: str
    now: str
    code: str
    message: str
    age_s: float | None = None


async def save_thresholds(conn: Connection, heal: Heal) -> None:
    """Let the SQL functions use this configuration's thresholds."""
    for name in ("pending_after_s", "running_after_s"):
        await conn.execute(sql("save_setting"), f"heal.{name}", plain_json(getattr(heal, name)))


async def sweep(conn: Connection, log: LogLines, *, dry_run: bool = False) -> list[Settled]:
    """Settle all residues in one transaction and say what was settled, each also in the log by its id.

    Cancelled, nothing is changed.

    Args:
        conn: a connection outside any transaction, on a migrated database.
        log: where each settled thing is told.
        dry_run: do it and roll it back: the answer is exactly what a sweep would change now.
    """
    async with changing(conn, dry_run=dry_run):
        settled = await _settle(conn)
    for thing in settled:
        fields = msgspec.to_builtins(thing)
        fields["reason"] = fields.pop("message")  # the line has a message of its own
        log.warning("residue found" if dry_run else "residue settled", **fields)
    return settled


async def _settle(conn: Connection) -> list[Settled]:
    jobs = [
        Settled(
            kind="job",
            id=row["job_id"],
            tenant_id=row["tenant_id"],
            provider_slug=row["provider_slug"],
            was=row["was"],
            now="error",
            code=row["code"],
            message=row["message"],
            age_s=row["age_s"],
        )
        for row in await conn.fetch(sql("heal_jobs"))
    ]
    integrations = [
        _ghost("integration", row, was=row["was"], now=row["status"])
        for row in await conn.fetch(sql("settle_ghost_integrations"))
    ]
    syncs = [
        _ghost("sync", row, was="running", now="error", age_s=row["age_s"])
        for row in await conn.fetch(sql("settle_ghost_syncs"))
    ]
    return jobs + integrations + syncs


def _ghost(kind: Literal["integration", "sync"], row: Any, **more: Any) -> Settled:
    what = "a integração constava como em execução" if kind == "integration" else "a sincronização nunca foi encerrada"
    return Settled(
        kind=kind,
        id=row["id"],
        tenant_id=row["tenant_id"],
        provider_slug=row["provider_slug"],
        code="ghost",
        message=f"Limpeza: {what}, mas nenhum job está ativo.",
        **more,
    )
