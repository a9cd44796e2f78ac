"""Every SQL statement of the daemon, by name, from the `.sql` files beside this one.

A statement begins at its line `-- name: …`; the comment under it says in a sentence what it does and which invariant it
upholds. Names are unique over all files.
"""

from __future__ import annotations

import re
from functools import cache
from importlib import resources
from typing import Final

_NAME: Final = re.compile(r"^-- name: (\w+)\n", re.MULTILINE)


@cache
def statements() -> dict[str, str]:
    """All statements by name."""
    return read_statements(__package__)


def read_statements(package: str) -> dict[str, str]:
    """The statements of the `.sql` files in a package's folder, by name."""
    found: dict[str, str] = {}
    for file in resources.files(package).iterdir():
        if not file.name.endswith(".sql"):
            continue
        _, *parts = _NAME.split(file.read_text(encoding="utf-8"))
        for name, text in zip(parts[::2], parts[1::2], strict=True):
            if name in found:
                raise ValueError(f"two statements are called {name}")
            found[name] = text.strip().rstrip(";")
    return found


def sql(name: str) -> str:
    """The statement of this name.

    Raises:
        KeyError: no file has it.
    """
    return statements()[name]
