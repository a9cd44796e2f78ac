"""From a command to an exit code: runs it on Trio and turns every error people can put right into one sentence."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, NoReturn

import click
import trio

import asyncpg_trio
from drena.errors import DatabaseError, DrenaError, Exit

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


def run_command(command: Callable[..., Awaitable[Exit | None]], *args: Any) -> NoReturn:
    """Run a command and end the process with its exit code."""
    code = Exit.OK
    try:
        code = trio.run(command, *args) or Exit.OK
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:  # the reader of our output has gone: `drena jobs | head`
        sys.exit(0)
    except Exception as error:
        known = _people_can_fix(error)
        if known is None:
            raise
        click.echo(f"drena: {known}", err=True)
        code = known.exit_code
    sys.exit(code)


def _people_can_fix(error: BaseException) -> DrenaError | None:
    """The first such error inside; None when any of it is a bug of ours."""
    if isinstance(error, DrenaError):
        return error
    if isinstance(error, BaseExceptionGroup):
        found = [_people_can_fix(e) for e in error.exceptions]
        return None if None in found else found[0]
    if isinstance(error, asyncpg_trio.exceptions.UndefinedTableError | asyncpg_trio.exceptions.InvalidSchemaNameError):
        return DatabaseError("This database has not been adopted yet: run `drena migrate` first.")
    return None
