"""When retention runs: some minutes after the start, then about every hour, never faster than half of the time.

The jitter keeps nodes that were started together apart; when they meet all the same, they skip each other's rows.
"""

from __future__ import annotations

import random
from functools import partial
from typing import TYPE_CHECKING, Final

import msgspec
import trio

from asyncpg_trio import exceptions as pg
from drena.engine.outages import outlast
from drena.store.retention import prune

if TYPE_CHECKING:
    from collections.abc import Callable

    from asyncpg_trio import Pool
    from drena.config import Retention
    from drena.log import LogLines

FIRST_AFTER_S: Final = 300.0
EVERY_S: Final = 3600.0
REST: Final = 1.0


async def prune_now_and_then(pool: Pool, settings: Callable[[], Retention], log: LogLines) -> None:
    """Prune until cancelled. What the database refuses is logged and tried again an hour later: history that stays too
    long hurts nobody.

    Args:
        pool: where.
        settings: asked before every round; a reload changes them.
        log: told what went.
    """
    wait_s = FIRST_AFTER_S
    while True:
        await trio.sleep(wait_s * random.uniform(0.75, 1.25))  # noqa: S311  # jitter, not a secret
        wait_s = EVERY_S
        try:
            pruned = await outlast("prune", partial(prune, pool, settings(), rest=REST), log, only_passing=True)
        except pg.PostgresError as error:
            log.error("history could not be pruned, will try again", error=str(error), retry_in_s=wait_s)
        else:
            if pruned.total:
                log.info("history pruned", **msgspec.to_builtins(pruned))
