"""What an operator may set per office, in `tenant_integrations.config`."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

Section = Literal["obligations", "contacts", "departments", "registrationData", "stateRegistrations"]


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Defaults are right for an office of any size known; the README says what each is for."""

    max_pages: Annotated[int, msgspec.Meta(ge=1, le=5000)] = 1000
    """A list longer than this, at 20 companies a page, is taken for a fault."""
    confirm_delay_s: Annotated[float, msgspec.Meta(ge=0, le=120)] = 3.0
    """How long to wait before asking for an empty page a second time."""
    min_share: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.5
    """A list with a smaller share of the companies known from before is an error. Companies that left Acessórias stay
    known, so an office that lost most of its clients may need less."""
    include: tuple[Section, ...] = ("obligations", "contacts", "departments", "registrationData", "stateRegistrations")
    """Parts of a company to ask for beside the base fields."""
