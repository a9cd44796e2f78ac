"""From a command to an exit code: runs it on Trio and turns every error people can put right into one sentence.

People never see a traceback. What is no error of theirs is a fault of ours: they read which, and its traceback is kept
in a file for whoever is to mend it.
"""

from __future__ import annotations

import errno
import gc
import os
import sys
import tempfile
import traceback
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn, TextIO

import click

from drena.cli.speech import SpokenGroup, tell
from drena.errors import DatabaseError, DrenaError, Exit, reason

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

INTERRUPTED: Final = 130
"""What shells tell of a program that Ctrl-C ended."""
FAULT_CHARS: Final = 200
OUTPUT_REFUSED: Final = frozenset(
    {errno.EPIPE, errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EBADF, errno.EROFS}
)


class Commands(SpokenGroup):
    """A group whose usage errors are one sentence, like all others."""

    def main(self, args: Sequence[str] | None = None, **options: Any) -> Any:  # type: ignore[override]
        hold_standard_streams()
        try:
            _expect_text(sys.argv[1:] if args is None else args)
            return super().main(args, **{"prog_name": "drena", "standalone_mode": False, **options})
        except click.exceptions.NoArgsIsHelpError as error:
            error.show()
            sys.exit(Exit.USAGE)
        except click.UsageError as error:
            with nullcontext() if error.ctx is None else error.ctx.scope(cleanup=False):
                complain(_usage(error))
            sys.exit(error.exit_code)
        except click.Abort:
            sys.exit(INTERRUPTED)
        except OSError as error:  # help and version are written by click
            sys.exit(_unwritten(error))


def hold_standard_streams() -> None:
    """Make sure that there are three standard streams, and that every word can be written to them.

    A stream that was closed by the caller would be the number of the next file or socket that is opened. A terminal
    that knows no "ç" is shown "?" in its place.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, Path(os.devnull).open(mode))  # noqa: SIM115  # until the process ends
        elif mode == "w" and hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace" if stream.encoding.lower() == "utf-8" else "replace")


def _expect_text(words: Sequence[str]) -> None:
    for word in words:
        try:
            word.encode()
        except UnicodeEncodeError:
            raise click.UsageError(f"{word!r} is not UTF-8 text") from None


def _usage(error: click.UsageError) -> str:
    said = " ".join(error.format_message().split()).rstrip(".")
    where = "drena" if error.ctx is None else error.ctx.command_path
    return f"{said}; see `{where} --help`."


def complain(sentence: str) -> None:
    """Say on standard error what is wrong; where that cannot be written, the exit code has to do."""
    try:
        click.echo(f"drena: {tell(sentence)}", err=True)
    except OSError:
        _give_up(sys.stderr)


def _give_up(stream: TextIO) -> None:
    """Let what is still buffered go nowhere: Python would try again at the end, and end with a code of its own."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def run_command(
    command: Callable[..., Awaitable[int | None]], *args: Any, keep: Callable[[BaseException], str] | None = None
) -> NoReturn:
    """Run a command and end the process with its exit code.

    Args:
        command: what is run, with `args`.
        keep: keeps the traceback of a fault of ours and says where; in a file by default.
    """
    import trio

    if not gc.isenabled():  # see `drena.__main__`; what was imported until now stays for good
        gc.freeze()
        gc.enable()
    code: int = Exit.OK
    try:
        code = trio.run(command, *args) or Exit.OK
        sys.stdout.flush()
    except (Exception, KeyboardInterrupt, BaseExceptionGroup) as error:  # noqa: BLE001  # the edge
        if _holds(error, KeyboardInterrupt):
            sys.exit(INTERRUPTED)
        if (unwritten := _of_output(error)) is not None:
            sys.exit(_unwritten(unwritten))
        known = _people_can_fix(error) or DrenaError(_fault(error, keep or _keep_in_file))
        complain(str(known))
        code = known.exit_code
    sys.exit(code)


def _holds(error: BaseException, kind: type[BaseException]) -> bool:
    if isinstance(error, BaseExceptionGroup):
        return any(_holds(each, kind) for each in error.exceptions)
    return isinstance(error, kind)


def _of_output(error: BaseException) -> OSError | None:
    """The refusal of a write to standard output, if that is what this is: it names no file."""
    if isinstance(error, BaseExceptionGroup):
        return next((found for each in error.exceptions if (found := _of_output(each))), None)
    ours = isinstance(error, OSError) and error.filename is None and error.errno in OUTPUT_REFUSED
    return error if ours and isinstance(error, OSError) else None


def _unwritten(error: OSError) -> Exit:
    """Standard output takes no more; only `| head` is no error."""
    _give_up(sys.stdout)
    if isinstance(error, BrokenPipeError):
        return Exit.OK
    complain(f"The output cannot be written: {reason(error)}.")
    return Exit.JOB_FAILED


def _fault(error: BaseException, keep: Callable[[BaseException], str]) -> str:
    what = " ".join("".join(traceback.format_exception_only(error)).split())
    return f"This is a fault of Drena itself, which its authors should hear of ({what[:FAULT_CHARS]}). {keep(error)}"


def _keep_in_file(error: BaseException) -> str:
    """For its owner's eyes only: what an exception says may be private."""
    try:
        with tempfile.NamedTemporaryFile("w", prefix="drena-fault-", suffix=".txt", delete=False) as file:
            traceback.print_exception(error, file=file)
    except OSError:
        return "Its traceback could not be kept."
    return f"Its traceback is in {file.name}."


def _people_can_fix(error: BaseException) -> DrenaError | None:
    """The first such error inside; None when any of it is a bug of ours."""
    from asyncpg_trio import exceptions as pg

    if isinstance(error, DrenaError):
        return error
    if isinstance(error, BaseExceptionGroup):
        found = [_people_can_fix(e) for e in error.exceptions]
        return None if None in found else found[0]
    # What a statement meets in an empty database, and in the old system's.
    if isinstance(
        error,
        pg.UndefinedTableError | pg.UndefinedColumnError | pg.UndefinedFunctionError | pg.InvalidSchemaNameError,
    ):
        return DatabaseError("This database has not been adopted yet: run `drena migrate` first.")
    if isinstance(error, pg.InsufficientPrivilegeError):
        return DatabaseError(f"The user of database.url lacks a right ({error}): grant it, or use the tables' owner.")
    if isinstance(error, pg.PostgresConnectionError | pg.AdminShutdownError | pg.CrashShutdownError):
        return DatabaseError("The connection to the database was lost in the middle: try again when it is back.")
    return None
