"""The companies of an invented office: a pure function of (seed, office, position).

A company depends on its position alone, never on the size of the office, so an office of 301 is an office of 300 and
one more. In every block of forty companies the mix of documents is the same and only its order is left to chance, so
even a small office holds every kind: CNPJ, alphanumeric CNPJ, CPF, CAEPF, and a second company with an earlier one's
document.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, Final

from fake_acessorias import documents
from fake_acessorias.dice import dice
from fake_acessorias.vocabulary import (
    BRANDS,
    DEPARTMENTS,
    FIRST_NAMES,
    GROUPS,
    LAST_NAMES,
    LEGAL_FORMS,
    OBLIGATIONS,
    REGIMES,
    STATES,
    TRADES,
)

if TYPE_CHECKING:
    from random import Random

Record = dict[str, Any]
"""A JSON object in the words of the API."""

FIRST_ID: Final = 101
BLOCK: Final = ("cnpj",) * 27 + ("alphanumeric",) * 4 + ("cpf",) * 6 + ("caepf",) * 2 + ("duplicate",)
EMPTY_DATES: Final = ("0000-00-00", "0000-00-00", "", None)

BASE_KEYS: Final = (
    "ID", "Identificador", "Razao", "Fantasia", "Status", "Telefone", "UF", "ClienteDesde", "ClienteAte",
    "DataDoCadastro", "Honorario", "DtLastDH",
)  # fmt: skip
FLAG_KEYS: Final = {
    "registrationData": ("Regime", "GrupoDeEmpresas"),
    "stateRegistrations": ("InscricoesEstaduais",),
    "contacts": ("ContatosNaEmpresa",),
    "departments": ("Departamentos",),
    "obligations": ("Obrigacoes",),
}
"""What each presence flag of ``/companies`` adds to a company."""
LIST_KEYS: Final = frozenset(("InscricoesEstaduais", "ContatosNaEmpresa", "Departamentos", "Obrigacoes"))
COMPANY_KEYS: Final = (*BASE_KEYS, *(key for keys in FLAG_KEYS.values() for key in keys))


def make_companies(seed: int, office: str, size: int) -> list[Record]:
    """Return the first ``size`` companies of an office, each with every key a flag can ask for."""
    return [make_company(seed, office, position) for position in range(size)]


def make_company(seed: int, office: str, position: int) -> Record:
    """Return the company at one position (from 0) of an office."""
    chance = dice(seed, office, "company", position)
    kind = kind_at(seed, office, position)
    company = _base(chance, position, identifier_at(seed, office, position))
    company["Razao"] = _name(chance, kind)
    if kind == "duplicate":
        company["Razao"] = make_company(seed, office, _twin(seed, office, position))["Razao"]
    company.update(_details(chance, seed, office))
    return company


@functools.lru_cache(maxsize=256)
def _block(seed: int, office: str, number: int) -> tuple[str, ...]:
    kinds = list(BLOCK)
    dice(seed, office, "block", number).shuffle(kinds)
    if number == 0 and kinds[0] == "duplicate":  # nobody came before
        kinds[0], kinds[-1] = kinds[-1], kinds[0]
    return tuple(kinds)


def kind_at(seed: int, office: str, position: int) -> str:
    """Return which kind of document the company has: one of the words in ``BLOCK``."""
    number, place = divmod(position, len(BLOCK))
    return _block(seed, office, number)[place]


def _twin(seed: int, office: str, position: int) -> int:
    """Return the position of the earlier company whose document a duplicate repeats."""
    earlier = dice(seed, office, "twin", position).randrange(position)
    while kind_at(seed, office, earlier) == "duplicate":
        earlier -= 1  # the very first company never is one
    return earlier


@functools.lru_cache(maxsize=256)
def _scatter(seed: int, office: str) -> tuple[int, int]:
    """Return the multiplier and offset that spread positions over document numbers without a collision."""
    chance = dice(seed, office, "documents")
    return chance.randrange(10**6, 10**7) * 10 + chance.choice((1, 3, 7, 9)), chance.randrange(10**8)


def identifier_at(seed: int, office: str, position: int) -> str:
    """Return the formatted document of the company at a position."""
    kind = kind_at(seed, office, position)
    chance = dice(seed, office, "identifier", position)
    if kind == "duplicate":
        twin = identifier_at(seed, office, _twin(seed, office, position))
        return chance.choice((twin, documents.bare(twin)))
    multiplier, offset = _scatter(seed, office)
    number = f"{(position * multiplier + offset) % 10**8:08}"
    if kind == "cpf":
        return documents.masked_cpf(documents.cpf(f"{chance.randrange(10)}{number}"))
    if kind == "caepf":
        return documents.masked_caepf(documents.caepf(f"{chance.randrange(10)}{number}001"))
    if kind == "alphanumeric":
        return documents.masked_cnpj(documents.cnpj(_alphanumeric(number, chance)))
    return documents.masked_cnpj(documents.cnpj(number + chance.choice(("0001", "0001", "0001", "0002"))))


def _alphanumeric(number: str, chance: Random) -> str:
    letters = "".join(chr(ord("A") + int(digit) + 10 * chance.randrange(2)) for digit in number[2:5])
    return f"{number[:2]}{letters}{number[5:]}{chance.choice(('0001', '01DE', '00A1'))}"


def _base(chance: Random, position: int, identifier: str) -> Record:
    active = chance.random() >= 0.08
    since = f"{chance.randrange(2005, 2026)}-{chance.randrange(1, 13):02}-{chance.randrange(1, 29):02}"
    return {
        "ID": str(FIRST_ID + position),
        "Identificador": identifier,
        "Razao": "",
        "Fantasia": _maybe(chance, f"{chance.choice(BRANDS)} {position}", 0.7),
        "Status": "Ativa" if active else "Inativa",
        "Telefone": _maybe(chance, phone(chance), 0.85),
        "UF": chance.choice(STATES),
        "ClienteDesde": since if chance.random() < 0.9 else chance.choice(EMPTY_DATES),
        "ClienteAte": chance.choice(EMPTY_DATES) if active else "2026-05-31",
        "DataDoCadastro": f"2025-{chance.randrange(1, 13):02}-{chance.randrange(1, 29):02}",
        "Honorario": f"{chance.randrange(300, 9000)}.{chance.choice(('00', '50', '90'))}",
        "DtLastDH": moment(chance) if chance.random() < 0.7 else None,
    }


def _maybe(chance: Random, text: str, share: float) -> str | None:
    return text if chance.random() < share else chance.choice(("", "", None))


def _name(chance: Random, kind: str) -> str:
    if kind in {"cpf", "caepf"}:
        return person(chance).upper()
    name = f"{chance.choice(TRADES)} {chance.choice(BRANDS)} {chance.randrange(1, 1000)} {chance.choice(LEGAL_FORMS)}"
    return f" {name}  " if chance.random() < 0.03 else name  # typed by people: stray blanks


def _details(chance: Random, seed: int, office: str) -> Record:
    offered = make_departments(seed, office)
    return {
        "Regime": chance.choice((*REGIMES, "")),
        "GrupoDeEmpresas": chance.choice(GROUPS) if chance.random() < 0.2 else "",
        "InscricoesEstaduais": [state_registration(chance) for _ in range(chance.choice((0, 1, 1, 2)))],
        "ContatosNaEmpresa": [contact(chance) for _ in range(chance.choice((0, 1, 1, 2, 3)))],
        "Departamentos": chance.sample(offered, chance.randrange(1, len(offered) + 1)),
        "Obrigacoes": [_obligation(chance, name) for name, _ in chance.sample(OBLIGATIONS, chance.randrange(0, 6))],
    }


def _obligation(chance: Random, name: str) -> Record:
    counts = {key: str(chance.randrange(10)) for key in ("Entregues", "Atrasadas", "Proximos30D", "Futuras30+")}
    return {"Nome": name, "Status": "Ativa" if chance.random() < 0.95 else "Inativa", **counts}


def person(chance: Random) -> str:
    """Return an invented person's name."""
    return f"{chance.choice(FIRST_NAMES)} {chance.choice(LAST_NAMES)} {chance.choice(LAST_NAMES)}"


def phone(chance: Random) -> str:
    """Return an invented phone number of ten digits."""
    return f"{chance.randrange(11, 99)}3000{chance.randrange(10**4):04}"


def moment(chance: Random) -> str:
    """Return a moment of August 2026, the month the invented world was last edited."""
    day, hour, minute = chance.randrange(1, 29), chance.randrange(8, 19), chance.randrange(60)
    return f"2026-08-{day:02} {hour:02}:{minute:02}:00"


def contact(chance: Random) -> Record:
    """Return one ``ContatosNaEmpresa`` entry."""
    name = person(chance)
    address = f"{documents.bare(name).lower()}{chance.randrange(100)}@example.com"
    return {"Nome": name, "E-mail": address, "Celular": f"119{chance.randrange(10**8):08}"}


def state_registration(chance: Random) -> Record:
    """Return one ``InscricoesEstaduais`` entry."""
    return {"IE": f"{chance.randrange(10**11, 10**12)}", "UF": chance.choice(STATES)}


@functools.lru_cache(maxsize=256)
def make_departments(seed: int, office: str) -> tuple[Record, ...]:
    """Return the departments of an office with the person responsible for each."""
    chance = dice(seed, office, "departments")
    return tuple(
        {"ID": str(number), "Nome": name, "RespNome": person(chance), "RespEmail": f"resp{number}@example.com"}
        for number, name in enumerate(DEPARTMENTS, 1)
    )
