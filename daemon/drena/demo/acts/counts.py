"""The end: counts read back from the database, beside the source's truth."""

from __future__ import annotations

from typing import TYPE_CHECKING

from drena.demo.offices import OFFICES
from drena.demo.old_system import JOBS
from drena.demo.showing import agreement
from drena.demo.source import plain
from drena.demo.statements import sql

if TYPE_CHECKING:
    from drena.demo.showing import Showing


async def counts(show: Showing) -> None:
    """Show what the database holds, and compare."""
    screen = show.screen
    screen.heading(None, "counts_title")
    found = {office: await agreement(show, office) for office in OFFICES}
    held = {office: dict(await show.stage.pool.fetchrow(sql("counts"), office.id) or {}) for office in OFFICES}
    columns = {
        "count_source": [found[office].registrations for office in OFFICES],
        "count_documents": [found[office].documents for office in OFFICES],
        "count_linked": [held[office]["linked"] for office in OFFICES],
        "count_equal": [found[office].equal for office in OFFICES],
        "count_rows": [held[office]["companies"] for office in OFFICES],
        "count_succeeded": [held[office]["succeeded"] for office in OFFICES],
        "count_failed": [held[office]["failed"] for office in OFFICES],
        "count_active": [held[office]["active"] for office in OFFICES],
    }
    screen.table(
        ("", *(f"name_{office.slug}" for office in OFFICES)),
        [(screen.text(key), *map(str, values)) for key, values in columns.items()],
        right=(1, 2),
    )
    for office in OFFICES:
        truth, row = found[office], held[office]
        expected = {
            "linked": truth.documents,
            "companies": truth.documents + _never_linked(show, office.slug),
            "failed": sum(job.office == office and job.code is not None for job in JOBS),
            "active": 0,
        }
        screen.expect("expect_counts", expected, {name: row[name] for name in expected}, tenant=office.slug)


def _never_linked(show: Showing, slug: str) -> int:
    """How many typed rows stay local: unknown to the source, or the second row of one document."""
    rows = show.typed[slug]
    return len(rows) - len({plain(row.cnpj) for row in rows if row.at_source})
