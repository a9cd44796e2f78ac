"""What a plugin did wrong while a command called it, in one sentence for its author."""

from __future__ import annotations

import traceback
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from drena.api import Provider


def said(error: BaseException, provider: Provider) -> str:
    """An exception of a provider: its kind, its words, and the place in the plugin it came through last."""
    words = " ".join(str(error).split())
    place = _place(error, type(provider).__module__.partition(".")[0])
    return f"{type(error).__name__}{': ' if words else ''}{words}{f' ({place})' if place else ''}"


def _place(error: BaseException, package: str) -> str:
    for frame, line in reversed(list(traceback.walk_tb(error.__traceback__))):
        if str(frame.f_globals.get("__name__", "")).partition(".")[0] == package:
            return f"{Path(frame.f_code.co_filename).name}, line {line}"
    return ""
