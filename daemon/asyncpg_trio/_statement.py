"""Prepared statements."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._cursor import CursorFactory
from ._options import refuse_timeout

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ._asyncpg_private import Record, types
    from ._session import Session


class PreparedStatement:
    """A statement the server has parsed; usable while its connection is held."""

    __slots__ = ("_inner", "_session")

    def __init__(self, session: Session, inner: Any) -> None:
        self._session = session
        self._inner = inner

    def get_name(self) -> str:
        """Its name on the server."""
        name: str = self._inner.get_name()
        return name

    def get_query(self) -> str:
        """Its text."""
        query: str = self._inner.get_query()
        return query

    def get_statusmsg(self) -> str | None:
        """The status of its last execution."""
        status: str | None = self._inner.get_statusmsg()
        return status

    def get_parameters(self) -> tuple[types.Type, ...]:
        """The types of its arguments."""
        parameters: tuple[types.Type, ...] = self._inner.get_parameters()
        return parameters

    def get_attributes(self) -> tuple[types.Attribute, ...]:
        """The columns of its result."""
        attributes: tuple[types.Attribute, ...] = self._inner.get_attributes()
        return attributes

    def cursor(self, *args: Any, prefetch: int | None = None, timeout: None = None) -> CursorFactory:
        """A cursor over its result, inside a transaction."""
        refuse_timeout(timeout)
        return CursorFactory(self._session, self._inner.cursor(*args, prefetch=prefetch))

    async def explain(self, *args: Any, analyze: bool = False) -> Any:
        """The server's plan, as asyncpg decodes it."""
        return await self._session.run(self._inner.explain, *args, analyze=analyze)

    async def fetch(self, *args: Any, timeout: None = None) -> list[Record]:
        """All rows."""
        refuse_timeout(timeout)
        rows: list[Record] = await self._session.run(self._inner.fetch, *args)
        return rows

    async def fetchval(self, *args: Any, column: int = 0, timeout: None = None) -> Any:
        """One column of the first row, or None."""
        refuse_timeout(timeout)
        return await self._session.run(self._inner.fetchval, *args, column=column)

    async def fetchrow(self, *args: Any, timeout: None = None) -> Record | None:
        """The first row, or None."""
        refuse_timeout(timeout)
        row: Record | None = await self._session.run(self._inner.fetchrow, *args)
        return row

    async def fetchmany(self, args: Iterable[Sequence[Any]], *, timeout: None = None) -> list[Record]:
        """All rows of one execution for each sequence of arguments."""
        refuse_timeout(timeout)
        rows: list[Record] = await self._session.run_batches(self._inner.fetchmany, args)
        return rows

    async def executemany(self, args: Iterable[Sequence[Any]], *, timeout: None = None) -> None:
        """One execution for each sequence of arguments, all or nothing."""
        refuse_timeout(timeout)
        await self._session.run_batches(self._inner.executemany, args)
