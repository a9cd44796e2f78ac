"""Masked values: what a token with restricted permissions sees in place of a field, ``"********"``.

Measured by public clients, which saw whole values replaced. A run of three asterisks anywhere is taken as a mask, so
that a partly hidden value (``"J*** T****"``) is not stored as somebody's name either.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MASK: Final = "***"


def is_masked(value: Any) -> bool:
    """Whether this JSON value is a text with a mask in it."""
    return isinstance(value, str) and MASK in value


def masked_fields(payload: Mapping[str, Any]) -> frozenset[str]:
    """The masked fields of a company, at any depth: ``Fantasia``, ``ContatosNaEmpresa.Nome``."""
    return frozenset(path for key, value in payload.items() for path in _paths(key, value))


def _paths(path: str, value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _paths(f"{path}.{key}", inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _paths(path, inner)
    elif is_masked(value):
        yield path
