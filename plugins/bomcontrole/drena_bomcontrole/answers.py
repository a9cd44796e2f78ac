"""What one answer of the API means. Pure. Money is `Decimal` from the digits of the JSON on; no float is ever made."""

from __future__ import annotations

import datetime as dt
import re
from decimal import Decimal
from typing import Any, Final, TypeVar

import msgspec

from drena.api import GiveUp, RetryLater

Shape = TypeVar("Shape")
_HTML: Final = re.compile(rb"\s*<[!a-zA-Z]")
_BOM: Final = b"\xef\xbb\xbf"
_ISO_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}")
NO_MONEY: Final = Decimal(0)


class Invoice(msgspec.Struct, frozen=True, kw_only=True, rename="pascal"):
    """A `Fatura`, as far as it matters here."""

    id: int
    tipo_fatura: int | None = None
    """0 is billing."""
    data_vencimento: str | None = None
    data_competencia: str | None = None
    valor: Decimal | None = None
    quitado: bool | None = None
    data_pagamento: str | None = None
    valor_pagamento: Decimal | None = None

    @property
    def due(self) -> dt.date | None:
        return day(self.data_vencimento)

    @property
    def paid_on(self) -> dt.date | None:
        return day(self.data_pagamento)


class Contract(msgspec.Struct, frozen=True, kw_only=True, rename="pascal"):
    """A `VendaContrato` with the invoices of a period."""

    faturas: list[Invoice] | None = None


class Found(msgspec.Struct, frozen=True, kw_only=True, rename="pascal"):
    """A contract in a search."""

    id: int
    cliente: Any = None


class Envelope(msgspec.Struct, frozen=True, kw_only=True, rename="pascal"):
    """One of the two forms of a search; the other is the bare list."""

    itens: list[Found]
    total_itens: int | None = None


class Refused(msgspec.Struct, frozen=True):
    """The API does not do this, and would not a minute later."""

    status: int

    @property
    def words(self) -> str:
        return "não existe no BomControle (404)" if self.status == 404 else f"recusado pelo BomControle ({self.status})"


def day(text: str | None) -> dt.date | None:
    """The day in ``2026-11-15 00:00:00`` or ``2026-11-15T00:00:00``; None for anything else."""
    found = _ISO_DAY.match(text or "")
    try:
        return dt.date.fromisoformat(found.group()) if found else None
    except ValueError:
        return None


def judge(status: int, retry_after: str | None = None) -> Refused | None:
    """What a status means: None for a good one.

    Args:
        status: of the answer, after the retries that `Context.http` makes by itself.
        retry_after: the header; only whole seconds are used.

    Raises:
        GiveUp: the key is refused.
        RetryLater: the API is out of order or out of patience.
    """
    if 200 <= status < 300:
        return None
    if status in {401, 403}:
        raise GiveUp(
            "key_invalid",
            f"O BomControle recusou a chave da API ({status}): gere uma nova e configure-a neste escritório.",
        )
    if status == 429:
        raise RetryLater(
            _seconds(retry_after), "O BomControle pediu para esperar: limite de requisições (429).", code="rate_limited"
        )
    if status >= 500 or status in {408, 425}:
        raise RetryLater(
            _seconds(retry_after),
            f"O BomControle está fora do ar ou sobrecarregado (HTTP {status}).",
            code="provider_down",
        )
    return Refused(status)


def _seconds(retry_after: str | None) -> float | None:
    text = (retry_after or "").strip()
    return float(text) if text.isascii() and text.isdigit() and len(text) <= 6 else None


def decode(body: bytes, shape: type[Shape]) -> Shape:
    """A body as a value of this shape.

    Raises:
        RetryLater: it is cut, no JSON, or of another shape.
    """
    try:
        return msgspec.json.decode(body.removeprefix(_BOM), type=shape)
    except msgspec.ValidationError as error:
        raise RetryLater(None, "O BomControle respondeu em um formato desconhecido.", code="answer_unknown") from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        if _HTML.match(body):
            raise RetryLater(
                None, "O BomControle respondeu com uma página HTML em vez de dados.", code="answer_html"
            ) from error
        raise RetryLater(
            None, "A resposta do BomControle veio cortada ou ilegível (JSON inválido).", code="answer_invalid"
        ) from error


def listed(body: bytes) -> Envelope:
    """A page of a search, in either form."""
    if body.removeprefix(_BOM).lstrip().startswith(b"["):
        return Envelope(itens=decode(body, list[Found]))
    return decode(body, Envelope)
