"""What to do while the database is away: wait with jitter and try again. One place, so that every loop does the
same."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Final, TypeVar

import trio

from asyncpg_trio import exceptions as pg

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from drena.log import LogLines

T = TypeVar("T")

PASSING: Final = (
    OSError,
    pg.PostgresConnectionError,
    pg.InterfaceError,
    pg.OperatorInterventionError,  # shut down, crashed, starting up; somebody ended the session or cancelled the query
    pg.InsufficientResourcesError,  # too many connections, the disk or the memory is full
    pg.PostgresSystemError,
    pg.TransactionRollbackError,  # this statement was chosen to break a deadlock
    pg.LockNotAvailableError,
    pg.IdleInTransactionSessionTimeoutError,
    pg.ReadOnlySQLTransactionError,  # a standby, until it is promoted
)
"""Failures that time heals: the server is away, restarting or full, or somebody interfered with this statement."""

FIRST_WAIT_S: Final = 0.1
LONGEST_WAIT_S: Final = 5.0
ANSWER_LIMIT_S: Final = 10.0
"""A call that is not answered for so long has a half-open connection and is given up, with the connection."""


def passes(error: BaseException) -> bool:
    """Whether time heals it. What the driver says of wrong arguments is among `PASSING` by descent, and never does."""
    return isinstance(error, PASSING) and not isinstance(error, ValueError)


async def outlast(
    what: str, call: Callable[[], Awaitable[T]], log: LogLines, *, answer_limit_s: float = ANSWER_LIMIT_S
) -> T:
    """Call until it succeeds, however long the database is away; the caller's scope sets the limit.

    Args:
        what: the action in words, for the log.
        call: safe to repeat.
        log: told once at the first failure and once when it is over.
        answer_limit_s: how long one call may take.

    Raises:
        Exception: whatever is not a passing failure.
    """
    wait_s, failures = FIRST_WAIT_S, 0
    while True:
        try:
            with trio.fail_after(answer_limit_s):
                result = await call()
        except (*PASSING, trio.TooSlowError) as error:
            if not passes(error) and not isinstance(error, trio.TooSlowError):
                raise
            failures += 1
            if failures == 1:
                log.warning(
                    "database out of reach, will try again", doing=what, error=f"{type(error).__name__}: {error}"
                )
            await trio.sleep(wait_s * random.uniform(0.5, 1.0))  # noqa: S311  # jitter, not a secret
            wait_s = min(wait_s * 2, LONGEST_WAIT_S)
        else:
            if failures:
                log.info("database is back", doing=what, failures=failures)
            return result
