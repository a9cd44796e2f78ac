"""From a command to an exit code: runs it on Trio and turns every error people can put right into one sentence."""

from __future__ import annotations

import os
import sys
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, Final, NoReturn

import click
import trio

from asyncpg_trio import exceptions as pg
from drena.cli.speech import SpokenGroup, tell
from drena.errors import DatabaseError, DrenaError, Exit

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

NOT_ADOPTED: Final = (
    pg.UndefinedTableError,
    pg.UndefinedColumnError,
    pg.UndefinedFunctionError,
    pg.InvalidSchemaNameError,
)
"""What a statement meets in an empty database, and in the old system's."""


class Commands(SpokenGroup):
    """A group whose usage errors are one sentence, like all others."""

    def main(self, *args: Any, **options: Any) -> Any:
        try:
            return super().main(*args, **{"prog_name": "drena", "standalone_mode": False, **options})
        except click.exceptions.NoArgsIsHelpError as error:
            error.show()
            sys.exit(Exit.USAGE)
        except click.UsageError as error:
            with nullcontext() if error.ctx is None else error.ctx.scope(cleanup=False):
                click.echo(f"drena: {tell(_usage(error))}", err=True)
            sys.exit(error.exit_code)
        except click.Abort:
            sys.exit(130)


def _usage(error: click.UsageError) -> str:
    said = " ".join(error.format_message().split()).rstrip(".")
    where = "drena" if error.ctx is None else error.ctx.command_path
    return f"{said}; see `{where} --help`."


def run_command(command: Callable[..., Awaitable[Exit | None]], *args: Any) -> NoReturn:
    """Run a command and end the process with its exit code."""
    code = Exit.OK
    try:
        code = trio.run(command, *args) or Exit.OK
        sys.stdout.flush()
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:  # the reader of our output has gone: `drena jobs | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what is still buffered goes nowhere
        sys.exit(0)
    except Exception as error:
        known = _people_can_fix(error)
        if known is None:
            raise
        click.echo(f"drena: {tell(str(known))}", err=True)
        code = known.exit_code
    sys.exit(code)


def _people_can_fix(error: BaseException) -> DrenaError | None:
    """The first such error inside; None when any of it is a bug of ours."""
    if isinstance(error, DrenaError):
        return error
    if isinstance(error, BaseExceptionGroup):
        found = [_people_can_fix(e) for e in error.exceptions]
        return None if None in found else found[0]
    if isinstance(error, NOT_ADOPTED):
        return DatabaseError("This database has not been adopted yet: run `drena migrate` first.")
    if isinstance(error, pg.InsufficientPrivilegeError):
        return DatabaseError(f"The user of database.url lacks a right ({error}): grant it, or use the tables' owner.")
    if isinstance(error, pg.PostgresConnectionError | pg.AdminShutdownError | pg.CrashShutdownError):
        return DatabaseError("The connection to the database was lost in the middle: try again when it is back.")
    return None
