"""Everything the fake knows at one moment: offices, switchboard, ledger, and how it was started."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from fake_acessorias.board import Board
from fake_acessorias.ledger import Ledger
from fake_acessorias.office import Office

if TYPE_CHECKING:
    from collections.abc import Iterable


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """How the fake was started, and what a reset goes back to."""

    seed: int = 7
    offices: dict[str, int] = {}
    """Token of each office and how many companies it has."""
    knobs: dict[str, Any] = {}
    office_knobs: dict[str, dict[str, Any]] = {}
    admin: bool = True
    admin_token: str | None = None
    record: int = 10_000
    """How many requests the ledger keeps."""


class Source:
    """The state that requests are answered from. No I/O and no clock: the time comes with each request."""

    def __init__(self, plan: Plan) -> None:
        """Build the offices.

        Raises:
            KnobError: a knob of the plan is wrong.
        """
        self.plan = plan
        self.ledger = Ledger(plan.record)
        self.board: Board
        self.offices: dict[str, Office]
        self.reset(("knobs", "offices"))

    def reset(self, parts: Iterable[str] = ("knobs", "offices", "requests")) -> None:
        """Go back to the state at the start, whole or in parts."""
        for part in parts:
            if part == "knobs":
                self.board = Board(self.plan.knobs, self.plan.office_knobs)
            elif part == "offices":
                self.offices = {token: Office(self.plan.seed, token, n) for token, n in self.plan.offices.items()}
            else:
                self.ledger.clear()

    def open_office(self, token: str, size: int) -> Office:
        """Add an office, or put a new one in the place of an old one."""
        office = self.offices[token] = Office(self.plan.seed, token, size)
        return office
