"""The API's address, from what an operator typed.

Base ``https://api.acessorias.com``, no version prefix. People paste the address of the documentation page, leave the
scheme out or a slash in.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, urlsplit

from drena.api import GiveUp

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

DEFAULT: Final = "https://api.acessorias.com"
_OFFICIAL_HOST: Final = "api.acessorias.com"
_TAIL: Final = re.compile(r"(/+documentation(/.*)?|/+)$", re.IGNORECASE)
_HOST: Final = re.compile(r"[a-z0-9.-]+|[0-9a-f:.]+")
_SPACE: Final = re.compile(r"\s")


def repair(typed: str | None) -> str:
    """The base address, without a slash at the end.

    The official host is always spoken to over TLS, whatever was typed: the token travels in a header.

    Raises:
        GiveUp: `config_invalid`, when no address can be made of it.
    """
    text = (typed or "").strip() or DEFAULT
    text = text if "://" in text else f"https://{text.lstrip('/')}"
    try:
        parts = urlsplit(text)
        host = (parts.hostname or "").lower()
        _ = parts.port  # raises when it is none
    except ValueError as error:
        raise _invalid() from error
    if (
        parts.scheme not in {"http", "https"}
        or "@" in parts.netloc
        or not _HOST.fullmatch(host)
        or _SPACE.search(parts.path)
    ):
        raise _invalid()
    scheme = "https" if host == _OFFICIAL_HOST else parts.scheme
    return f"{scheme}://{parts.netloc}{_TAIL.sub('', parts.path)}"


def _invalid() -> GiveUp:
    return GiveUp(
        "config_invalid",
        f"O endereço (base_url) configurado para o Acessórias não é válido; o normal é {DEFAULT}.",
    )


def companies_page(base: str, page: int, include: Sequence[str]) -> str:
    """The address of one page of companies.

    The flags are presence-only: ``?obligations&contacts``. With a value (``=1``) they mean something else. The page is
    called `Pagina`; a name the API does not know is ignored, and page 1 comes back for ever.
    """
    return f"{base}/companies/ListAll?{'&'.join([*include, f'Pagina={page}'])}"


def deliveries_page(
    base: str, document: str | None, page: int, *, first: dt.date, last: dt.date, since: str | None = None
) -> str:
    """The address of one page of deliveries, of one company or of all.

    Both days are mandatory: without them the API answers 204, the same as "nothing". `config` is presence-only;
    ``config=1`` would mean delivery 1.

    Args:
        base: as `repair` made it.
        document: without punctuation; None for all companies.
        page: from 1.
        first: earliest deadline.
        last: latest deadline.
        since: `DtLastDH`, ``YYYY-MM-DD HH:MM:SS``.
    """
    changed = f"&DtLastDH={quote(since)}" if since else ""
    return f"{base}/deliveries/{document or 'ListAll'}?config&DtInitial={first}&DtFinal={last}{changed}&Pagina={page}"
