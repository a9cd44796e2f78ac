"""Asking the API. Pace, timeouts and the repetition of GETs are the daemon's (`Context.http`).

A PUT is never repeated by the daemon nor here: whoever gets `Unknown` has to read the invoice before the next one.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import msgspec

from drena.api import GiveUp, RetryLater
from drena_bomcontrole.address import PAGE_SIZE, contract, invoice_value, repair, search
from drena_bomcontrole.answers import Contract, Found, Invoice, Refused, decode, judge, listed
from drena_bomcontrole.documents import documents_of

if TYPE_CHECKING:
    import datetime as dt
    from decimal import Decimal

    import httpx2

    from drena.api import CheckContext

_SCHEME: Final = re.compile(r"apikey\s+", re.IGNORECASE)
_KEY: Final = re.compile(r"[!-~]+")
_encode: Final = msgspec.json.Encoder(decimal_format="number").encode


class Done(msgspec.Struct, frozen=True):
    """The API says that the value is set."""


class Unknown(msgspec.Struct, frozen=True):
    """No answer, or one that does not say whether the value is set."""

    trouble: RetryLater


class Client:
    """The API as one office sees it.

    Raises:
        GiveUp: `secret_missing`, `key_invalid` or `config_invalid`, before any request.
    """

    def __init__(self, ctx: CheckContext) -> None:
        self._http = ctx.http
        self._base = repair(ctx.base_url)
        self._max_pages: int = ctx.settings.max_search_pages
        self._headers = {"Authorization": f"ApiKey {_clean(ctx.secret('api_key'))}", "Accept": "application/json"}

    async def reachable_contracts(self) -> int | None:
        """How many contracts the key sees; None when the API does not say."""
        response = await self._get(search(self._base, "", 1, size=1))
        if (refused := _judged(response)) is not None:
            raise _refusal(refused)
        page = listed(response.content)
        return page.total_itens

    async def contracts_of(self, document: str) -> list[str]:
        """The contracts of the client with exactly this document, by number; the search itself is fuzzy.

        Raises:
            GiveUp: `too_many_pages`, `pagination_repeated` or `request_refused`.
        """
        found: dict[int, Found] = {}
        seen = 0
        for page in range(1, self._max_pages + 1):
            response = await self._get(search(self._base, document, page))
            if (refused := _judged(response)) is not None:
                raise _refusal(refused)
            listing = listed(response.content)
            if not listing.itens:
                if listing.total_itens is not None and seen < listing.total_itens:
                    raise RetryLater(
                        None,
                        "A busca de contratos do BomControle terminou antes do total que ela informa.",
                        code="cut_short",
                    )
                break
            if all(each.id in found for each in listing.itens):
                raise GiveUp(
                    "pagination_repeated", "O BomControle repete a mesma página da busca: a leitura foi interrompida."
                )
            seen += len(listing.itens)
            found.update({each.id: each for each in listing.itens})
            if listing.total_itens is not None and seen >= listing.total_itens:
                break
            if listing.total_itens is None and len(listing.itens) < PAGE_SIZE:
                break
        else:
            raise GiveUp(
                "too_many_pages",
                f"A busca por um documento passou de {self._max_pages} páginas: aumente max_search_pages.",
            )
        return [str(each.id) for each in found.values() if document in documents_of(each.cliente)]

    async def invoices(self, number: str, first: dt.date, last: dt.date) -> list[Invoice] | Refused:
        """The invoices of a contract that fall due within a period."""
        response = await self._get(contract(self._base, number, first, last))
        refused = _judged(response)
        return decode(response.content, Contract).faturas or [] if refused is None else refused

    async def set_value(self, invoice: int, value: Decimal) -> Done | Refused | Unknown:
        """Set the value of an invoice: one request, never repeated."""
        try:
            response = await self._http.put(
                invoice_value(self._base, invoice),
                content=_encode({"Valor": value}),
                headers={**self._headers, "Content-Type": "application/json"},
                extensions={"drena.retry": False},
            )
            return _judged(response) or Done()
        except RetryLater as trouble:  # ProviderUnreachable is one
            return Unknown(trouble)

    async def _get(self, address: str) -> httpx2.Response:
        return await self._http.get(address, headers=self._headers)


def _judged(response: httpx2.Response) -> Refused | None:
    return judge(response.status_code, response.headers.get("Retry-After"))


def _refusal(refused: Refused) -> GiveUp:
    return GiveUp(
        "request_refused",
        f"O BomControle recusou a requisição (HTTP {refused.status}): confira o endereço da integração.",
    )


def _clean(secret: str) -> str:
    """The bare key: people paste it with a line break, or with the word ApiKey."""
    key = _SCHEME.sub("", secret.strip())
    if not _KEY.fullmatch(key):
        raise GiveUp(
            "key_invalid", "A chave do BomControle está vazia ou tem espaços ou acentos: copie-a de novo, por inteiro."
        )
    return key
