"""Opening the database in use, configured or embedded; and waiting for one that is not there yet."""

from __future__ import annotations

import itertools
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

import trio

from drena.errors import DatabaseAwayError
from drena.store.database import open_pool
from drena.store.embedded import open_embedded
from drena.systemd import notify

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from asyncpg_trio import Pool
    from drena.config import Config
    from drena.log import LogLines


@asynccontextmanager
async def open_database(config: Config) -> AsyncIterator[tuple[str, Pool]]:
    """The URL in use and a pool on it: `database.url`, or the embedded server.

    Raises:
        DatabaseError, ConfigError: one sentence; see `drena.store`.
    """
    async with (
        _configured(config.database.url) if config.database.url else open_embedded(config.state_dir) as url,
        open_pool(
            url,
            size=config.database.pool_size,
            idle_limit_s=config.lease.lease_s,
            pooled=config.database.listen_url is not None,
        ) as pool,
    ):
        yield url, pool


@asynccontextmanager
async def wait_for_database(config: Config, log: LogLines) -> AsyncIterator[tuple[str, Pool]]:
    """Like `open_database`, but a database that is not there yet is waited for, and said so, for `database.wait_s`.

    Raises:
        DatabaseError: it is still away then, or it refuses us.
    """
    give_up_s = trio.current_time() + config.database.wait_s
    for told in itertools.count():
        async with AsyncExitStack() as stack:
            try:
                opened = await stack.enter_async_context(open_database(config))
            except DatabaseAwayError as error:
                if trio.current_time() >= give_up_s:
                    raise
                if not told:
                    notify(f"STATUS=Waiting for the database. {error}")
                    log.warning("waiting for the database", reason=str(error), wait_s=config.database.wait_s)
            else:
                yield opened
                return
        await trio.sleep(1)


@asynccontextmanager
async def _configured(url: str) -> AsyncIterator[str]:
    yield url
