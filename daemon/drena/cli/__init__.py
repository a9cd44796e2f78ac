"""The command line: `drena COMMAND`. Each command is a thin edge over the rooms below it."""

from __future__ import annotations

from .commands import main

__all__ = ["main"]
