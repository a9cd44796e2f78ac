"""What it means to change one value of a company at the source: always to a different one, chosen by the seed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from fake_acessorias.vocabulary import DEPARTMENTS, GROUPS, REGIMES, STATES
from fake_acessorias.world import contact, phone, state_registration

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from random import Random

    from fake_acessorias.world import Record


def changed(key: str, old: Any, chance: Random) -> Any:
    """Return another value for a key of a company; raises ``KeyError`` for a key that cannot be touched."""
    change = CHANGES[key]
    new = change(old, chance)
    while new == old:
        new = change(old, chance)
    return new


def _other(words: Sequence[str]) -> Callable[[Any, Random], str]:
    return lambda old, chance: chance.choice([word for word in words if word != old])


def _renamed(old: str | None, chance: Random) -> str:
    return f"{(old or 'NOME').strip()} {chance.randrange(1000)}"


def _contacts(old: list[Record], chance: Random) -> list[Record]:
    """Change a nested value only: one mobile number; an empty list gets its first contact."""
    if not old:
        return [contact(chance)]
    return [{**old[0], "Celular": f"119{chance.randrange(10**8):08}"}, *old[1:]]


def _registrations(old: list[Record], chance: Random) -> list[Record]:
    return [state_registration(chance), *old[1:]]


def _departments(old: list[Record], chance: Random) -> list[Record]:
    if not old:
        return [{"ID": "1", "Nome": DEPARTMENTS[0], "RespNome": "Ana Teste", "RespEmail": "ana@example.com"}]
    return [{**old[0], "RespNome": f"Ana Teste {chance.randrange(1000)}"}, *old[1:]]


def _obligations(old: list[Record], chance: Random) -> list[Record]:
    if not old:
        return [
            {
                "Nome": "DCTFWeb",
                "Status": "Ativa",
                "Entregues": "0",
                "Atrasadas": "0",
                "Proximos30D": "1",
                "Futuras30+": "0",
            }
        ]
    return [{**old[0], "Entregues": str(chance.randrange(100))}, *old[1:]]


CHANGES: Final[dict[str, Callable[[Any, Random], Any]]] = {
    "Razao": _renamed,
    "Fantasia": _renamed,
    "Status": _other(("Ativa", "Inativa")),
    "Telefone": lambda _old, chance: phone(chance),
    "UF": _other(STATES),
    "Honorario": lambda _old, chance: f"{chance.randrange(300, 9000)}.00",
    "Regime": _other(REGIMES),
    "GrupoDeEmpresas": _other(GROUPS),
    "InscricoesEstaduais": _registrations,
    "ContatosNaEmpresa": _contacts,
    "Departamentos": _departments,
    "Obrigacoes": _obligations,
}
"""The keys that can be touched, and how each changes."""
