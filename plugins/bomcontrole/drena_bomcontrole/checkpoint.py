"""Where a job stands: what a new attempt needs to know, and what the result tells. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from drena_bomcontrole.decisions import Intent

if TYPE_CHECKING:
    from drena_bomcontrole.decisions import Settled

_TOLD: Final = 100
_WORDS: Final = 160


class Told(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A company a person should look at."""

    company: str
    verdict: str
    message: str


class Pushed(msgspec.Struct, frozen=True, kw_only=True):
    """How far the fees are."""

    next: int = 0
    """Place in the payload of the fee that is next."""
    synced: int = 0
    unchanged: int = 0
    not_found: int = 0
    warning_multiple: int = 0
    failed: int = 0
    told: tuple[Told, ...] = ()
    """The first of those that were not simply synced or unchanged."""
    intent: Intent | None = None
    """What may have been sent for the fee that is next."""

    def after(self, settled: Settled, company: str) -> Pushed:
        """With one fee more."""
        told = self.told
        if settled.message and len(told) < _TOLD:
            told = (*told, Told(company=company[:80], verdict=settled.verdict, message=settled.message[:_WORDS]))
        counted = {settled.verdict: getattr(self, settled.verdict) + 1}
        return msgspec.structs.replace(self, next=self.next + 1, told=told, intent=None, **counted)

    @property
    def good(self) -> int:
        return self.synced + self.unchanged + self.warning_multiple


class Pulled(msgspec.Struct, frozen=True, kw_only=True):
    """How far the payments are."""

    after: str = ""
    """The contract that was asked for last."""
    contracts: int = 0
    read: int = 0
    paid: int = 0
    missing: int = 0
    """Invoices that their contract does not show any more."""
    refused: int = 0
    """Contracts that the API does not answer for."""


class Checkpoint(msgspec.Struct, frozen=True, kw_only=True):
    """Committed with what it speaks of."""

    fees: Pushed = Pushed()
    payments: Pulled = Pulled()
