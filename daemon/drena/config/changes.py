"""What changed between two configurations, and whether a running daemon can take it. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from .settings import Config

LIVE: Final = (
    "log.level",
    "node.max_jobs",
    "tenant.",
    "poll.",
    "retry.",
    "shutdown.",
    "heal.",
    "retention.",
    "schedule.",
    "providers.",
)
"""Settings, or whole sections, that a reload changes at once. Attempts in hand keep the HTTP client they have."""


def changed_settings(old: Config, new: Config) -> tuple[list[str], list[str]]:
    """The keys that differ: those a reload takes, and those that need a restart."""
    before, after = (
        dict(_flat(msgspec.to_builtins(old, enc_hook=str))),
        dict(_flat(msgspec.to_builtins(new, enc_hook=str))),
    )
    changed = sorted(key for key in before.keys() | after.keys() if before.get(key) != after.get(key))
    live = [key for key in changed if changes_live(key)]
    return live, [key for key in changed if key not in live]


def changes_live(key: str) -> bool:
    """Whether a reload changes this setting at once."""
    return key.startswith(LIVE)


def _flat(value: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, member in value.items():
        if isinstance(member, dict):
            yield from _flat(member, f"{prefix}{name}.")
        else:
            yield prefix + name, member
