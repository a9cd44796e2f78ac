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

from drena_acessorias.answers import Rows
from drena_acessorias.documents import document
from drena_acessorias.hashing import payload_hash
from drena_acessorias.masks import MASK, is_masked, masked_fields

MAPPED_KEYS: Final = ("Razao", "Fantasia", "Identificador", "Telefone", "Regime", "DataDoCadastro")
"""What columns of `empresas` are filled from; `mirror.py` reads the same keys."""
_MASK_BYTES: Final = MASK.encode()
_MISSING: Final = msgspec.UNSET


class _Head(msgspec.Struct, frozen=True, rename="pascal"):
    """What is read of every company."""

    id: Any = msgspec.field(name="ID", default=None)
    identificador: Any = _MISSING
    razao: msgspec.Raw | msgspec.UnsetType = _MISSING
    fantasia: msgspec.Raw | msgspec.UnsetType = _MISSING
    telefone: msgspec.Raw | msgspec.UnsetType = _MISSING
    regime: msgspec.Raw | msgspec.UnsetType = _MISSING
    data_do_cadastro: msgspec.Raw | msgspec.UnsetType = _MISSING


_HEAD: Final = msgspec.json.Decoder(_Head)


class Row(msgspec.Struct, frozen=True):
    """One row of the API's list, of which only that is read what every sync looks at."""

    text: bytes
    """As it came."""
    id: Any = None
    identifier: Any = None
    kept: tuple[str, ...] = ()
    """Top-level keys whose stored value is better than this one: masked ones, and mapped ones it lacks."""
    masked: frozenset[str] = frozenset()
    """Masked fields, at any depth."""


def opened(listed: list[msgspec.Raw]) -> Rows:
    """A page of companies.

    A row stands for itself by its `ID`; without one, by all of it: a masked `ID` tells nothing.

    Raises:
        msgspec.DecodeError: a number is out of range.
    """
    rows = [_opened(each) for each in listed]
    return Rows(rows, [row.text if not row.id or is_masked(row.id) else row.id for row in rows])


def _opened(listed: msgspec.Raw) -> Row:
    text = bytes(listed)
    if not text.startswith(b"{"):
        return Row(text)
    head = _HEAD.decode(text)
    identifier = None if head.identificador is _MISSING else head.identificador
    whole = _MISSING not in (head.razao, head.fantasia, head.telefone, head.regime, head.data_do_cadastro)
    if whole and head.identificador is not _MISSING and _MASK_BYTES not in text:
        return Row(text, head.id, identifier)
    row = msgspec.json.decode(text)
    kept = [key for key, value in row.items() if is_masked(value)] + [key for key in MAPPED_KEYS if key not in row]
    return Row(text, head.id, identifier, tuple(kept), masked_fields(row))


class Company(msgspec.Struct, frozen=True):
    """One row, ready for the statement of `mirror.py`."""

    external_key: str | None
    document: str | None
    """Normalised CPF, CNPJ or CAEPF; None when the identifier is unusable."""
    cnpj: str | None
    """The identifier as it came."""
    hidden: bool
    """The identifier is masked: whether the office has a row for this company already cannot be told by it."""
    hash: str
    """Of the text as it came."""
    row: Row

    @property
    def identity(self) -> str:
        """What the same company is known by within a run: one form for IDs, another for documents."""
        return f"#{self.external_key}" if self.external_key is not None else f"@{self.document}"


def company(row: Row) -> Company | None:
    """The company in `row`, or None when nothing in it says which company it is."""
    external_key = _plain_text(row.id)
    given = _plain_text(row.identifier)
    found = document(given) if given is not None else None
    if external_key is None and found is None:
        return None
    return Company(external_key, found, given, is_masked(row.identifier), payload_hash(row.text), row)


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
    documents: set[str] = msgspec.field(default_factory=set)
    """Of the companies."""
    anonymous: int = 0
    """Rows with neither ID nor document."""
    without_document: list[Company] = []
    """Companies that are mirrored by their ID alone."""
    repeated: int = 0
    """Rows seen earlier in this run: the API's pages may repeat rows."""
    masked: set[str] = msgspec.field(default_factory=set)
    identified: bool = False
    """Some row carries a text, or a mask, where the API puts the document."""

    @property
    def read(self) -> int:
        """Rows that count as read."""
        return len(self.companies) + self.anonymous


def gather(rows: list[Row], seen: set[str]) -> Batch:
    """Sort the rows of one page.

    Args:
        rows: as `opened` made them.
        seen: identities of earlier pages; this page's are added. It is all that a run keeps of a company.
    """
    batch = Batch()
    for row in rows:
        batch.identified = batch.identified or bool(row.identifier)
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
        batch.masked |= row.masked
        if found.document is not None:
            batch.documents.add(found.document)
        elif not found.hidden:
            batch.without_document.append(found)
    return batch
