"""What an operator may set per office, in `tenant_integrations.config`."""

from __future__ import annotations

from typing import Annotated

import msgspec


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Defaults are right for an office of any size known; the README says what each is for."""

    months: Annotated[int, msgspec.Meta(ge=1, le=24)] = 4
    """Payments are asked for over so many months, this one included."""
    grace_days: Annotated[int, msgspec.Meta(ge=0, le=365)] = 62
    """How many days after the end of this month a due date that was put off may lie."""
    max_search_pages: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 20
    """A search for one company that shows more pages (of 100 contracts) is a fault."""
