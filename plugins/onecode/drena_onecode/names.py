"""Names of contacts and companies in one form. Pure.

A contact is called "EMPRESA - pessoa": what stands before the last separator is the company. A separator is a dash or a
bar with blanks around it, so that the hyphen in "Auto-Peças" is none. What remains is compared without accents,
punctuation, case and the words that every company has.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

_SEPARATOR: Final = re.compile(r"\s+[-–—|/]+\s+")
_SHORTENED: Final = re.compile(r"\b(?:S\s*[./]\s*[AS]\b\.?|S\.A\.?)", re.IGNORECASE)
_NOT_KEPT: Final = re.compile(r"[^A-Z0-9]+")
_LEGAL: Final = frozenset({"LTDA", "ME", "EPP", "EIRELI", "MEI", "SA", "SS", "LIMITADA", "CIA"})


def normalise(name: str) -> str:
    """The name as it is compared; empty when nothing is left of it."""
    plain = unicodedata.normalize("NFKD", _SHORTENED.sub(" ", name)).encode("ascii", "ignore").decode().upper()
    words = [word for word in _NOT_KEPT.sub(" ", plain).split() if word not in _LEGAL]
    return " ".join(words)


def company_part(contact: str) -> str:
    """What a contact's name says of the company: all before the last separator, or all of it."""
    parts = _SEPARATOR.split(contact.strip())
    if len(parts) == 1:
        return parts[0]
    last = list(_SEPARATOR.finditer(contact.strip()))[-1]
    return contact.strip()[: last.start()]
