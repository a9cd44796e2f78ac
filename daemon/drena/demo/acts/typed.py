"""Act 7: what people typed is still there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from drena.demo.offices import OFFICES
from drena.demo.source import plain
from drena.demo.statements import sql

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

    from drena.demo.offices import TypedRow
    from drena.demo.showing import Showing

SHOWN: Final = 5
COLUMNS: Final = (
    "organizacao_id",
    "nome",
    "cnpj",
    "whatsapp",
    "regime_tributario",
    "data_abertura",
    "socios",
    "meses",
    "obrigacoes",
)
JSON: Final = frozenset({"socios", "meses", "obrigacoes"})


async def typed(show: Showing) -> None:
    """Compare every typed row with what it was before the first sync."""
    screen = show.screen
    screen.heading(7, "typed_title")
    rows = [row for office in OFFICES for row in show.typed[office.slug]]
    now = {row["id"]: row for row in await show.stage.pool.fetch(sql("typed_rows"), [row.id for row in rows])}
    shown = [*rows[:SHOWN], rows[-1]]
    screen.table(
        ("col_name", "col_document", "col_linked"),
        [
            (row.nome, row.cnpj.replace(" ", "[dim]·[/]"), _link(now, row) or f"[dim]{screen.text('not_linked')}[/]")
            for row in shown
        ],
    )
    overwritten = {f"{row.nome}: {column}" for row in rows for column in COLUMNS if not _kept(row, now[row.id], column)}
    screen.expect("expect_typed", set(), overwritten, count=len(rows))
    documents = {(row.organizacao_id, plain(row.cnpj)) for row in rows if row.at_source}
    linked = [row for row in rows if _link(now, row)]
    screen.expect("expect_linked", len(documents), len(linked), count=len(documents))


def _kept(row: TypedRow, now: Any, column: str) -> bool:
    """Whether a column holds what was typed; one that was empty may be filled."""
    was = getattr(row, column)
    held = msgspec.json.decode(now[column]) if column in JSON else now[column]
    return was is None or bool(held == was)


def _link(now: Mapping[UUID, Any], row: TypedRow) -> str | None:
    key: str | None = now[row.id]["external_key"]
    return key
