"""Before the first act: the old database as the daemon will find it, and who is who."""

from __future__ import annotations

from typing import TYPE_CHECKING

from drena.demo.offices import OFFICES, type_rows
from drena.demo.old_system import furnish, type_in
from drena.demo.source import current, kinds
from drena.demo.stage import SETTINGS
from drena.demo.statements import sql

if TYPE_CHECKING:
    from drena.demo.showing import Showing


async def setting(show: Showing) -> None:
    """Furnish the database with offices, leftovers and typed rows; tell what there is."""
    source, screen = show.stage.source, show.screen
    async with show.stage.pool.acquire() as conn, conn.transaction():
        await furnish(conn, base_url=source.url, config=SETTINGS)
        for office in OFFICES:
            show.typed[office.slug] = type_rows(office, await source.companies(office))
            await type_in(conn, show.typed[office.slug])
        version = await conn.fetchval(sql("version"))
    screen.say("ready", version=version, url=source.url)
    for office in OFFICES:
        companies = await source.companies(office)
        screen.say(
            "office_holds",
            name=office.name,
            companies=len(companies),
            kinds=", ".join(screen.text(f"kind_{kind}", count=count) for kind, count in kinds(companies).items()),
            inactive=sum(company["Status"] == "Inativa" for company in companies),
            doubled=len(companies) - len(current(companies)),
        )
    screen.say("typed_before", rows=len(show.typed[OFFICES[0].slug]))
