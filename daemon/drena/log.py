"""The daemon's log: structlog, one line an event, secrets taken out last.

`configure_logging` returns the `Log`, which owns the stream and the level; the level can change while the daemon runs
because it is read from there at each call and nothing is cached. Lines go to standard error: coloured text on a
terminal, otherwise one JSON object a line (`at`, `level`, `event`, then the fields), which journald and collectors
keep as they are.

Only structlog's plain methods are used; its `ainfo` family runs worker threads of asyncio. A line that cannot be
written is lost, never an error: the daemon must outlive its terminal. Foreign libraries' standard logging comes
through the same net from `warning` up; httpx2 and httpcore2 never below it, because they log whole URLs.
"""

from __future__ import annotations

import logging
import os
import re
import sys
from collections.abc import Mapping, MutableMapping
from typing import TYPE_CHECKING, Any, Final, Literal, Self, TextIO, cast

import msgspec

from .redaction import Redactor

if "rich" in sys.modules:
    import structlog
else:  # structlog imports it, if it can, for tracebacks as nobody sees them here, and takes a tenth of a start for that
    sys.modules["rich"] = None  # type: ignore[assignment]
    import structlog

    del sys.modules["rich"]

if TYPE_CHECKING:
    from structlog.typing import EventDict, Processor, WrappedLogger

__all__ = ["Format", "Level", "Log", "LogLines", "configure_logging", "get_logger"]

Level = Literal["debug", "info", "warning", "error"]
Format = Literal["auto", "console", "json"]
LEVELS: Final[Mapping[str, int]] = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}
PRIORITIES: Final[Mapping[str, int]] = {"debug": 7, "info": 6, "warning": 4, "error": 3}
"""Of syslog, by level: what `journalctl -p warning` goes by."""
CHATTY: Final = ("httpx2", "httpcore2")
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


class Log:
    """Where lines go and which are written. Made by `configure_logging`."""

    def __init__(self, stream: TextIO, level: Level) -> None:
        self._stream = stream
        self.level = level
        self._bridge: logging.Handler | None = None

    @property
    def level(self) -> Level:
        """The least serious line that is written; set it to change that at once."""
        return self._level

    @level.setter
    def level(self, level: Level) -> None:
        self._level = level
        self.threshold = LEVELS[level]

    def msg(self, line: str) -> None:
        """Write one rendered line; structlog calls this."""
        try:
            self._stream.write(line + "\n")
            self._stream.flush()
        except (OSError, ValueError):  # a closed terminal or pipe
            return

    def close(self) -> None:
        """Give structlog and standard logging back as they were before."""
        structlog.reset_defaults()
        if self._bridge is not None:
            logging.getLogger().removeHandler(self._bridge)

    def attach(self, bridge: logging.Handler) -> None:
        """Receive standard logging through this handler, in place of an earlier log's."""
        root = logging.getLogger()
        for earlier in [h for h in root.handlers if isinstance(h, StandardLogging)]:
            root.removeHandler(earlier)
        root.addHandler(bridge)
        self._bridge = bridge


class LogLines(structlog.BoundLoggerBase):
    """A logger with fields bound to it. Satisfies `drena.api.Logger`."""

    def bind(self, **fields: Any) -> Self:
        """The same logger with more fields on every line."""
        return super().bind(**fields)

    def tells(self, level: Level) -> bool:
        """Whether a line of this level would be written: for those who can save the work of making it."""
        return bool(LEVELS[level] >= self._logger.threshold)

    def debug(self, message: str, **fields: Any) -> None:
        self._write("debug", message, fields)

    def info(self, message: str, **fields: Any) -> None:
        self._write("info", message, fields)

    def warning(self, message: str, **fields: Any) -> None:
        self._write("warning", message, fields)

    def error(self, message: str, **fields: Any) -> None:
        self._write("error", message, fields)

    def exception(self, message: str, **fields: Any) -> None:
        """An error with the traceback of the exception being handled, or of `exc_info=`."""
        self._write("error", message, {"exc_info": True, **fields})

    def _write(self, level: str, message: str, fields: dict[str, Any]) -> None:
        if LEVELS[level] >= self._logger.threshold:
            self._proxy_to_logger("msg", message, level=level, **_renamed(fields))


class StandardLogging(logging.Handler):
    """Hands standard logging's records to ours."""

    def emit(self, record: logging.LogRecord) -> None:
        level = (
            "error" if record.levelno >= logging.ERROR else "warning" if record.levelno >= logging.WARNING else "info"
        )
        fields: dict[str, Any] = {"logger": record.name}
        if record.exc_info:
            fields["exc_info"] = record.exc_info
        try:
            message = record.getMessage()
        except Exception:  # noqa: BLE001 - a foreign call with wrong arguments must not break the caller
            message = str(record.msg)
        getattr(get_logger(), level)(message, **fields)


def configure_logging(
    *,
    redactor: Redactor,
    level: Level = "info",
    format: Format = "auto",  # noqa: A002 - the setting's name
    stream: TextIO | None = None,
    environ: Mapping[str, str] = os.environ,
) -> Log:
    """Set up logging for the process.

    Args:
        redactor: takes the secrets out of every field and line.
        level: the least serious line that is written; change it later with `Log.level`.
        format: `auto` is `console` on a terminal and `json` elsewhere.
        stream: standard error by default.
        environ: `NO_COLOR` keeps a terminal plain.

    Returns:
        The log; `close` undoes this call.
    """
    out = stream or sys.stderr
    terminal = out.isatty()
    log = Log(out, level)
    console = format == "console" or (format == "auto" and terminal)
    colours = terminal and not environ.get("NO_COLOR")
    structlog.configure(
        processors=_processors(redactor, console=console, colours=colours, journal=_is_journal(out, environ)),
        wrapper_class=LogLines,
        logger_factory=lambda *_: log,
        cache_logger_on_first_use=False,
    )
    log.attach(StandardLogging(logging.WARNING))
    for name in CHATTY:
        logging.getLogger(name).setLevel(logging.WARNING)
    return log


def get_logger(**fields: Any) -> LogLines:
    """A logger with these fields on every line. It may be made before `configure_logging`."""
    return cast("LogLines", structlog.get_logger(**fields))


def _is_journal(stream: TextIO, environ: Mapping[str, str]) -> bool:
    """Whether systemd's journal reads this stream: `JOURNAL_STREAM` holds the device and inode of the one it reads."""
    try:
        at = os.fstat(stream.fileno())
    except (OSError, ValueError):  # it is no file
        return False
    return environ.get("JOURNAL_STREAM") == f"{at.st_dev}:{at.st_ino}"


def _processors(redactor: Redactor, *, console: bool, colours: bool, journal: bool) -> list[Processor]:
    def redact(_logger: WrappedLogger, _method: str, event: EventDict) -> Mapping[str, Any]:
        return cast("Mapping[str, Any]", redactor.value(event))

    steps: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
        structlog.processors.format_exc_info,
        redact,
    ]
    if console:
        renderer = structlog.dev.ConsoleRenderer(colors=colours, timestamp_key="at", sort_keys=False)
        return [*steps, _without_controls, renderer]
    return [*steps, _for_journal if journal else _json]


def _renamed(fields: dict[str, Any]) -> dict[str, Any]:
    """Fields that carry one of the line's own names keep their value under another."""
    return {f"field_{name}" if name in ("level", "event", "at") else name: value for name, value in fields.items()}


def _without_controls(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Texts from outside cannot steer the terminal or fake a second line."""
    return {_one_line(name): _steerless(name, value) for name, value in event.items()}


def _steerless(name: str, value: Any) -> Any:
    if not isinstance(value, str):
        return value
    return _CONTROLS.sub(_escaped, value) if name == "exception" else _one_line(value)


def _one_line(text: str) -> str:
    return _CONTROLS.sub(_escaped, text.replace("\n", "\\n"))


def _escaped(found: re.Match[str]) -> str:
    return f"\\x{ord(found[0]):02x}"


def _for_journal(logger: WrappedLogger, method: str, event: MutableMapping[str, Any]) -> str:
    """The line with its priority in front, which the journal takes off (sd-daemon(3))."""
    priority = PRIORITIES.get(str(event.get("level")), PRIORITIES["info"])
    return f"<{priority}>{_json(logger, method, event)}"


def _json(_logger: WrappedLogger, _method: str, event: MutableMapping[str, Any]) -> str:
    line = {"at": event.pop("at", None), "level": event.pop("level", None), "event": event.pop("event", None), **event}
    try:
        return msgspec.json.encode(line).decode()
    except (UnicodeEncodeError, OverflowError):  # lone surrogates in a foreign text, an integer beyond 64 bits
        return msgspec.json.encode({k: ascii(v) for k, v in line.items()}).decode()
