"""The deliveries (entregas) of a company: what its obligations made due in 2026, month by month.

Pure like the companies. Nothing here was edited after August 2026, so that "what changed since yesterday" is empty
until somebody changes something at the source.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Final

from fake_acessorias.dice import dice
from fake_acessorias.vocabulary import (
    DONE_LABELS,
    DONE_LATE_LABELS,
    EDITED_LABELS,
    LATE_LABELS,
    OBLIGATIONS,
    OPEN_LABELS,
    WAIVED_LABELS,
)
from fake_acessorias.world import EMPTY_DATES, make_departments, moment, person

if TYPE_CHECKING:
    from random import Random

    from fake_acessorias.world import Record

WORLD_DAY: Final = dt.date(2026, 8, 31)
"""The day the invented world stands still: what was due before it is mostly done."""
MONTHS: Final = tuple(dt.date(2026, month, 1) for month in range(1, 13))
_DUE_DAY: Final = dict(OBLIGATIONS)


def make_deliveries(seed: int, office: str, company: Record) -> list[Record]:
    """Return the deliveries of a company, oldest competência first; each carries ``Config`` and ``Anexos``."""
    months = MONTHS if company["Status"] == "Ativa" else MONTHS[:5]
    names = [str(duty.get("Nome", "")) for duty in company["Obrigacoes"]]
    identifier = int(company["ID"]) * 1000
    return [
        _delivery(seed, office, identifier + number, name, month)
        for number, (month, name) in enumerate((month, name) for month in months for name in names)
    ]


def _delivery(seed: int, office: str, identifier: int, name: str, month: dt.date) -> Record:
    chance = dice(seed, office, "delivery", identifier)
    due = (month + dt.timedelta(days=31)).replace(day=_DUE_DAY.get(name, 20))
    status, done = _outcome(chance, due)
    empty = chance.choice(EMPTY_DATES)
    return {
        "Nome": name,
        "EntCompetencia": month.isoformat(),
        "EntDtPrazo": due.isoformat(),
        "EntDtAtraso": (due + dt.timedelta(days=5)).isoformat(),
        "EntDtEntrega": done.isoformat() if done else empty,
        "EntDtFinalizacao": done.isoformat() if done and chance.random() < 0.5 else empty,
        "EntMulta": chance.choice("SNNN"),
        "Status": status,
        "EntGuiaLida": "Lida pelo cliente" if done and chance.random() < 0.4 else "",
        "EntLastDH": moment(chance),
        "RespEntrega": person(chance) if done else "",
        "Config": _config(chance, seed, office, identifier),
        "Anexos": [{"Nome": f"guia-{identifier}.pdf"}] if done else [],
    }


def _outcome(chance: Random, due: dt.date) -> tuple[str, dt.date | None]:
    """Return the label and the day of delivery, if any."""
    roll = chance.random()
    if roll < 0.04:
        return chance.choice(EDITED_LABELS), due if due <= WORLD_DAY else None
    if roll < 0.08:
        return chance.choice(WAIVED_LABELS), None
    if due > WORLD_DAY:
        return chance.choice(OPEN_LABELS), None
    if roll < 0.15:
        return chance.choice(LATE_LABELS), None
    if roll < 0.30:
        return chance.choice(DONE_LATE_LABELS), due + dt.timedelta(days=chance.randrange(1, 6))
    return chance.choice(DONE_LABELS), due - dt.timedelta(days=chance.randrange(0, 8))


def _config(chance: Random, seed: int, office: str, identifier: int) -> Record:
    department = chance.choice(make_departments(seed, office))
    return {
        "EntID": str(identifier),
        "Tipo": chance.choice("OOOT"),
        "ID": str(chance.randrange(1, 500)),
        "DptoID": department["ID"],
        "DptoNome": department["Nome"],
        "RespPrazo": department["RespNome"],
        "RespPrazoID": department["ID"],
        "RespEntrega": department["RespNome"],
        "RespEntregaID": department["ID"],
    }
