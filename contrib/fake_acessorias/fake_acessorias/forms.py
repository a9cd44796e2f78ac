"""How a value of the world looks on the wire: masked, empty in one form or another, dates in one style or another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from fake_acessorias.knobs import Knobs
    from fake_acessorias.world import Record

MASK: Final = "********"
ZERO_DATE: Final = "0000-00-00"
DATE_KEYS: Final = frozenset(
    (
        "ClienteDesde",
        "ClienteAte",
        "DataDoCadastro",
        "EntCompetencia",
        "EntDtPrazo",
        "EntDtAtraso",
        "EntDtEntrega",
        "EntDtFinalizacao",
    )
)
_EMPTY_DATE: Final = {"zero": ZERO_DATE, "blank": "", "null": None}
_EMPTY_TEXT: Final = {"blank": "", "null": None}

Form = tuple[object, ...]
"""What of the knobs decides how a record looks: the key under which its bytes may be kept."""


def form_of(knobs: Knobs) -> Form:
    """Return the part of the knobs that ``shaped`` looks at."""
    return (knobs.masked and knobs.masked_keys, knobs.empty_dates, knobs.empties, knobs.date_style)


PLAIN: Final[Form] = (False, "mixed", "mixed", "iso")


def shaped(record: Record, knobs: Knobs) -> Record:
    """Return the record as this token sees it, nested records included."""
    if form_of(knobs) == PLAIN:
        return record
    pairs = ((key, _value(key, value, knobs)) for key, value in record.items())
    return {key: value for key, value in pairs if value is not ...}


def _value(key: str, value: Any, knobs: Knobs) -> Any:
    """Return the value's form on the wire; ``...`` when its key is left out."""
    if isinstance(value, list):
        return [shaped(item, knobs) if isinstance(item, dict) else item for item in value]
    if isinstance(value, dict):
        return shaped(value, knobs)
    if key in DATE_KEYS:
        return _date(value, knobs)
    if knobs.masked and key in knobs.masked_keys:
        return MASK
    if value in ("", None) and knobs.empties != "mixed":
        return _EMPTY_TEXT.get(knobs.empties, ...)
    return value


def _date(value: str | None, knobs: Knobs) -> Any:
    if value in ("", None, ZERO_DATE):
        return value if knobs.empty_dates == "mixed" else _EMPTY_DATE.get(knobs.empty_dates, ...)
    assert value is not None
    return value if knobs.date_style == "iso" else "/".join(reversed(value.split("-")))
