"""The two accounting offices, and what people had typed into `empresas` before the first sync."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from uuid import NAMESPACE_URL, UUID, uuid5

import msgspec

from drena.demo.source import current, plain

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from drena.demo.source import Company


class Office(msgspec.Struct, frozen=True):
    """A tenant."""

    id: UUID
    slug: str
    name: str
    companies: int
    """How many the source holds."""

    @property
    def token(self) -> str:
        """Its credential at the fake API."""
        return f"demo-token-{self.slug}"

    @property
    def variable(self) -> str:
        """The environment variable that holds the credential."""
        return f"ACESSORIAS_TOKEN_{self.slug.upper()}"


def fixed_id(name: str) -> UUID:
    """An id that is the same in every showing."""
    return uuid5(NAMESPACE_URL, f"drena-demo/{name}")


CONTMAX: Final = Office(fixed_id("contmax"), "contmax", "Contmax Contabilidade", 300)
HORIZONTE: Final = Office(fixed_id("horizonte"), "horizonte", "Horizonte Contábil", 500)
OFFICES: Final = (CONTMAX, HORIZONTE)

FORMATTINGS: Final[tuple[Callable[[str], str], ...]] = (
    lambda written: written,
    plain,
    lambda written: f"  {written} ",
    lambda written: written.replace(".", "").lower(),
    lambda written: written.replace("/", " ").replace("-", " "),
)
"""Ways in which people write a document."""
NAMES: Final = ("Padaria da Esquina (Zé)", "Oficina do Beto", "Dra. Lúcia, falar com Ana", "Mercadinho São José")


class TypedRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `empresas` that a person typed. The names are those of the columns."""

    id: UUID
    organizacao_id: UUID
    nome: str
    cnpj: str
    whatsapp: str | None
    regime_tributario: str
    data_abertura: str
    socios: list[dict[str, Any]]
    meses: dict[str, Any]
    obrigacoes: dict[str, Any]
    at_source: bool
    """Whether the source knows this document."""


def type_rows(office: Office, companies: Sequence[Company], count: int = 12) -> list[TypedRow]:
    """Rows as people would have left them: every formatting, one document twice, one company the source never saw.

    Args:
        office: whose.
        companies: the source's.
        count: how many of these are among the rows.
    """
    known = list(current(companies).values())
    chosen = known[:: max(1, len(known) // count)][:count]
    documents = [company["Identificador"] for company in chosen]
    written = [FORMATTINGS[i % len(FORMATTINGS)](document) for i, document in enumerate(documents)]
    rows = [_typed(office, i, text, at_source=True) for i, text in enumerate(written)]
    rows.append(_typed(office, count, f"{plain(documents[0])}", at_source=True))  # one of them a second time
    rows.append(_typed(office, count + 1, "00.000.000/0001-91", at_source=False))
    return rows


def _typed(office: Office, number: int, document: str, *, at_source: bool) -> TypedRow:
    return TypedRow(
        id=fixed_id(f"{office.slug}/{number}"),
        organizacao_id=office.id,
        nome=f"{NAMES[number % len(NAMES)]} {number + 1}",
        cnpj=document,
        whatsapp=f"(11) 98888-{number:04}" if number % 3 else None,
        regime_tributario=("simples_nacional", "lucro_real", "mei")[number % 3],
        data_abertura=f"{1990 + number}-05-17",
        socios=[{"nome": f"Sócia {number + 1}", "participacao": 60}, {"nome": "Sócio digitado", "participacao": 40}],
        meses={"2026-09": {"status": "ok", "valor": 150 + number}},
        obrigacoes={"DAS": "em dia", "observacao": "digitado à mão"},
        at_source=at_source,
    )
