"""The calls of a connection, on a pool: each takes a connection for itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._options import refuse_timeout

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from contextlib import AbstractAsyncContextManager

    from ._asyncpg_private import Record
    from ._connection import Connection


class PooledCallsMixin:
    """Each call of a :class:`Connection` that needs no other call beside it."""

    if TYPE_CHECKING:

        def _acquiring(self) -> AbstractAsyncContextManager[Connection]: ...

    async def execute(self, query: str, *args: Any, timeout: None = None) -> str:
        """:meth:`Connection.execute` on a connection of the pool."""
        refuse_timeout(timeout)
        async with self._acquiring() as connection:
            return await connection.execute(query, *args)

    async def executemany(self, command: str, args: Iterable[Sequence[Any]], *, timeout: None = None) -> None:
        """:meth:`Connection.executemany` on a connection of the pool."""
        refuse_timeout(timeout)
        async with self._acquiring() as connection:
            await connection.executemany(command, args)

    async def fetch(
        self, query: str, *args: Any, timeout: None = None, record_class: type[Record] | None = None
    ) -> list[Record]:
        """:meth:`Connection.fetch` on a connection of the pool."""
        refuse_timeout(timeout)
        async with self._acquiring() as connection:
            return await connection.fetch(query, *args, record_class=record_class)

    async def fetchrow(
        self, query: str, *args: Any, timeout: None = None, record_class: type[Record] | None = None
    ) -> Record | None:
        """:meth:`Connection.fetchrow` on a connection of the pool."""
        refuse_timeout(timeout)
        async with self._acquiring() as connection:
            return await connection.fetchrow(query, *args, record_class=record_class)

    async def fetchval(self, query: str, *args: Any, column: int = 0, timeout: None = None) -> Any:
        """:meth:`Connection.fetchval` on a connection of the pool."""
        refuse_timeout(timeout)
        async with self._acquiring() as connection:
            return await connection.fetchval(query, *args, column=column)

    async def fetchmany(
        self,
        query: str,
        args: Iterable[Sequence[Any]],
        *,
        timeout: None = None,
        record_class: type[Record] | None = None,
    ) -> list[Record]:
        """:meth:`Connection.fetchmany` on a connection of the pool."""
        refuse_timeout(timeout)
        async with self._acquiring() as connection:
            return await connection.fetchmany(query, args, record_class=record_class)

    async def copy_from_table(self, table_name: str, *, output: Any, **options: Any) -> str:
        """:meth:`Connection.copy_from_table` on a connection of the pool."""
        async with self._acquiring() as connection:
            return await connection.copy_from_table(table_name, output=output, **options)

    async def copy_from_query(self, query: str, *args: Any, output: Any, **options: Any) -> str:
        """:meth:`Connection.copy_from_query` on a connection of the pool."""
        async with self._acquiring() as connection:
            return await connection.copy_from_query(query, *args, output=output, **options)

    async def copy_to_table(self, table_name: str, *, source: Any, **options: Any) -> str:
        """:meth:`Connection.copy_to_table` on a connection of the pool."""
        async with self._acquiring() as connection:
            return await connection.copy_to_table(table_name, source=source, **options)

    async def copy_records_to_table(self, table_name: str, *, records: Any, **options: Any) -> str:
        """:meth:`Connection.copy_records_to_table` on a connection of the pool."""
        async with self._acquiring() as connection:
            return await connection.copy_records_to_table(table_name, records=records, **options)
