"""The COPY calls of a connection.

An output that fails, or is cancelled, must not fail inside asyncpg: it cannot know there whether the server has already
finished, and would wait for an end that came before. So `_Sink` keeps the error, takes no more data, and cancels the
call from outside, which is the one way that is right whether or not the end has come.
"""

from __future__ import annotations

import os
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import trio

from ._options import refuse_timeout

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Iterable, Sequence
    from os import PathLike
    from typing import IO

    from ._session import Session

    Output = str | PathLike[str] | IO[bytes] | Callable[[bytes], Awaitable[object]]
    Source = str | PathLike[str] | IO[bytes] | AsyncIterable[bytes] | bytearray | memoryview


class CopyMixin:
    """COPY in both directions, with backpressure: neither side is read faster than the other takes it."""

    __slots__ = ()

    if TYPE_CHECKING:

        @property
        def _session(self) -> Session: ...

    async def copy_from_table(self, table_name: str, *, output: Output, timeout: None = None, **options: Any) -> str:
        """Copy a table to a path, a binary file or an async function; the status of the command."""
        return await self._copy_out("copy_from_table", timeout, table_name, output=output, **options)

    async def copy_from_query(
        self, query: str, *args: Any, output: Output, timeout: None = None, **options: Any
    ) -> str:
        """Copy the result of a query to a path, a binary file or an async function."""
        return await self._copy_out("copy_from_query", timeout, query, *args, output=output, **options)

    async def copy_to_table(self, table_name: str, *, source: Source, timeout: None = None, **options: Any) -> str:
        """Copy a path, a binary file, a buffer or an async iterable of bytes to a table.

        A `bytes` object is a path, as in asyncpg; data come as `bytearray` or `memoryview`.
        """
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

    async def _copy_out(self, name: str, timeout: None, *args: Any, output: Output, **options: Any) -> str:
        status = ""
        async with _opened(output) as take:
            sink = _Sink(take)
            with sink.scope:
                status = await self._copy(name, timeout, *args, output=sink.take, **options)
        if sink.error is not None:
            raise sink.error
        return status

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


class _Sink:
    """A user's output, whose error ends the COPY from outside."""

    def __init__(self, output: Callable[[bytes], Awaitable[object]]) -> None:
        self.scope = trio.CancelScope()
        self.error: BaseException | None = None
        self._output = output

    async def take(self, data: bytes) -> None:
        if self.error is None:
            try:
                await self._output(data)
            except BaseException as error:  # noqa: BLE001, ASYNC103  (raised by the caller, outside of asyncpg)
                self.error = error
                self.scope.cancel()


@asynccontextmanager
async def _opened(output: Output) -> AsyncIterator[Callable[[bytes], Awaitable[object]]]:
    """An output of any kind as an async function."""
    if isinstance(output, str | os.PathLike):
        async with await trio.open_file(output, "wb") as file:
            yield file.write
    elif hasattr(output, "write"):
        yield trio.wrap_file(output).write
    elif callable(output):
        yield output
    else:
        raise TypeError(
            "output is expected to be a path-like object, a file-like object or an async function, "
            f"not {type(output).__name__}"
        )
