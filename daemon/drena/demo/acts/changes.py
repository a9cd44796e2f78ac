"""Acts 5 and 6: nothing changed, nothing written; some changed, exactly those written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from drena.demo.offices import CONTMAX, HORIZONTE, OFFICES
from drena.demo.showing import agreement, counters, follow, request, row_versions

if TYPE_CHECKING:
    from drena.demo.offices import Office
    from drena.demo.showing import Showing

TOUCHES: Final = ((CONTMAX, 7, ("Telefone", "Honorario")), (HORIZONTE, 11, ("Obrigacoes",)))
"""Whose companies change, how many, and what of them: once plain values, once a nested one, which the old system never
saw."""


async def quiet(show: Showing) -> None:
    """Sync both when nothing has changed."""
    screen = show.screen
    screen.heading(5, "quiet_title")
    before = {office: await row_versions(show, office) for office in OFFICES}
    views = await follow(show, await request(show, *OFFICES))
    for office in OFFICES:
        did = counters(views[office]) if office in views else None
        screen.expect(
            "expect_nothing",
            {"read": office.companies, "created": 0, "updated": 0},
            did,
            tenant=office.slug,
            count=office.companies,
        )
        screen.expect("expect_untouched", set(), await _written(show, office, before[office]), tenant=office.slug)


async def changes(show: Showing) -> None:
    """Sync both when a few companies have changed."""
    screen, source = show.screen, show.stage.source
    screen.heading(6, "changes_title")
    before = {office: await row_versions(show, office) for office in OFFICES}
    touched = {office: await source.touch(office, count, *keys) for office, count, keys in TOUCHES}
    for office, count, keys in TOUCHES:
        screen.say("changes_intro", tenant=office.slug, count=count, what=", ".join(keys))
    await follow(show, await request(show, *OFFICES))
    for office, ids in touched.items():
        written = await _written(show, office, before[office])
        screen.expect("expect_touched", ids, written, tenant=office.slug, count=len(ids))
        found = await agreement(show, office)
        screen.expect(
            "expect_mirror",
            (found.documents, 0),
            (found.equal, found.unknown),
            tenant=office.slug,
            count=found.documents,
        )


async def _written(show: Showing, office: Office, before: dict[str, str]) -> set[str]:
    """The companies written since then, by the source's ID."""
    return {key for key, version in (await row_versions(show, office)).items() if before.get(key) != version}
