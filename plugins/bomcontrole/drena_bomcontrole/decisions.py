"""Which invoice a fee belongs on, and what is to be done with it. Pure.

An invoice is written at most once for each time it was read: the value it had is noted, with the value to be set,
before the first request that may change it. Whoever comes after an unknown outcome (a lost answer, a killed daemon)
reads the invoice again and finds one of three things:

    it has the wanted value     the request arrived: done
    it has the noted value      it did not: send it
    it has any other value      somebody else set it since: leave it alone, and say so
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import TYPE_CHECKING, Literal

import msgspec

if TYPE_CHECKING:
    from collections.abc import Sequence

    from drena_bomcontrole.answers import Invoice
    from drena_bomcontrole.fees import Month

Verdict = Literal["synced", "unchanged", "not_found", "warning_multiple", "failed"]


class Intent(msgspec.Struct, frozen=True, kw_only=True):
    """A request that may have been sent: committed before it is."""

    invoice: str
    before: Decimal
    wanted: Decimal
    several: bool


class Settled(msgspec.Struct, frozen=True, kw_only=True):
    """Nothing is left to be done for this company."""

    verdict: Verdict
    message: str = ""
    invoice: Invoice | None = None
    written: bool = False
    """The invoice has another value than before the job."""


class Send(msgspec.Struct, frozen=True, kw_only=True):
    """Set this value on this invoice."""

    invoice: Invoice
    intent: Intent


def choose(invoices: Sequence[Invoice], month: Month) -> Invoice | None:
    """The invoice of the month: the only one; else the only one of billing; else the one due nearest the 15th."""
    within = [each for each in invoices if each.due is None or month.first <= each.due <= month.last]
    if len(within) <= 1:
        return within[0] if within else None
    billing = [each for each in within if each.tipo_fatura == 0]
    if len(billing) == 1:
        return billing[0]
    return min(
        within, key=lambda each: (abs((each.due or dt.date.max) - month.middle), each.due or dt.date.max, each.id)
    )


def decide(invoices: Sequence[Invoice], month: Month, wanted: Decimal, intent: Intent | None) -> Settled | Send:
    """What to do for a company, from its invoices as they stand.

    Args:
        invoices: of its contract, for the month.
        month: the fee's.
        wanted: the fee.
        intent: what an earlier try may have sent.
    """
    if intent is not None:
        return _after_unknown(invoices, intent)
    invoice = choose(invoices, month)
    if invoice is None:
        return Settled(verdict="not_found", message=f"nenhuma fatura vence em {month}")
    if invoice.valor == wanted:
        return Settled(verdict="unchanged", invoice=invoice)
    if invoice.valor is None:
        return Settled(verdict="failed", message=f"a fatura {invoice.id} não mostra o valor", invoice=invoice)
    if invoice.quitado:
        return Settled(verdict="failed", message=f"a fatura {invoice.id} já está quitada", invoice=invoice)
    several = sum(each.due is None or month.first <= each.due <= month.last for each in invoices) > 1
    return Send(
        invoice=invoice,
        intent=Intent(invoice=str(invoice.id), before=invoice.valor, wanted=wanted, several=several),
    )


def _after_unknown(invoices: Sequence[Invoice], intent: Intent) -> Settled | Send:
    invoice = next((each for each in invoices if str(each.id) == intent.invoice), None)
    if invoice is None:
        return Settled(verdict="failed", message=f"a fatura {intent.invoice} não aparece mais")
    if invoice.valor == intent.wanted:
        return done(invoice, intent)
    if invoice.valor != intent.before:
        words = f"a fatura {invoice.id} passou a {invoice.valor} por outra via: confira antes de enviar de novo"
        return Settled(verdict="failed", message=words, invoice=invoice)
    if invoice.quitado:
        return Settled(verdict="failed", message=f"a fatura {invoice.id} já está quitada", invoice=invoice)
    return Send(invoice=invoice, intent=intent)


def done(invoice: Invoice, intent: Intent) -> Settled:
    """The value is set."""
    if intent.several:
        message = f"havia várias faturas no mês: foi alterada a {invoice.id}"
        return Settled(verdict="warning_multiple", message=message, invoice=invoice, written=True)
    return Settled(verdict="synced", invoice=invoice, written=True)
