"""`Connection` and `connect`: asyncpg's interface, each call stepped inside the calling task."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Unpack

from ._asyncpg_private import exceptions
from ._copying import CopyMixin
from ._cursor import CursorFactory
from ._notifications import Listening
from ._observing import ObservingMixin
from ._options import checked, refuse_timeout
from ._residue import residue_of
from ._session import open_session
from ._statement import PreparedStatement
from ._transaction import Transaction

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable, Sequence

    from ._asyncpg_private import Record, types
    from ._options import ConnectOptions
    from ._session import Session


class Connection(CopyMixin, ObservingMixin):
    """A PostgreSQL session in use.

    Got from :func:`connect` or :meth:`Pool.acquire`; unusable afterwards. One call at a time: a second one while
    another is under way raises `InterfaceError`, except for waiting on :meth:`listen`.

    Every call may be cancelled at any time. The query is then cancelled on the server, which takes at most
    `CANCEL_LIMIT_S`; if the server does not confirm, the connection is closed.
    """

    __slots__ = ("_observers", "_residue", "_session_or_none")

    def __init__(self, session: Session) -> None:
        self._session_or_none: Session | None = session
        self._residue = 0
        self._observers = {}

    @property
    def _session(self) -> Session:
        session = self._session_or_none
        if session is None:
            raise exceptions.InterfaceError("the connection has been given back; it cannot be used any more")
        return session

    def _detach(self) -> Session:
        session = self._session
        if self._observers:
            self._stop_all_observing()
        self._session_or_none = None
        return session

    async def execute(self, query: str, *args: Any, timeout: None = None) -> str:
        """Run one statement with arguments, or any number without; the status of the last one."""
        refuse_timeout(timeout)
        self._residue |= residue_of(query)
        session = self._session
        session.wire._check_open()
        if args:
            return await session.status(query, args)
        status: str = await session.run(session.wire.execute, query)
        return status

    async def executemany(self, command: str, args: Iterable[Sequence[Any]], *, timeout: None = None) -> None:
        """Run a statement once for each sequence of arguments, all or nothing."""
        refuse_timeout(timeout)
        self._residue |= residue_of(command)
        await self._session.run_batches(self._session.wire.executemany, command, args)

    async def fetch(
        self, query: str, *args: Any, timeout: None = None, record_class: type[Record] | None = None
    ) -> list[Record]:
        """Run a query and return all its rows."""
        refuse_timeout(timeout)
        self._residue |= residue_of(query)
        session = self._session
        session.wire._check_open()
        return await session.rows(query, args, 0, record_class)

    async def fetchrow(
        self, query: str, *args: Any, timeout: None = None, record_class: type[Record] | None = None
    ) -> Record | None:
        """Run a query and return its first row, or None."""
        refuse_timeout(timeout)
        self._residue |= residue_of(query)
        session = self._session
        session.wire._check_open()
        rows = await session.rows(query, args, 1, record_class)
        return rows[0] if rows else None

    async def fetchval(self, query: str, *args: Any, column: int = 0, timeout: None = None) -> Any:
        """Run a query and return one column of its first row, or None."""
        refuse_timeout(timeout)
        self._residue |= residue_of(query)
        session = self._session
        session.wire._check_open()
        rows = await session.rows(query, args, 1)
        return rows[0][column] if rows else None

    async def fetchmany(
        self,
        query: str,
        args: Iterable[Sequence[Any]],
        *,
        timeout: None = None,
        record_class: type[Record] | None = None,
    ) -> list[Record]:
        """Run a query once for each sequence of arguments and return all rows."""
        refuse_timeout(timeout)
        self._residue |= residue_of(query)
        session = self._session
        rows: list[Record] = await session.run_batches(session.wire.fetchmany, query, args, record_class=record_class)
        return rows

    async def prepare(
        self,
        query: str,
        *,
        name: str | None = None,
        timeout: None = None,
        record_class: type[Record] | None = None,
    ) -> PreparedStatement:
        """Prepare a statement; it lives as long as the connection is held."""
        refuse_timeout(timeout)
        self._residue |= residue_of(query)
        session = self._session
        inner = await session.run(session.wire.prepare, query, name=name, record_class=record_class)
        return PreparedStatement(session, inner)

    def cursor(
        self,
        query: str,
        *args: Any,
        prefetch: int | None = None,
        timeout: None = None,
        record_class: type[Record] | None = None,
    ) -> CursorFactory:
        """A cursor over a query, inside a transaction: `async for row in ...`, or `cursor = await ...`."""
        refuse_timeout(timeout)
        self._residue |= residue_of(query)
        session = self._session
        return CursorFactory(session, session.wire.cursor(query, *args, prefetch=prefetch, record_class=record_class))

    def transaction(
        self, *, isolation: str | None = None, readonly: bool = False, deferrable: bool = False
    ) -> Transaction:
        """A transaction, or a savepoint inside one, as an async context manager."""
        session = self._session
        return Transaction(
            session, session.wire.transaction(isolation=isolation, readonly=readonly, deferrable=deferrable)
        )

    def is_in_transaction(self) -> bool:
        """Whether the server has a transaction open."""
        return self._session.in_transaction()

    def listen(self, *channels: str, max_buffer: int = 1000) -> Listening:
        """Listen to channels: `async with conn.listen("a") as notifications: async for n in notifications`.

        Args:
            channels: names, quoted for you.
            max_buffer: how many notifications wait for a slow receiver. When it is full, newer ones are dropped, and
                the receiver is told by :class:`NotificationsLostError` at that place.
        """
        return Listening(self._session, channels, max_buffer)

    async def set_type_codec(
        self,
        typename: str,
        *,
        schema: str = "public",
        encoder: Callable[[Any], Any],
        decoder: Callable[[Any], Any],
        format: str = "text",  # noqa: A002  (asyncpg's name)
    ) -> None:
        """Convert a type by functions of your own, on this session, for as long as it lives."""
        await self._session.run(
            self._session.wire.set_type_codec, typename, schema=schema, encoder=encoder, decoder=decoder, format=format
        )

    async def reset_type_codec(self, typename: str, *, schema: str = "public") -> None:
        """Undo :meth:`set_type_codec`."""
        await self._session.run(self._session.wire.reset_type_codec, typename, schema=schema)

    async def set_builtin_type_codec(
        self,
        typename: str,
        *,
        schema: str = "public",
        codec_name: str,
        format: str | None = None,  # noqa: A002
    ) -> None:
        """Convert a type as asyncpg converts another."""
        await self._session.run(
            self._session.wire.set_builtin_type_codec, typename, schema=schema, codec_name=codec_name, format=format
        )

    async def reload_schema_state(self) -> None:
        """Forget what is known of the schema, after types were altered."""
        await self._session.run(self._session.wire.reload_schema_state)

    async def reset(self, *, timeout: None = None) -> None:
        """Bring the session back to how it was opened: no transaction, no settings, no locks, no LISTEN."""
        refuse_timeout(timeout)
        await self._session.run(self._session.wire.reset)

    def get_server_pid(self) -> int:
        """The process id of the backend."""
        pid: int = self._session.wire.get_server_pid()
        return pid

    def get_server_version(self) -> types.ServerVersion:
        """The server's version, as a tuple with names."""
        return self._session.wire.get_server_version()

    def get_settings(self) -> Any:
        """The settings the server reported (server_version, TimeZone, ...), as attributes."""
        return self._session.wire.get_settings()

    def is_closed(self) -> bool:
        """Whether the connection is closed; looks at the socket, so that a server's goodbye is seen."""
        session = self._session_or_none
        return session is None or not session.poll()

    async def cancel(self) -> None:
        """End on the server what other tasks have under way on this connection; nothing when it is idle.

        Each such call raises `QueryCanceledError` in its own task, and the connection stays usable. To end a call of
        one's own, cancel its scope. Waits until the calls have ended.

        Raises:
            ConnectionDoesNotExistError: the connection is closed.
            OSError: the server does not take the second connection that a cancel request needs.
        Cancellation: the request may or may not have taken effect.
        """
        await self._session.cancel_calls()

    def terminate(self) -> None:
        """Close the connection at once, without waiting for anything."""
        if self._session_or_none is not None:
            self._session_or_none.terminate()

    async def close(self, *, timeout: None = None) -> None:
        """Close the connection and wait, within `CLOSE_LIMIT_S`, until the server hung up too.

        Cancellation: the connection is closed all the same, at once.
        """
        refuse_timeout(timeout)
        if self._session_or_none is not None:
            await self._session_or_none.close()

    aclose = close


@asynccontextmanager
async def connect(dsn: str | None = None, **options: Unpack[ConnectOptions]) -> AsyncIterator[Connection]:
    """Open a connection for the length of a block.

    Arguments, environment variables and files are asyncpg's. An exception of the block leaves it as it is, never inside
    an exception group: no nursery is involved.

    Raises:
        OSError: when no host can be reached.
        PostgresError: when the server refuses.
        NotImplementedError: for `timeout`, `command_timeout`, `loop` and `connection_class`.
    """
    session = await open_session(checked({"dsn": dsn, **options}))
    connection = Connection(session)
    try:
        yield connection
    except BaseException:
        session.terminate()
        raise
    await session.close()
