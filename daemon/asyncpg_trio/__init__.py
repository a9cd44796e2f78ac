"""asyncpg on Trio: its protocol engine, its interface, and no asyncio event loop.

    async with asyncpg_trio.connect("postgresql://...") as conn:
        rows = await conn.fetch("select $1::int", 1)

asyncpg's exceptions pass through; they are offered here as well, so that a user never imports asyncpg.
"""

from __future__ import annotations

from asyncpg.exceptions import *  # noqa: F403

from ._asyncpg_private import Record, exceptions, types
from ._connection import Connection, connect
from ._cursor import Cursor, CursorFactory
from ._limits import CANCEL_LIMIT_S, CLOSE_LIMIT_S
from ._notifications import Listening, Notification, Notifications, NotificationsLostError
from ._options import ConnectOptions
from ._pool import Pool, PoolStatistics, create_pool
from ._statement import PreparedStatement
from ._transaction import Transaction

__all__ = [
    "CANCEL_LIMIT_S",
    "CLOSE_LIMIT_S",
    "ConnectOptions",
    "Connection",
    "Cursor",
    "CursorFactory",
    "Listening",
    "Notification",
    "Notifications",
    "NotificationsLostError",
    "Pool",
    "PoolStatistics",
    "PreparedStatement",
    "Record",
    "Transaction",
    "connect",
    "create_pool",
    "exceptions",
    "types",
]
__all__ += exceptions.__all__
