"""CNPJ and CPF as text: one form for every way of writing them.

Rules: trim, upper-case, keep only ``[0-9A-Z]``; 11 digits are a CPF, 14 characters ``[0-9A-Z]{12}[0-9]{2}`` a CNPJ,
whose first twelve may be letters since July 2026 (Receita Federal, Instrução Normativa RFB 2.229/2024). Anything else
is no document: it is kept as it came and reported.

A CAEPF (a farmer's registration) has 14 digits too but check digits of its own, so check digits alone never reject a
document. They only tell a person where to look.
"""

from __future__ import annotations

import re
import string
from typing import Final

_CAPITALS: Final = bytes(range(256)).upper()
_NOT_KEPT: Final = bytes(set(range(256)) - set((string.digits + string.ascii_letters).encode()))
_DOCUMENT: Final = re.compile(r"[0-9]{11}|[0-9A-Z]{12}[0-9]{2}")


class _Weights:
    """The weights of a document's check digits, so that one multiplication of large numbers makes a weighted sum.

    A text and the reversed weights are numbers in base 65536, and the product has the sum in the place of the last
    character. Character by character it took a quarter of all that is done for a company.
    """

    def __init__(self, *second: int) -> None:
        self.place = 16 * (len(second) - 2)
        self.first, self.second = _reversed(second[1:]), _reversed(second[:-1])
        self.zeros = ord("0") * sum(second[1:]), ord("0") * sum(second[:-1])
        """What the sums are of a text of zeros: a character counts its ASCII code minus 48."""
        self.last = second[-1]


def _reversed(weights: tuple[int, ...]) -> int:
    return sum(weight << 16 * place for place, weight in enumerate(reversed(weights)))


_WEIGHTS: Final = {
    11: _Weights(11, 10, 9, 8, 7, 6, 5, 4, 3, 2),
    14: _Weights(6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2),
}
"""Of the second check digit, by the length of the document; the first digit's are the same without the first."""


def normalise(given: str) -> str:
    """Upper-case letters and digits of `given`, nothing else.

    Characters outside ASCII go first, so that no upper-casing turns one (``ı``, ``ß``) into a letter that counts.
    The statement in `mirror.py` does the same to the column `empresas.cnpj`.
    """
    return given.encode("ascii", "ignore").translate(_CAPITALS, _NOT_KEPT).decode("ascii")


def document(given: str) -> str | None:
    """The normalised CPF or CNPJ (or CAEPF) in `given`; None when it is neither."""
    kept = normalise(given)
    return kept if _DOCUMENT.fullmatch(kept) else None


def check_digits_hold(normalised: str) -> bool:
    """Whether the last two characters of a CPF or CNPJ follow from the others.

    Args:
        normalised: what `document` returned.
    """
    weights = _WEIGHTS[len(normalised)]
    body = int.from_bytes(normalised[:-2].encode("utf-16-le"), "little")
    first = _check_digit((body * weights.first >> weights.place & 0xFFFF) - weights.zeros[0])
    total = (body * weights.second >> weights.place & 0xFFFF) - weights.zeros[1] + first * weights.last
    return normalised[-2:] == f"{first}{_check_digit(total)}"


def _check_digit(total: int) -> int:
    """0 when the weighted sum modulo 11 is below 2, else 11 minus it."""
    remainder = total % 11
    return 0 if remainder < 2 else 11 - remainder
