"""From a row of the API to what the mirror writes. Pure.

A company is known by its `ID` at Acessórias and by its document within the office; one of the two is enough. A row with
an `ID` and an unusable identifier is mirrored under the `ID` with the identifier as it came. A row with neither cannot
be found again at the next sync, so it is not stored: it is counted as an error and told. The same goes for a company
with a masked identifier and an `ID` that no row has: the office may well have typed it in, and it would stand there
twice.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from drena_acessorias.documents import document
from drena_acessorias.hashing import canonical, payload_hash
from drena_acessorias.masks import MASK, is_masked, masked_fields

MAPPED_KEYS: Final = ("Razao", "Fantasia", "Identificador", "Telefone", "Regime", "DataDoCadastro")
"""What columns of `empresas` are filled from; `mirror.py` reads the same keys."""
_MAPPED: Final = frozenset(MAPPED_KEYS)
_MASK_BYTES: Final = MASK.encode()


class Company(msgspec.Struct, frozen=True):
    """One row, ready for the statement of `mirror.py`, whose parameters are these fields in this order."""

    external_key: str | None
    document: str | None
    """Normalised CPF, CNPJ or CAEPF; None when the identifier is unusable."""
    cnpj: str | None
    """The identifier as it came."""
    hidden: bool
    """The identifier is masked: whether the office has a row for this company already cannot be told by it."""
    hash: str
    payload: str
    """The row as it came, as canonical JSON."""
    kept: str | None
    """Top-level keys whose stored value is better than this payload's, masked ones and mapped ones it lacks, as a JSON
    list; None for none."""

    @property
    def identity(self) -> str:
        """What the same company is known by within a run: one form for IDs, another for documents."""
        return f"#{self.external_key}" if self.external_key is not None else f"@{self.document}"


def company(row: Any) -> Company | None:
    """The company in `row`, or None when nothing in it says which company it is."""
    if not isinstance(row, dict):
        return None
    external_key = _plain_text(row.get("ID"))
    given = _plain_text(row.get("Identificador"))
    found = document(given) if given is not None else None
    if external_key is None and found is None:
        return None
    text = canonical(row)
    return Company(
        external_key,
        found,
        given,
        is_masked(row.get("Identificador")),
        payload_hash(text),
        text.decode(),
        None if row.keys() >= _MAPPED and _MASK_BYTES not in text else _kept(row),
    )


def _kept(row: dict[str, Any]) -> str | None:
    kept = [key for key, value in row.items() if is_masked(value)] + [key for key in MAPPED_KEYS if key not in row]
    return msgspec.json.encode(kept).decode() if kept else None


def has_identifier(row: Any) -> bool:
    """Whether the row carries any text, or a mask, where the API puts the document."""
    return isinstance(row, dict) and bool(row.get("Identificador"))


def _plain_text(value: Any) -> str | None:
    """A text or whole number as trimmed text; None for what is empty, masked or of another type."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, str) or is_masked(value):
        return None
    return value.strip() or None


class Batch(msgspec.Struct):
    """The companies of one page that this run has not seen before, and what is odd about the page."""

    companies: list[Company] = []
    identities: list[str] = []
    """Of every company on the page, seen before or not."""
    anonymous: int = 0
    """Rows with neither ID nor document."""
    repeated: int = 0
    """Rows seen earlier in this run: the API's pages may repeat rows."""
    masked: set[str] = msgspec.field(default_factory=set)
    identified: bool = False
    """Some row carries a text, or a mask, where the API puts the document."""

    @property
    def read(self) -> int:
        """Rows that count as read."""
        return len(self.companies) + self.anonymous

    @property
    def without_document(self) -> list[Company]:
        """Companies that are mirrored by their ID alone."""
        return [each for each in self.companies if each.document is None and not each.hidden]


def gather(rows: list[Any], seen: set[str]) -> Batch:
    """Sort the rows of one page.

    Args:
        rows: as the API gave them.
        seen: identities of earlier pages; this page's are added. It is all that a run keeps of a company.
    """
    batch = Batch()
    for row in rows:
        batch.identified = batch.identified or has_identifier(row)
        found = company(row)
        if found is None:
            batch.anonymous += 1
            continue
        identity = found.identity
        batch.identities.append(identity)
        if identity in seen:
            batch.repeated += 1
            continue
        seen.add(identity)
        batch.companies.append(found)
        if MASK in found.payload:
            batch.masked |= masked_fields(row)
    return batch
