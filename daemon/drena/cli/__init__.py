"""The command line: `drena COMMAND`. Each command is a thin edge over the rooms below it."""

from __future__ import annotations

from . import commands, schedule_commands, steering_commands, token_commands, watching_commands  # noqa: F401  # each command joins the program as it is imported
from .program import main

__all__ = ["main"]
