"""What an operator may set per office, in `tenant_integrations.config`."""

from __future__ import annotations

from typing import Annotated

import msgspec

Share = Annotated[float, msgspec.Meta(gt=0, le=1)]


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Defaults are right for an office of any size known; the README says what each is for."""

    link_at: Share = 0.85
    """From this similarity on a contact is linked to a company that has none."""
    review_at: Share = 0.70
    """From this similarity on a person is asked."""
    page_size: Annotated[int, msgspec.Meta(ge=1, le=500)] = 100
    max_pages: Annotated[int, msgspec.Meta(ge=1, le=5000)] = 2000
    """A list longer than this is taken for a fault."""
    confirm_delay_s: Annotated[float, msgspec.Meta(ge=0, le=120)] = 3.0
    """How long to wait before asking for an empty page a second time."""

    def __post_init__(self) -> None:
        if self.review_at > self.link_at:
            raise ValueError("review_at must not be above link_at")
