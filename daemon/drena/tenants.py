"""The tenants somebody sees, for people who see so many that they have to look for them.

As in `operations.py`: each takes what it runs on and a principal, and tells nothing of what he may not see.
"""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

from drena.cursors import Page, page_of, place_of
from drena.store.web import TenantPlace, count_integrations, read_tenants_page

if TYPE_CHECKING:
    from drena.access import Principal
    from drena.store.jobs import Executor
    from drena.store.web import Counts


async def list_tenants(
    on: Executor,
    principal: Principal,
    *,
    search: str = "",
    state: str | None = None,
    limit: int = 200,
    cursor: str | None = None,
) -> Page:
    """A page of the tenants he sees, by name, as `TenantRow`s.

    Args:
        on: where.
        principal: who asks.
        search: words that stand in name or slug, without regard to accents and case.
        state: that of one of its integrations: `active`, `error`, `success`, `idle`; `any` for whoever has one.
        limit: how many.
        cursor: of the page before.

    Raises:
        Refused: `cursor_invalid`.
    """
    found = await read_tenants_page(
        on,
        tenants=principal.tenants,
        words=_words(search),
        state=state,
        after=place_of(cursor, TenantPlace),
        limit=limit + 1,
    )
    return page_of(found, limit)


async def count(on: Executor, principal: Principal, *, search: str = "") -> Counts:
    """How many integrations of the tenants he sees, and that the words of `search` name, are in which state."""
    return await count_integrations(on, principal.tenants, _words(search))


def _words(search: str) -> list[str]:
    """The words of a search as `drena.folded` writes them."""
    plain = "".join(each for each in unicodedata.normalize("NFD", search) if not "\u0300" <= each <= "\u036f")
    return plain.lower().replace("\0", " ").split()
