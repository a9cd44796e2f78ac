"""Whether a delivery is done, and what else may be said of it. Pure.

Offices word the labels themselves, so the dates decide first: a day of delivery or of completion means done, whatever
the label says. The beginning of the label decides second. A label nobody foresaw is `unknown`: kept as it came,
counted and told, never dropped and never guessed.
"""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from typing import Any, Final, Literal

Status = Literal["delivered", "pending", "late", "waived", "unknown"]

PREFIXES: Final[tuple[tuple[str, Status], ...]] = (
    ("dispensad", "waived"),
    ("atras", "late"),
    ("pend", "pending"),
    ("prazo tec", "pending"),
    ("entreg", "delivered"),
    ("ent.", "delivered"),
)
"""How a label begins, in small letters without accents, and what it means."""
_ISO: Final = re.compile(r"(\d{4})-(\d{2})-(\d{2})(?:[ T].*)?", re.ASCII)
_BRAZILIAN: Final = re.compile(r"(\d{2})/(\d{2})/(\d{4})(?:[ T].*)?", re.ASCII)


def day(value: Any) -> dt.date | None:
    """The day in a value of the API; None for ``0000-00-00``, an empty text, a mask or anything else that is no day."""
    if not isinstance(value, str):
        return None
    text = value.strip()
    if found := _ISO.fullmatch(text):
        year, month, number = map(int, found.groups())
    elif found := _BRAZILIAN.fullmatch(text):
        number, month, year = map(int, found.groups())
    else:
        return None
    try:
        return dt.date(year, month, number)
    except ValueError:
        return None


def status_of(*, delivered_on: dt.date | None, finished_on: dt.date | None, label: Any) -> Status:
    """Decide: dates first, the label's beginning second.

    Args:
        delivered_on: `EntDtEntrega`, when it is a day.
        finished_on: `EntDtFinalizacao`, when it is a day.
        label: `Status` as it came.
    """
    if delivered_on is not None or finished_on is not None:
        return "delivered"
    plain = _plain(label) if isinstance(label, str) else ""
    return next((status for prefix, status in PREFIXES if plain.startswith(prefix)), "unknown")


def _plain(label: str) -> str:
    letters = unicodedata.normalize("NFKD", label.strip()).casefold()
    return "".join(letter for letter in letters if not unicodedata.combining(letter))
