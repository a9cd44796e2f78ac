"""From the API's groups of deliveries to what the mirror writes. Pure.

A delivery is known by `Config.EntID`. Without it (the flag `config` was ignored, or the delivery has none) it is known
by its company, its name and its competência.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

import msgspec

from drena_acessorias.answers import Nothing, Rows
from drena_acessorias.documents import document
from drena_acessorias.hashing import canonical, payload_hash
from drena_acessorias.masks import is_masked
from drena_acessorias.statuses import Status, day, status_of


class Delivery(msgspec.Struct, frozen=True):
    """One delivery, ready for the statement of `delivery_mirror.py`, which reads the fields by these names."""

    external_key: str
    company_key: str | None
    document: str | None
    name: str
    competence: dt.date | None
    due_on: dt.date | None
    delivered_on: dt.date | None
    status: Status
    label: str | None
    """As it came."""
    hash: str
    payload: msgspec.Raw
    """The delivery as it came, with its company's `ID` and `Identificador` under `Empresa`."""
    masked: list[str]
    """Top-level keys with a mask: the stored value is better."""


def flat(groups: list[msgspec.Raw]) -> Rows | Nothing:
    """The deliveries in groups by company, as single rows that name their company and have an `ID` of their own.

    Groups without deliveries are nothing.

    Raises:
        msgspec.DecodeError: a number is out of range.
    """
    rows = [single for group in groups for single in _singles(msgspec.json.decode(group))]
    return Rows(rows, [_id(row) for row in rows]) if rows else Nothing("[]")


def _id(row: Any) -> Any:
    return (isinstance(row, dict) and row.get("ID")) or row


def _singles(group: Any) -> list[Any]:
    if not isinstance(group, dict):
        return [group]
    inner = group.get("Entregas")
    if inner is None:
        return []
    if isinstance(inner, dict):
        inner = [inner]
    if not isinstance(inner, list):
        return [group]
    company = {"ID": group.get("ID"), "Identificador": group.get("Identificador")}
    return [_single(company, each) for each in inner]


def _single(company: dict[str, Any], row: Any) -> Any:
    if not isinstance(row, dict):
        return row
    return {"ID": _key(company, row), "Empresa": company, "Entrega": row}


def delivery(single: Any) -> Delivery | None:
    """The delivery in a row of `flat`, or None when nothing in it says which delivery it is."""
    if not isinstance(single, dict) or not single.get("ID") or "Entrega" not in single:
        return None
    company, row = single["Empresa"], single["Entrega"]
    given = _text(company["Identificador"])
    delivered_on, finished_on = day(row.get("EntDtEntrega")), day(row.get("EntDtFinalizacao"))
    label = row.get("Status")
    text = canonical({**row, "Empresa": company})
    return Delivery(
        external_key=single["ID"],
        company_key=_text(company["ID"]),
        document=document(given) if given else None,
        name=_text(row.get("Nome")) or "",
        competence=day(row.get("EntCompetencia")),
        due_on=day(row.get("EntDtPrazo")),
        delivered_on=delivered_on or finished_on,
        status=status_of(delivered_on=delivered_on, finished_on=finished_on, label=label),
        label=label if isinstance(label, str) else None,
        hash=payload_hash(text),
        payload=msgspec.Raw(text),
        masked=[key for key, value in row.items() if is_masked(value)],
    )


def _key(company: dict[str, Any], row: dict[str, Any]) -> str | None:
    config = row.get("Config")
    own = _text(config.get("EntID")) if isinstance(config, dict) else None
    if own:
        return own
    given = _text(company["Identificador"])
    owner = _text(company["ID"]) or (document(given) if given else None)
    name, competence = _text(row.get("Nome")), day(row.get("EntCompetencia"))
    return f"{owner}/{name}/{competence}" if owner and name and competence else None


def _text(value: Any) -> str | None:
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, str) or is_masked(value):
        return None
    return value.strip() or None


class Harvest(msgspec.Struct):
    """The deliveries of some pages, each once, and what is odd about them."""

    deliveries: dict[str, Delivery] = msgspec.field(default_factory=dict)
    """By key; of two with one key the later page counts."""
    read: int = 0
    repeated: int = 0
    anonymous: int = 0
    unknown: dict[str, int] = msgspec.field(default_factory=dict)
    """Labels that decided nothing, and how often."""

    def add(self, rows: list[Any], seen: set[str], *, counted: bool) -> None:
        """Take one page in.

        Args:
            rows: as `flat` made them.
            seen: keys of this list's earlier pages; this page's are added.
            counted: False for a page that an earlier attempt counted.
        """
        for row in rows:
            found = delivery(row)
            if found is None:
                self.anonymous += counted
                self.read += counted
                continue
            self.deliveries[found.external_key] = found
            if found.external_key in seen:
                self.repeated += counted
                continue
            seen.add(found.external_key)
            self.read += counted
            if found.status == "unknown" and counted:
                label = found.label or ""
                self.unknown[label] = self.unknown.get(label, 0) + 1
