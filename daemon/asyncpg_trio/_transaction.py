"""Transactions and savepoints.

What it guarantees: leaving the block by an exception, a cancellation included, rolls back before anything else can use
the connection, under a shielded deadline; where that fails, the connection is closed, and the block's own exception is
what the caller sees. A cancelled COMMIT may have happened or not; what is certain is that no transaction stays open.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from types import TracebackType

    from ._session import Session


class Transaction:
    """A transaction, or a savepoint when inside one."""

    __slots__ = ("_inner", "_session")

    def __init__(self, session: Session, inner: Any) -> None:
        self._session = session
        self._inner = inner

    async def start(self) -> None:
        """Begin; `async with` does it for you."""
        await self._begin(self._inner.start)

    async def commit(self) -> None:
        """Commit, or release the savepoint."""
        await self._session.run(self._inner.commit)

    async def rollback(self) -> None:
        """Roll back, to the savepoint when inside a transaction."""
        await self._session.run(self._inner.rollback)

    async def __aenter__(self) -> Self:
        await self._begin(self._inner.__aenter__)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            try:
                await self._session.run(self._inner.__aexit__, None, None, None)  # noqa: ASYNC102  (bounded inside)
            except BaseException:
                await self._abandon()  # noqa: ASYNC102  (bounded inside)
                raise
            return
        if not await self._session.clean_up(self._session.run, self._inner.__aexit__, kind, error, trace):  # noqa: ASYNC102  (bounded inside)
            self._session.terminate()

    async def _begin(self, begin: Callable[[], Awaitable[None]]) -> None:
        try:
            await self._session.run(begin)
        except BaseException:
            await self._abandon()  # noqa: ASYNC102  (bounded inside)
            raise

    async def _abandon(self) -> None:
        """After a failed or cancelled BEGIN or COMMIT: no transaction of ours may stay open."""
        if self._inner._nested or not self._session.in_transaction():
            if self._session.wire._top_xact is self._inner:
                self._session.wire._top_xact = None
            return
        if not await self._session.clean_up_by("ROLLBACK"):
            self._session.terminate()
        self._session.wire._top_xact = None
