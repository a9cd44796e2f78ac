"""Where plugins are: the installed distributions, and the folders of `plugins.path`."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.metadata import Distribution, EntryPoint, distributions
from pathlib import Path

from .hooks import GROUP


@dataclass(frozen=True, slots=True)
class Source:
    """A plugin that may be loaded."""

    name: str
    version: str
    entry: EntryPoint

    @property
    def names(self) -> tuple[str, str]:
        """What `plugins.disabled` may call it."""
        return self.name, self.entry.name


def installed(folders: Iterable[Path] = ()) -> Iterator[Source]:
    """The plugins installed for this Python and in these folders; of two with the same name the first counts."""
    seen: set[str] = set()
    for distribution in distributions(path=[*sys.path, *(str(folder) for folder in folders)]):
        entries = distribution.entry_points.select(group=GROUP)
        name = _name(distribution) if entries else None
        if name is None or name in seen:
            continue
        seen.add(name)
        for entry in entries:
            yield Source(name, distribution.version or "?", entry)


def holds_plugins(folder: Path) -> bool:
    """Whether a distribution with a plugin is installed in this folder."""
    return any(each.entry_points.select(group=GROUP) for each in distributions(path=[str(folder)]))


def _name(distribution: Distribution) -> str | None:
    """The normalised name; None for the leftovers of a broken installation."""
    name = distribution.metadata["Name"]
    return re.sub(r"[-_.]+", "-", name).lower() if name else None
