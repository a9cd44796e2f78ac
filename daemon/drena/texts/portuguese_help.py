"""The help of commands and options, and what the command line's library says of wrong words."""

from __future__ import annotations

from typing import Final

PHRASES: Final[dict[str, str]] = {}
