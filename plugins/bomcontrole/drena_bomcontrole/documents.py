"""CNPJ and CPF in one form, whatever punctuation stands between. Pure."""

from __future__ import annotations

import re
from typing import Any, Final

_NOT_KEPT: Final = re.compile(r"[^0-9A-Za-z]")
_DOCUMENT: Final = re.compile(r"[0-9]{11}|[0-9A-Z]{12}[0-9]{2}")
_KEYS: Final = ("Documento", "Cnpj", "CNPJ", "Cpf", "CPF")


def document(given: Any) -> str | None:
    """The normalised document in a text; None when it is none."""
    kept = _NOT_KEPT.sub("", given).upper() if isinstance(given, str) else ""
    return kept if _DOCUMENT.fullmatch(kept) else None


def documents_of(client: Any) -> frozenset[str]:
    """Every document of a client as the API shows it: at the top, or under `PessoaJuridica` or `PessoaFisica`."""
    if not isinstance(client, dict):
        return frozenset()
    own = {found for key in _KEYS if (found := document(client.get(key)))}
    for inner in client.values():
        own |= documents_of(inner)
    return frozenset(own)
