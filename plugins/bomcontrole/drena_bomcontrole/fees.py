"""The fees of a month, from a job's payload. Pure.

    {"competencia": "2026-11",
     "honorarios": [{"empresa_id": "5e8b…", "valor": "1412.00"}, {"cnpj": "11.222.333/0001-81", "valor": 990.5}]}

`items` with `portal_company_id` and `valor_total_mes`, as the old system sent them, is understood too.

An amount is best written as text. A JSON number has passed through the daemon's decoder as a float; the shortest
decimal that names that float is what was typed, for any amount of up to 15 digits, and that is what is taken.
"""

from __future__ import annotations

import calendar
import datetime as dt
import re
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

import msgspec

from drena.api import GiveUp
from drena_bomcontrole.documents import document

if TYPE_CHECKING:
    from collections.abc import Mapping

MOST: Final = 20_000
_CENTS: Final = Decimal("0.01")
_LIMIT: Final = Decimal(10) ** 10
_MONTH: Final = re.compile(r"(\d{4})-(0[1-9]|1[0-2])")
_NUMBER: Final = re.compile(r"-?\d+(\.\d+)?([eE][+-]?\d+)?")


class Month(msgspec.Struct, frozen=True, order=True):
    """A month of a year."""

    year: int
    number: int

    @property
    def first(self) -> dt.date:
        return dt.date(self.year, self.number, 1)

    @property
    def last(self) -> dt.date:
        return dt.date(self.year, self.number, calendar.monthrange(self.year, self.number)[1])

    @property
    def middle(self) -> dt.date:
        """The 15th."""
        return dt.date(self.year, self.number, 15)

    def back(self, months: int) -> Month:
        """So many months before this one."""
        count = self.year * 12 + self.number - 1 - months
        return Month(count // 12, count % 12 + 1)

    def __str__(self) -> str:
        return f"{self.year:04}-{self.number:02}"


class Fee(msgspec.Struct, frozen=True, kw_only=True):
    """What one company owes for the month."""

    empresa_id: UUID | None
    document: str | None
    amount: Decimal

    @property
    def problem(self) -> str | None:
        """Why it cannot be sent; None when it can."""
        return None if self.amount > 0 else "o honorário é zero: nada foi enviado"


class Batch(msgspec.Struct, frozen=True):
    """All fees of a payload."""

    month: Month
    fees: list[Fee]


def month_of(day: dt.date) -> Month:
    """The month a day is in."""
    return Month(day.year, day.month)


def batch_of(payload: Mapping[str, Any]) -> Batch | None:
    """The fees of a job; None when its payload speaks of none.

    Raises:
        GiveUp: `payload_invalid`, naming the item.
    """
    if "competencia" not in payload and "honorarios" not in payload and "items" not in payload:
        return None
    month = _month(payload.get("competencia"))
    rows = payload.get("honorarios", payload.get("items"))
    if not isinstance(rows, list) or not rows:
        raise _wrong("`honorarios` precisa ser uma lista com ao menos um item")
    if len(rows) > MOST:
        raise _wrong(f"`honorarios` tem {len(rows)} itens; o máximo é {MOST}")
    fees = [_fee(row, number) for number, row in enumerate(rows, 1)]
    seen: set[UUID | str | None] = set()
    for number, fee in enumerate(fees, 1):
        if (who := fee.empresa_id or fee.document) in seen:
            raise _wrong(f"o item {number} repete a empresa de um item anterior")
        seen.add(who)
    return Batch(month, fees)


def _month(given: Any) -> Month:
    found = _MONTH.fullmatch(given) if isinstance(given, str) else None
    if found is None:
        raise _wrong('`competencia` precisa ser um mês como "2026-11"')
    return Month(int(found[1]), int(found[2]))


def _fee(row: Any, number: int) -> Fee:
    if not isinstance(row, dict):
        raise _wrong(f"o item {number} não é um objeto")
    company = row.get("empresa_id", row.get("portal_company_id"))
    known = document(row.get("cnpj"))
    try:
        empresa_id = None if company is None else UUID(str(company))
    except ValueError as error:
        raise _wrong(f"o `empresa_id` do item {number} não é um UUID") from error
    if empresa_id is None and known is None:
        raise _wrong(f"o item {number} não diz a empresa: `empresa_id`, ou um `cnpj` válido")
    return Fee(
        empresa_id=empresa_id, document=known, amount=_amount(row.get("valor", row.get("valor_total_mes")), number)
    )


def _amount(given: Any, number: int) -> Decimal:
    text = repr(given) if isinstance(given, int | float) and not isinstance(given, bool) else given
    try:
        amount = Decimal(text) if isinstance(text, str) and _NUMBER.fullmatch(text) else None
    except InvalidOperation:
        amount = None
    if amount is None or not 0 <= amount < _LIMIT or amount != amount.quantize(_CENTS):
        raise _wrong(f'o `valor` do item {number} precisa ser um valor em reais com até duas casas, como "1412.00"')
    return amount.quantize(_CENTS)


def _wrong(what: str) -> GiveUp:
    return GiveUp("payload_invalid", f"O pedido de honorários está errado: {what}.")
