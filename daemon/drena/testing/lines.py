"""The daemon's log of a test: kept, not printed."""

from __future__ import annotations

from typing import Any, Self

from drena.log import Level

__all__ = ["Lines"]


class Lines:
    """A log that remembers its lines; satisfies `drena.api.Logger` and what the engine asks of a log."""

    def __init__(self, lines: list[tuple[Level, str, dict[str, Any]]] | None = None, **bound: Any) -> None:
        self.lines = [] if lines is None else lines
        """Level, message and fields of each line, in order."""
        self._bound = bound

    def bind(self, **fields: Any) -> Self:
        """The same log with more fields on every line."""
        return type(self)(self.lines, **{**self._bound, **fields})

    def tells(self, _level: Level) -> bool:
        """Everything is kept."""
        return True

    def debug(self, message: str, **fields: Any) -> None:
        self._keep("debug", message, fields)

    def info(self, message: str, **fields: Any) -> None:
        self._keep("info", message, fields)

    def warning(self, message: str, **fields: Any) -> None:
        self._keep("warning", message, fields)

    def error(self, message: str, **fields: Any) -> None:
        self._keep("error", message, fields)

    def exception(self, message: str, **fields: Any) -> None:
        self._keep("error", message, fields)

    def _keep(self, level: Level, message: str, fields: dict[str, Any]) -> None:
        self.lines.append((level, message, {**self._bound, **fields}))
