"""What a statement may leave behind in its session, told from its text.

A pool must not hand out a session with somebody's settings, locks, cursors or LISTEN in it, and resetting all of that
after every use costs a round trip each time. The text of a statement says, cheaply and on the safe side, what it can
have left: literals are searched too, so a mistake costs a reset, not a leak. What only a function on the server does (a
`set_config` inside a PL/pgSQL body) cannot be seen: `create_pool(reset="always")` is for those.
"""

from __future__ import annotations

import re
from functools import lru_cache

SETTINGS, LOCKS, CHANNELS, CURSORS, TEMPORARY, ROLE, ANYTHING = (1 << bit for bit in range(7))

# Where a statement may begin. The end of a block comment counts, so comments need no parsing of their own.
BEGIN = r"(?:\A|;|\*/)(?:\s|--[^\n]*(?:\n|\Z))*"
PATTERNS = {
    SETTINGS: rf"{BEGIN}(?:set\s+(?!local\b|transaction\b|constraints\b)|reset\b)|\bset_config\b",
    LOCKS: r"advisory",
    CHANNELS: rf"{BEGIN}(?:un)?listen\b",
    CURSORS: rf"{BEGIN}declare\b",
    TEMPORARY: r"\b(?:create|into|global|local|replace)\s+temp(?:orary)?\b|\bpg_temp\b",
    ROLE: rf"{BEGIN}set\s+(?:session\s+)?(?:role|authorization)\b|\bset_config\b",
    ANYTHING: rf"{BEGIN}(?:do|call|load|execute)\b",
}
COMPILED = {bit: re.compile(pattern, re.IGNORECASE) for bit, pattern in PATTERNS.items()}

STATEMENTS = {
    ROLE: "RESET SESSION AUTHORIZATION; RESET ROLE;",
    SETTINGS: "RESET ALL;",
    LOCKS: "SELECT pg_catalog.pg_advisory_unlock_all();",
    CHANNELS: "UNLISTEN *;",
    CURSORS: "CLOSE ALL;",
    TEMPORARY: "DISCARD TEMP;",
}
EVERYTHING = "".join(STATEMENTS.values())


@lru_cache(maxsize=1024)
def residue_of(query: str) -> int:
    """The kinds of residue a statement may leave, as bits."""
    return sum(bit for bit, pattern in COMPILED.items() if pattern.search(query))


def cleaning(residue: int) -> str:
    """The statements that remove such residue; empty when there is none."""
    if residue & ANYTHING:
        return EVERYTHING
    return "".join(text for bit, text in STATEMENTS.items() if residue & bit)
