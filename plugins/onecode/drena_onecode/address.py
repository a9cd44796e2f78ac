"""The address of an office's own host, from what an operator typed. Pure."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import urlsplit

from drena.api import GiveUp

_NOBODY_S: Final = "api.acessorias.com"
"""The column's default: nobody gave this integration an address."""
_HOST: Final = re.compile(r"[a-z0-9.-]+|[0-9a-f:.]+")
_NAME: Final = re.compile(r"[A-Za-z0-9-]+")


def repair(typed: str | None) -> str:
    """The base address, without a slash at the end. A bare name stands for ``api-<name>.onecode.chat``.

    Raises:
        GiveUp: `config_invalid`, when no address can be made of it.
    """
    text = (typed or "").strip()
    if _NAME.fullmatch(text) and text != "localhost":
        text = f"https://api-{text.lower().removeprefix('api-')}.onecode.chat"
    text = text if "://" in text else f"https://{text.lstrip('/')}"
    try:
        parts = urlsplit(text)
        host = (parts.hostname or "").lower()
        _ = parts.port  # raises when it is none
    except ValueError as error:
        raise _invalid() from error
    if parts.scheme not in {"http", "https"} or "@" in parts.netloc or not _HOST.fullmatch(host) or host == _NOBODY_S:
        raise _invalid()
    scheme = "https" if host.endswith(".onecode.chat") else parts.scheme  # the token travels in a header
    return f"{scheme}://{parts.netloc}{re.sub(r'(/api(/contacts)?)?/*$', '', parts.path)}"


def _invalid() -> GiveUp:
    return GiveUp(
        "config_invalid",
        "Informe no base_url da integração o endereço do OneCode deste escritório: https://api-<nome>.onecode.chat.",
    )


def contacts_page(base: str, page: int, size: int) -> str:
    """The address of one page."""
    return f"{base}/api/contacts?page={page}&pageSize={size}"
