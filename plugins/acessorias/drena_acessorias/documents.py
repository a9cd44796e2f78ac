"""CNPJ and CPF as text: one form for every way of writing them.

Rules: trim, upper-case, keep only ``[0-9A-Z]``; 11 digits are a CPF, 14 characters ``[0-9A-Z]{12}[0-9]{2}`` a CNPJ,
whose first twelve may be letters since July 2026 (Receita Federal, Instrução Normativa RFB 2.229/2024). Anything else
is no document: it is kept as it came and reported.

A CAEPF (a farmer's registration) has 14 digits too but check digits of its own, so check digits alone never reject a
document. They only tell a person where to look.
"""

from __future__ import annotations

import re
from operator import mul
from typing import Final

_NOT_KEPT: Final = re.compile(r"[^0-9A-Za-z]")
_DOCUMENT: Final = re.compile(r"[0-9]{11}|[0-9A-Z]{12}[0-9]{2}")

_CPF_WEIGHTS: Final = (11, 10, 9, 8, 7, 6, 5, 4, 3, 2)
_CNPJ_WEIGHTS: Final = (6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2)


def normalise(given: str) -> str:
    """Upper-case letters and digits of `given`, nothing else.

    Characters outside ASCII go first, so that no upper-casing turns one (``ı``, ``ß``) into a letter that counts.
    The statement in `mirror.py` does the same to the column `empresas.cnpj`.
    """
    return _NOT_KEPT.sub("", given).upper()


def document(given: str) -> str | None:
    """The normalised CPF or CNPJ (or CAEPF) in `given`; None when it is neither."""
    kept = normalise(given)
    return kept if _DOCUMENT.fullmatch(kept) else None


def check_digits_hold(normalised: str) -> bool:
    """Whether the last two characters of a CPF or CNPJ follow from the others.

    Args:
        normalised: what `document` returned.
    """
    weights = _CPF_WEIGHTS if len(normalised) == 11 else _CNPJ_WEIGHTS
    body = normalised[:-2]
    first = _check_digit(body, weights[1:])
    return normalised[-2:] == first + _check_digit(body + first, weights)


def _check_digit(body: str, weights: tuple[int, ...]) -> str:
    """0 when the weighted sum modulo 11 is below 2, else 11 minus it; a character counts its ASCII code minus 48."""
    remainder = (sum(map(mul, body.encode("ascii"), weights)) - 48 * sum(weights)) % 11
    return "0" if remainder < 2 else str(11 - remainder)
