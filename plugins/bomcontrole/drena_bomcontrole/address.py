"""Addresses of the API, from what an operator typed. Pure.

Spaces are ``%20``: a ``+`` is not understood. So queries are written here and not left to an encoder of forms.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, urlsplit

from drena.api import GiveUp

if TYPE_CHECKING:
    import datetime as dt

DEFAULT: Final = "https://apinewintegracao.bomcontrole.com.br/integracao"
PAGE_SIZE: Final = 100
OTHERS_DEFAULT: Final = "https://api.acessorias.com"
"""What the column `tenant_integrations.base_url` holds for every integration nobody gave an address."""
_OFFICIAL: Final = "bomcontrole.com.br"
_HOST: Final = re.compile(r"[a-z0-9.-]+|[0-9a-f:.]+")


def repair(typed: str | None) -> str:
    """The base address, ending in ``/integracao``.

    Raises:
        GiveUp: `config_invalid`, when no address can be made of it.
    """
    text = (typed or "").strip()
    text = DEFAULT if text.rstrip("/") in {"", OTHERS_DEFAULT} else text
    text = text if "://" in text else f"https://{text.lstrip('/')}"
    try:
        parts = urlsplit(text)
        host = (parts.hostname or "").lower()
        _ = parts.port  # raises when it is none
    except ValueError as error:
        raise _invalid() from error
    if parts.scheme not in {"http", "https"} or "@" in parts.netloc or not _HOST.fullmatch(host):
        raise _invalid()
    scheme = "https" if host.endswith(_OFFICIAL) else parts.scheme  # the key travels in a header
    path = parts.path.rstrip("/")
    path = path if path.lower().endswith("/integracao") else f"{path}/integracao"
    return f"{scheme}://{parts.netloc}{path}"


def _invalid() -> GiveUp:
    return GiveUp(
        "config_invalid",
        f"O endereço (base_url) configurado para o BomControle não é válido; o normal é {DEFAULT}.",
    )


def search(base: str, text: str, page: int, size: int = PAGE_SIZE) -> str:
    """A page of the contracts that look like a text; of all contracts when it is empty."""
    wanted = f"pesquisa={quote(text, safe='')}&" if text else ""
    return f"{base}/VendaContrato/Pesquisar?{wanted}paginacao.itensPorPagina={size}&paginacao.numeroDaPagina={page}"


def contract(base: str, number: str, first: dt.date, last: dt.date) -> str:
    """A contract with its invoices that fall due from one day to another, both included."""
    begin, end = quote(f"{first} 00:00:00"), quote(f"{last} 23:59:59")
    return f"{base}/VendaContrato/Obter/{quote(number, safe='')}?inicioPeriodo={begin}&terminoPeriodo={end}"


def invoice_value(base: str, number: int) -> str:
    """Where the value of an invoice is set."""
    return f"{base}/Fatura/AlterarValor/{number}"
