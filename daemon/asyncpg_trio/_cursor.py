"""Cursors: asyncpg's portals, each step inside the calling task.

Leaving an `async for` early leaves nothing to clean up: there is no generator behind it, and the portal ends with its
transaction.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import trio

from ._options import refuse_timeout

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Generator

    from ._asyncpg_private import Record
    from ._session import Session


class CursorFactory:
    """What `Connection.cursor` returns: iterate over it, or await it for a :class:`Cursor`."""

    __slots__ = ("_inner", "_session")

    def __init__(self, session: Session, inner: Any) -> None:
        self._session = session
        self._inner = inner

    def __aiter__(self) -> AsyncIterator[Record]:
        return CursorIterator(self._session, self._inner.__aiter__())

    def __await__(self) -> Generator[Any, Any, Cursor]:
        return self._open().__await__()

    async def _open(self) -> Cursor:
        return Cursor(self._session, await self._session.run(self._awaited))

    async def _awaited(self) -> Any:
        return await self._inner


class CursorIterator:
    """Rows one by one, fetched in blocks of `prefetch`."""

    __slots__ = ("_inner", "_session")

    def __init__(self, session: Session, inner: Any) -> None:
        self._session = session
        self._inner = inner

    def __aiter__(self) -> CursorIterator:
        return self

    async def __anext__(self) -> Record:
        buffered = self._inner._buffer
        if buffered and not self._session.closed:
            await trio.lowlevel.checkpoint_if_cancelled()
            self._inner._check_conn_validity("__anext__")
            if buffered:
                row: Record = buffered.popleft()
                return row
        return await self._session.run(self._inner.__anext__)


class Cursor:
    """An open portal."""

    __slots__ = ("_inner", "_session")

    def __init__(self, session: Session, inner: Any) -> None:
        self._session = session
        self._inner = inner

    async def fetch(self, n: int, *, timeout: None = None) -> list[Record]:
        """The next n rows."""
        refuse_timeout(timeout)
        rows: list[Record] = await self._session.run(self._inner.fetch, n)
        return rows

    async def fetchrow(self, *, timeout: None = None) -> Record | None:
        """The next row, or None."""
        refuse_timeout(timeout)
        row: Record | None = await self._session.run(self._inner.fetchrow)
        return row

    async def forward(self, n: int, *, timeout: None = None) -> int:
        """Skip n rows; how many were skipped."""
        refuse_timeout(timeout)
        skipped: int = await self._session.run(self._inner.forward, n)
        return skipped
