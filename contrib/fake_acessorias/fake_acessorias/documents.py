"""Brazilian document numbers: check digits, masks and the form without punctuation.

Since July 2026 a CNPJ is twelve characters ``[0-9A-Z]`` and two digits; a character counts as its ASCII code minus 48.
A CAEPF (a farmer's or employer's registration) has fourteen digits too, with check digits of its own.
"""

from __future__ import annotations

import re

_CNPJ_WEIGHTS = (6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2)
_CPF_WEIGHTS = (11, 10, 9, 8, 7, 6, 5, 4, 3, 2)
_CAEPF_WEIGHTS = (5, 6, 7, 8, 9, 2, 3, 4, 5, 6, 7, 8, 9)
_PUNCTUATION = re.compile(r"[^0-9A-Z]")


def _weighted(characters: str, weights: tuple[int, ...]) -> int:
    used = weights[len(weights) - len(characters) :]
    return sum((ord(c) - 48) * weight for c, weight in zip(characters, used, strict=True)) % 11


def _check_digit(characters: str, weights: tuple[int, ...]) -> str:
    remainder = _weighted(characters, weights)
    return "0" if remainder < 2 else str(11 - remainder)


def cnpj(stem: str) -> str:
    """Return a CNPJ without mask from its first twelve characters."""
    first = _check_digit(stem, _CNPJ_WEIGHTS)
    return stem + first + _check_digit(stem + first, _CNPJ_WEIGHTS)


def cpf(stem: str) -> str:
    """Return a CPF without mask from its first nine digits."""
    first = _check_digit(stem, _CPF_WEIGHTS)
    return stem + first + _check_digit(stem + first, _CPF_WEIGHTS)


def caepf(stem: str) -> str:
    """Return a CAEPF without mask from its first twelve digits.

    The two digits are computed like a mod-11 pair (10 counts as 0) and shifted by 12, which is why a CAEPF is hardly
    ever a valid CNPJ.
    """
    first = _weighted(stem, _CAEPF_WEIGHTS) % 10
    second = _weighted(stem + str(first), _CAEPF_WEIGHTS) % 10
    return f"{stem}{(10 * first + second + 12) % 100:02}"


def masked_cnpj(bare: str) -> str:
    """``11222333000181`` becomes ``11.222.333/0001-81``."""
    return f"{bare[:2]}.{bare[2:5]}.{bare[5:8]}/{bare[8:12]}-{bare[12:]}"


def masked_cpf(bare: str) -> str:
    """``52998224725`` becomes ``529.982.247-25``."""
    return f"{bare[:3]}.{bare[3:6]}.{bare[6:9]}-{bare[9:]}"


def masked_caepf(bare: str) -> str:
    """``29311861000184`` becomes ``293.118.610/001-84``."""
    return f"{bare[:3]}.{bare[3:6]}.{bare[6:9]}/{bare[9:12]}-{bare[12:]}"


def bare(document: str) -> str:
    """Trim, upper-case and drop the punctuation: the form an identifier has in a path."""
    return _PUNCTUATION.sub("", document.upper())
