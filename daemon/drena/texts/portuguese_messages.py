"""What commands answer, and the headers of their listings."""

from __future__ import annotations

from typing import Final

PHRASES: Final[dict[str, str]] = {}
