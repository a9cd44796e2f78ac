"""The drivers to compare, each behind the same five calls.

A contender is run in a process of its own (`worker.py`), because an asyncio loop and a Trio run do not share one, and
because what one driver leaves in memory must not slow the next.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    Task = Callable[[], Awaitable[None]]

ROWS = "select n, n::text as t, n * 1.5::float8 as f from generate_series(1, 1000) n"
CREATE = "create temp table bench (a int, b text)"
INSERT = "insert into bench values ({0}, {1})"
MANY = [(number, f"row {number}") for number in range(10_000)]
COPIED = [(number, f"row {number}") for number in range(100_000)]


class AsyncpgLike:
    """asyncpg's interface, which asyncpg_trio and the bridge share."""

    module: Any

    def run(self, function: Task) -> None:
        raise NotImplementedError

    async def at_once(self, tasks: list[Task]) -> None:
        raise NotImplementedError

    def connect(self, dsn: str) -> contextlib.AbstractAsyncContextManager[Any]:
        raise NotImplementedError

    def pool(self, dsn: str, size: int) -> contextlib.AbstractAsyncContextManager[Any]:
        raise NotImplementedError

    async def prepare(self, conn: Any) -> None:
        await conn.execute(CREATE)

    async def single(self, conn: Any) -> None:
        await conn.fetchval("select $1::int", 1)

    async def pooled(self, pool: Any) -> None:
        await pool.fetchval("select $1::int", 1)

    async def rows(self, conn: Any) -> None:
        await conn.fetch(ROWS)

    async def many(self, conn: Any) -> None:
        await conn.executemany(INSERT.format("$1", "$2"), MANY)

    async def copy(self, conn: Any) -> None:
        await conn.copy_records_to_table("bench", records=COPIED)

    async def truncate(self, conn: Any) -> None:
        await conn.execute("truncate bench")


class AsyncpgOnAsyncio(AsyncpgLike):
    """asyncpg where it is at home: the measure of the others."""

    def run(self, function: Task) -> None:
        asyncio.run(function())  # type: ignore[arg-type]

    async def at_once(self, tasks: list[Task]) -> None:
        await asyncio.gather(*[task() for task in tasks])

    @contextlib.asynccontextmanager
    async def connect(self, dsn: str) -> AsyncIterator[Any]:
        import asyncpg

        conn = await asyncpg.connect(dsn)
        yield conn
        await conn.close()

    @contextlib.asynccontextmanager
    async def pool(self, dsn: str, size: int) -> AsyncIterator[Any]:
        import asyncpg

        async with asyncpg.create_pool(dsn, min_size=size, max_size=size) as pool:
            yield pool


class AsyncpgTrio(AsyncpgLike):
    """This package."""

    def run(self, function: Task) -> None:
        import trio

        trio.run(function)

    async def at_once(self, tasks: list[Task]) -> None:
        import trio

        async with trio.open_nursery() as nursery:
            for task in tasks:
                nursery.start_soon(task)

    def connect(self, dsn: str) -> contextlib.AbstractAsyncContextManager[Any]:
        import asyncpg_trio

        return asyncpg_trio.connect(dsn)

    def pool(self, dsn: str, size: int) -> contextlib.AbstractAsyncContextManager[Any]:
        import asyncpg_trio

        return asyncpg_trio.create_pool(dsn, min_size=size, max_size=size)


class Bridge(AsyncpgTrio):
    """asyncpg behind trio-asyncio, each call crossing by itself."""

    def run(self, function: Task) -> None:
        import trio
        import trio_asyncio

        async def inside() -> None:
            async with trio_asyncio.open_loop():
                await function()

        trio.run(inside)

    @contextlib.asynccontextmanager
    async def connect(self, dsn: str) -> AsyncIterator[Any]:
        import asyncpg
        from trio_asyncio import aio_as_trio

        conn = await aio_as_trio(asyncpg.connect)(dsn)
        yield Crossing(conn)
        await aio_as_trio(conn.close)()

    @contextlib.asynccontextmanager
    async def pool(self, dsn: str, size: int) -> AsyncIterator[Any]:
        import asyncpg
        from trio_asyncio import aio_as_trio

        async def opened() -> Any:
            return await asyncpg.create_pool(dsn, min_size=size, max_size=size)

        pool = await aio_as_trio(opened)()
        yield Crossing(pool)
        await aio_as_trio(pool.close)()


class Crossing:
    """Each method of an asyncio object, called across the bridge."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        from trio_asyncio import aio_as_trio

        crossing = aio_as_trio(getattr(self._inner, name))
        setattr(self, name, crossing)
        return crossing


class Psycopg(AsyncpgOnAsyncio):
    """psycopg 3, with its C part, on asyncio."""

    @contextlib.asynccontextmanager
    async def connect(self, dsn: str) -> AsyncIterator[Any]:
        import psycopg

        async with await psycopg.AsyncConnection.connect(dsn, autocommit=True, prepare_threshold=0) as conn:
            yield conn

    @contextlib.asynccontextmanager
    async def pool(self, dsn: str, size: int) -> AsyncIterator[Any]:
        import psycopg_pool

        async with psycopg_pool.AsyncConnectionPool(
            dsn, min_size=size, max_size=size, kwargs={"autocommit": True, "prepare_threshold": 0}
        ) as pool:
            await pool.wait()
            yield pool

    async def single(self, conn: Any) -> None:
        await (await conn.execute("select %s::int4", (1,), binary=True)).fetchone()

    async def pooled(self, pool: Any) -> None:
        async with pool.connection() as conn:
            await self.single(conn)

    async def rows(self, conn: Any) -> None:
        await (await conn.execute(ROWS, binary=True)).fetchall()

    async def many(self, conn: Any) -> None:
        async with conn.cursor() as cursor:
            await cursor.executemany(INSERT.format("%s", "%s"), MANY)

    async def copy(self, conn: Any) -> None:
        async with conn.cursor() as cursor, cursor.copy("copy bench from stdin (format binary)") as copy:
            copy.set_types(["int4", "text"])
            for row in COPIED:
                await copy.write_row(row)


CONTENDERS: dict[str, type[AsyncpgLike]] = {
    "asyncpg on asyncio": AsyncpgOnAsyncio,
    "asyncpg_trio": AsyncpgTrio,
    "trio-asyncio bridge": Bridge,
    "psycopg 3 on asyncio": Psycopg,
}
