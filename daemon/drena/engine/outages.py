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

OUT_OF_REACH: Final = "database out of reach, will try again"
REFUSING: Final = "the database refuses this, will try again: somebody has to look"

FIRST_WAIT_S: Final = 0.1
LONGEST_WAIT_S: Final = 5.0
ANSWER_LIMIT_S: Final = 10.0
"""A call that is not answered for so long has a half-open connection and is given up, with the connection."""


def passes(error: BaseException) -> bool:
    """Whether time heals it. What the driver says of wrong arguments is among `PASSING` by descent, and never does."""
    return isinstance(error, PASSING) and not isinstance(error, ValueError)


async def outlast(
    what: str,
    call: Callable[[], Awaitable[T]],
    log: LogLines,
    *,
    answer_limit_s: float = ANSWER_LIMIT_S,
    only_passing: bool = False,
) -> T:
    """Call until it succeeds, however long the database is away; the caller's scope sets the limit.

    What a person has to heal (somebody's trigger that raises, a right that was taken away) is outlasted as well: it
    must not end a daemon whose other work goes on, and it is told as an error.

    Args:
        what: the action in words, for the log.
        call: safe to repeat.
        log: told once at the first failure, and of each other one after it; and once when it is over.
        answer_limit_s: how long one call may take.
        only_passing: raise what time does not heal, for a caller that knows better than to repeat it.

    Raises:
        PostgresError: only with `only_passing`.
        Exception: whatever the server did not say: a wrong argument is our own mistake.
    """
    wait_s, told = FIRST_WAIT_S, ""
    while True:
        try:
            with trio.fail_after(answer_limit_s):
                result = await call()
        except (*PASSING, pg.PostgresError, trio.TooSlowError) as error:
            healing = passes(error) or isinstance(error, trio.TooSlowError)
            if not healing and (only_passing or not isinstance(error, pg.PostgresError)):
                raise
            if told != (told := type(error).__name__):
                tell, sentence = (log.warning, OUT_OF_REACH) if healing else (log.error, REFUSING)
                tell(sentence, doing=what, error=f"{told}: {error}")
            await trio.sleep(wait_s * random.uniform(0.5, 1.0))  # noqa: S311  # jitter, not a secret
            wait_s = min(wait_s * 2, LONGEST_WAIT_S)
        else:
            if told:
                log.info("database is back", doing=what)
            return result
