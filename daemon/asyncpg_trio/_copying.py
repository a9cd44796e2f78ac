"""The COPY calls of a connection."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._refusals import refuse_timeout

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Awaitable, Callable, Iterable, Sequence
    from os import PathLike
    from typing import IO

    from ._session import Session

    Output = PathLike[str] | IO[bytes] | Callable[[bytes], Awaitable[object]]
    Source = PathLike[str] | IO[bytes] | AsyncIterable[bytes] | bytes | bytearray | memoryview


class CopyMixin:
    """COPY in both directions, with backpressure: neither side is read faster than the other takes it."""

    __slots__ = ()

    if TYPE_CHECKING:

        @property
        def _session(self) -> Session: ...

    async def copy_from_table(self, table_name: str, *, output: Output, timeout: None = None, **options: Any) -> str:
        """Copy a table to a path, a binary file or an async function; the status of the command."""
        return await self._copy("copy_from_table", timeout, table_name, output=self._taking(output), **options)

    async def copy_from_query(
        self, query: str, *args: Any, output: Output, timeout: None = None, **options: Any
    ) -> str:
        """Copy the result of a query to a path, a binary file or an async function."""
        return await self._copy("copy_from_query", timeout, query, *args, output=self._taking(output), **options)

    async def copy_to_table(self, table_name: str, *, source: Source, timeout: None = None, **options: Any) -> str:
        """Copy a path, a binary file, bytes or an async iterable of bytes to a table."""
        return await self._copy("copy_to_table", timeout, table_name, source=self._giving(source), **options)

    async def copy_records_to_table(
        self,
        table_name: str,
        *,
        records: Iterable[Sequence[Any]] | AsyncIterable[Sequence[Any]],
        columns: Sequence[str] | None = None,
        schema_name: str | None = None,
        timeout: None = None,
        where: str | None = None,
    ) -> str:
        """Copy rows, from an iterable or an async iterable, to a table in binary form."""
        return await self._copy(
            "copy_records_to_table",
            timeout,
            table_name,
            records=self._giving(records),
            columns=columns,
            schema_name=schema_name,
            where=where,
        )

    async def _copy(self, name: str, timeout: None, *args: Any, **options: Any) -> str:
        refuse_timeout(timeout)
        session = self._session
        status: str = await session.run(getattr(session.wire, name), *args, **options)
        return status

    def _taking(self, output: Any) -> Any:
        """A user's async function, with its cancellation translated for asyncpg's clean-up."""
        if not callable(output) or hasattr(output, "write") or hasattr(output, "__fspath__"):
            return output
        loop = self._session.loop

        async def take(data: bytes) -> None:
            await loop.as_asyncpg_expects(output, data)

        return take

    def _giving(self, source: Any) -> Any:
        if not hasattr(source, "__aiter__"):
            return source
        return _Translated(self._session, source)


class _Translated:
    """A user's async iterable, with its cancellation translated for asyncpg's clean-up."""

    def __init__(self, session: Session, source: AsyncIterable[Any]) -> None:
        self._session = session
        self._iterator = source.__aiter__()

    def __aiter__(self) -> _Translated:
        return self

    async def __anext__(self) -> Any:
        return await self._session.loop.as_asyncpg_expects(self._iterator.__anext__)
