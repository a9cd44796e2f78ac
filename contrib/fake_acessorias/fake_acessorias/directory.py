"""The smaller lists of an office, in a plain form: users, tags, company groups, processes, requests.

Nothing public shows their records whole: the keys are a guess in the API's style. Processes and requests carry their
dates as ``DD/MM/YYYY``, unlike companies and deliveries; that much is known.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from fake_acessorias.dice import dice
from fake_acessorias.vocabulary import GROUPS, PROCESSES, REQUESTS, TAGS
from fake_acessorias.world import FIRST_ID, person

if TYPE_CHECKING:
    from collections.abc import Mapping
    from random import Random

    from fake_acessorias.world import Record

USERS = 23
PROCESS_COUNT = 45
REQUEST_COUNT = 61
_DATE = re.compile(r"(\d{4}-\d\d-\d\d)|(\d\d/\d\d/\d{4})")
_CHANGED = {"processes": ("DtLastDH", "DtLastDH", ""), "requests": ("SolUltAt", "SolUltAtIni", "SolUltAtFim")}


def make_users(seed: int, office: str) -> list[Record]:
    """Return the people of the office: one page and a few."""
    chance = dice(seed, office, "users")
    return [
        {
            "ID": str(number),
            "Nome": person(chance),
            "Email": f"user{number}@example.com",
            "Status": chance.choice("AAAI"),
        }
        for number in range(1, USERS + 1)
    ]


def make_tags(_seed: int, _office: str) -> list[Record]:
    """Return the tags of the office."""
    return [{"ID": str(number), "Nome": name} for number, name in enumerate(TAGS, 1)]


def make_groups(_seed: int, _office: str) -> list[Record]:
    """Return the company groups of the office."""
    return [{"ID": str(number), "Nome": name} for number, name in enumerate(GROUPS, 1)]


def make_processes(seed: int, office: str) -> list[Record]:
    """Return the processes of the office."""
    chance = dice(seed, office, "processes")
    return [
        {
            "ProcID": str(number),
            "ProcNome": chance.choice(PROCESSES),
            "EmpID": str(FIRST_ID + chance.randrange(20)),
            "ProcStatus": chance.choice(("Em andamento", "Concluído")),
            "ProcInicio": _brazilian(chance),
            "ProcConclusao": chance.choice(("", "00/00/0000", _brazilian(chance))),
            "DtLastDH": f"{_brazilian(chance)} 10:00:00",
        }
        for number in range(1, PROCESS_COUNT + 1)
    ]


def make_requests(seed: int, office: str) -> list[Record]:
    """Return the requests (solicitações) of the office."""
    chance = dice(seed, office, "requests")
    return [
        {
            "SolID": str(number),
            "SolAssunto": chance.choice(REQUESTS),
            "EmpID": str(FIRST_ID + chance.randrange(20)),
            "SolStatus": chance.choice(("Aberta", "Respondida", "Encerrada")),
            "SolAbertura": _brazilian(chance),
            "SolUltAt": _brazilian(chance),
        }
        for number in range(1, REQUEST_COUNT + 1)
    ]


def recent(rows: list[Record], parameters: Mapping[str, str], name: str) -> list[Record]:
    """Return the rows changed since ``DtLastDH`` (processes), or from ``SolUltAtIni`` to ``SolUltAtFim`` (requests).

    A date that cannot be read is ignored, like everything this API does not understand.
    """
    key, first, last = _CHANGED.get(name, ("", "", ""))
    since, until = sortable(parameters.get(first, "")), sortable(parameters.get(last, ""))
    if not since and not until:
        return rows
    return [row for row in rows if since <= sortable(row[key]) <= (until or "9999")]


def sortable(date: str) -> str:
    """Return the day of a Brazilian or ISO date as ``YYYY-MM-DD``, or nothing when it is neither."""
    found = _DATE.match(date)
    return "" if found is None else found[1] or "-".join(reversed(found[2].split("/")))


def _brazilian(chance: Random) -> str:
    return f"{chance.randrange(1, 29):02}/{chance.randrange(1, 9):02}/2026"
