"""The fenced transaction an attempt writes through.

Invariant (I8): data, checkpoint, counters and the check of the lease token commit together or not at all. It holds
because the first statement of the transaction locks the job's row under the token, and whoever would take the job (a
rescue, a cancellation, another claim) has to write that row and therefore waits for this transaction or makes it find
nothing.
"""

from __future__ import annotations

from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any, Final

import trio

from asyncpg_trio import exceptions as pg
from drena.api import AttemptFenced, Counters, RetryLater
from drena.engine.outages import ANSWER_LIMIT_S, PASSING, passes
from drena.plugins.contract import kind
from drena.store.plain import plain_json
from drena.store.queries import sql

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Iterator, Sequence

    from asyncpg_trio import Connection, Pool, Record
    from drena.engine.statements import Statements
    from drena.store.jobs import Claim

CHECKPOINT_LIMIT_BYTES: Final = 64 * 1024


class DatabaseLost(RetryLater):
    """The database went away under an attempt: neither the provider's fault nor the outside system's."""

    def __init__(self) -> None:
        super().__init__(
            None, "O banco de dados ficou fora de alcance durante o processamento.", code="database_unreachable"
        )


@contextmanager
def losing(conn: Connection) -> Iterator[None]:
    """Tell a statement that failed because its connection died from one that failed by itself.

    Raises:
        DatabaseLost: the connection is gone.
    """
    try:
        yield
    except pg.IdleInTransactionSessionTimeoutError:
        raise  # the connection is gone too, but the provider let it idle
    except PASSING as error:
        if not passes(error) or not conn.is_closed():
            raise
        raise DatabaseLost from error


class Turns:
    """One transaction of an attempt at a time, for each of them holds the job's row: another task's waits its turn, and
    one inside another would wait for itself."""

    def __init__(self) -> None:
        self._lock = trio.Lock()

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """For the length of a transaction.

        Raises:
            RuntimeError: this task is inside one.
        """
        if self._lock.statistics().owner is trio.lowlevel.current_task():
            raise RuntimeError("ctx.transaction() inside another one of the same task: pass the outer one on")
        async with self._lock:
            yield


class FencedTransaction:
    """What `Context.transaction` yields; see `drena.api.Transaction`.

    Args:
        conn: in the transaction.
        statements: where its statements wait.
        session: the server's session it is in.
    """

    def __init__(self, conn: Connection, statements: Statements, session: int) -> None:
        self._conn = conn
        self._statements = statements
        self._session = session
        self.saved: str | None = None
        self.counted: dict[str, Counters] = {}
        self._over = False

    def end(self) -> None:
        """From here on every use of it is a bug of the provider."""
        self._over = True

    async def fetch(self, query: str, *args: Any) -> Sequence[Record]:
        with self._asking():
            return await self._conn.fetch(query, *args)

    async def fetchrow(self, query: str, *args: Any) -> Record | None:
        with self._asking():
            return await self._conn.fetchrow(query, *args)

    async def fetchval(self, query: str, *args: Any) -> Any:
        with self._asking():
            return await self._conn.fetchval(query, *args)

    async def execute(self, query: str, *args: Any) -> str:
        with self._asking():
            return await self._conn.execute(query, *args)

    async def executemany(self, query: str, args: Iterable[Sequence[Any]]) -> None:
        with self._asking():
            await self._conn.executemany(query, args)

    @contextmanager
    def _asking(self) -> Iterator[None]:
        """For the length of a statement.

        Raises:
            DatabaseLost: the connection is gone, or nothing will come over it any more.
        """
        self._must_be_open()
        with losing(self._conn), self._statements.waiting(self._session) as wait:
            yield
        if wait.cancelled_caught:
            raise DatabaseLost

    def _must_be_open(self) -> None:
        if self._over:
            raise RuntimeError("this transaction is over: use it inside its `async with ctx.transaction()`")

    def checkpoint(self, value: Any) -> None:
        self._must_be_open()
        text = plain_json(value, foreign=_refuse)
        if (size := len(text.encode())) > CHECKPOINT_LIMIT_BYTES:
            raise ValueError(f"a checkpoint may hold {CHECKPOINT_LIMIT_BYTES} bytes of JSON, this one has {size}")
        self.saved = text

    def count(
        self, entity: str, *, read: int = 0, created: int = 0, updated: int = 0, skipped: int = 0, errors: int = 0
    ) -> None:
        self._must_be_open()
        add(self.counted, entity, Counters(read=read, created=created, updated=updated, skipped=skipped, errors=errors))


def _refuse(thing: Any) -> Any:
    """Its `str()` would be kept as well, and be no more than its name and address for whoever goes on from there."""
    raise TypeError(f"a checkpoint is JSON, and {kind(thing)} cannot be a part of it")


def add(totals: dict[str, Counters], entity: str, more: Counters) -> None:
    """Add counters to the totals of an entity."""
    so_far = totals.setdefault(entity, Counters())
    for name in Counters.__struct_fields__:
        setattr(so_far, name, getattr(so_far, name) + getattr(more, name))


@asynccontextmanager
async def open_transaction(pool: Pool, claim: Claim, statements: Statements) -> AsyncIterator[FencedTransaction]:
    """Open a transaction that holds the job; leaving normally commits, anything else rolls back.

    Raises:
        AttemptFenced: the job is no longer this attempt's.
        DatabaseLost: the database is out of reach; whether what was to be committed is, nobody knows.
    """
    inside = False
    try:
        async with AsyncExitStack() as stack:
            conn = await stack.enter_async_context(pool.acquire())
            with trio.fail_after(ANSWER_LIMIT_S):
                await stack.enter_async_context(conn.transaction())
                held = await conn.fetchval(sql("hold_job"), claim.job.id, claim.token)
            if held is None:
                raise AttemptFenced(f"job {claim.job.id} is no longer held under lease token {claim.token}")
            transaction = FencedTransaction(conn, statements, held)
            inside = True
            try:
                yield transaction
            finally:
                transaction.end()
            inside = False
            with trio.fail_after(ANSWER_LIMIT_S):
                await _keep(transaction, conn, claim)
                await stack.aclose()
    except (*PASSING, trio.TooSlowError) as error:
        if inside or isinstance(error, ValueError):
            raise  # the provider's own
        raise DatabaseLost from error


async def _keep(transaction: FencedTransaction, conn: Connection, claim: Claim) -> None:
    """Write the checkpoint and the counters, with the data they speak of."""
    if transaction.saved is not None:
        await conn.execute(sql("save_checkpoint"), claim.job.id, transaction.saved)
    for entity, more in transaction.counted.items():
        await conn.execute(
            sql("count_rows"),
            claim.job.id,
            entity,
            more.read,
            more.created,
            more.updated,
            more.skipped,
            more.errors,
        )
