"""Tax regimes: from an office's own label to a code of `empresas.regime_tributario`.

`Regime` is a label that each office words for itself ("Simples Nacional - Serviços", "Imune/Isenta - Isenta"), never a
code. Only its beginning is common ground. A label that begins with none of these ("Filial - Regime Normal") has no
code: the column stays empty and the label stays in `raw_payload`. Nothing is guessed.
"""

from __future__ import annotations

from typing import Final

REGIMES: Final = (
    ("SIMPLES NACIONAL", "simples_nacional"),
    ("LUCRO PRESUMIDO", "lucro_presumido"),
    ("LUCRO REAL", "lucro_real"),
    ("MEI", "mei"),
    ("MICROEMPREENDEDOR INDIVIDUAL", "mei"),
    ("IMUNE", "imune_isenta"),
    ("ISENTA", "imune_isenta"),
    ("ISENTO", "imune_isenta"),
)
"""How a label begins, upper-case, followed by its end or by anything but a letter; and its code."""


def sql_code(label: str) -> str:
    """The SQL expression that maps a label to its code, or to null.

    Args:
        label: an SQL expression of type text, in capitals. It stands in the result many times.
    """
    cases = "\n".join(
        f"when starts_with({label}, '{prefix}')"
        f" and substr({label}, {len(prefix) + 1}, 1) collate \"C\" not between 'A' and 'Z' then '{code}'"
        for prefix, code in REGIMES
    )
    return f"case {cases} end"
