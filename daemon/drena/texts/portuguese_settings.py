"""What each setting is for (`drena config`)."""

from __future__ import annotations

from typing import Final

PHRASES: Final[dict[str, str]] = {}
