"""What an operator may set per office, in `tenant_integrations.config`."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

Entity = Literal["companies", "deliveries"]
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
    entities: tuple[Entity, ...] = ("companies", "deliveries")
    """What a job without a lane mirrors. The first reading of deliveries takes three requests a company: an office that
    does not use them names the companies alone."""
    deliveries_back_days: Annotated[int, msgspec.Meta(ge=0, le=3650)] = 365
    """How far back deadlines are read."""
    deliveries_ahead_days: Annotated[int, msgspec.Meta(ge=0, le=3650)] = 365
    """How far ahead deadlines are read."""
    window_days: Annotated[int, msgspec.Meta(ge=1, le=7500)] = 800
    """The most days one request for deliveries spans; fewer make more requests of fewer pages."""
    overlap_minutes: Annotated[int, msgspec.Meta(ge=0, le=1440)] = 120
    """How far before the last reading changes are asked for again."""
    full_every_days: Annotated[int, msgspec.Meta(ge=1, le=365)] = 7
    """After how many days deliveries are read company by company again, whatever was followed in between."""
