"""What people can put right: configuration, database, plugins, names that do not exist."""

from __future__ import annotations

from typing import Final

PHRASES: Final[dict[str, str]] = {}
