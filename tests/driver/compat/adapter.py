"""asyncpg's shapes over asyncpg_trio's: `await connect()`, `timeout=`, `pool.release()`, and a look inside.

Thin on purpose: a call goes to asyncpg_trio as it is, with `timeout=` turned into a cancel scope around it. Names with
an underscore are asyncpg's internals, which some tests look at; they are answered by the asyncpg connection inside.
"""

from __future__ import annotations

import importlib.util
import inspect
import sys
import unittest
import unittest.mock
from contextlib import contextmanager

import asyncpg
import asyncpg.connection
import asyncpg.pool
import loops
import trio
from asyncpg import _testbase

import asyncpg_trio
from asyncpg_trio._connection import Connection
from asyncpg_trio._cursor import Cursor, CursorFactory
from asyncpg_trio._options import checked
from asyncpg_trio._pool import Acquiring, Pool
from asyncpg_trio._session import open_session
from asyncpg_trio._statement import PreparedStatement

REAL_CONNECT = asyncpg.connect
NOT_GIVEN = object()


@contextmanager
def in_place():
    """asyncpg's names lead to asyncpg_trio while this lasts."""
    with (
        unittest.mock.patch.object(_testbase, "asyncio", loops),
        unittest.mock.patch.object(_testbase.ClusterTestCase, "create_pool", create_pool),
        unittest.mock.patch.object(_testbase.ClusterTestCase, "tearDown", tear_down),
        unittest.mock.patch.object(asyncpg, "connect", connect),
        unittest.mock.patch.object(asyncpg, "create_pool", plain_pool),
        unittest.mock.patch.object(asyncpg.pool, "create_pool", plain_pool),
        unittest.mock.patch.object(asyncpg.connection, "connect", connect),
    ):
        yield


def load(name, path):
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    if hasattr(module, "asyncio"):
        module.asyncio = loops.WhereItRuns()
    return module


def unsupported(what):
    raise unittest.SkipTest(f"{what} is not offered by asyncpg_trio")


async def connect(
    dsn=None,
    *,
    loop=None,
    timeout=60,
    command_timeout=None,
    connection_class=None,
    record_class=asyncpg.Record,
    **options,
):
    if not trio.lowlevel.in_trio_run():  # asyncpg.cluster, which tries its server from a loop of its own
        return await REAL_CONNECT(dsn, timeout=timeout, **options)
    if connection_class not in {None, asyncpg.Connection, asyncpg.connection.Connection}:
        unsupported("connection_class=")
    if record_class is not asyncpg.Record:
        asyncpg.connection._check_record_class(record_class)
    opening = open_session(checked({"dsn": dsn, "record_class": record_class, **options}))
    session = await loops.wait_for(opening, timeout)
    return Adapted(Connection(session), timeout=checked_timeout(command_timeout))


def checked_timeout(value):
    if value is None:
        return None
    try:
        if isinstance(value, bool) or float(value) <= 0:
            raise ValueError
    except ValueError:
        raise ValueError("invalid command_timeout value: expected greater than 0 float") from None
    return float(value)


class Adapted:
    """A connection, statement or cursor of asyncpg_trio that takes `timeout=`."""

    def __init__(self, native, timeout=None):
        self.__dict__.update(native=native, timeout=timeout)

    def __getattr__(self, name):
        native = self.native
        if name in {"add_listener", "remove_listener"}:
            unsupported(f"{name}(), which listen() replaces,")
        if not name.startswith("_") and hasattr(type(native), name):
            return self._timed(getattr(native, name))
        inner = native._session.wire if isinstance(native, Connection) else native._inner
        value = getattr(inner, name)
        if inspect.iscoroutinefunction(value):

            async def stepped(*args, **kwargs):
                return await native._session.run(value, *args, **kwargs)

            return stepped
        return value

    def __setattr__(self, name, value):
        setattr(self.native._session.wire, name, value)

    def __repr__(self):
        return repr(getattr(self.native, "_inner", self.native))

    def __eq__(self, other):
        return isinstance(other, Adapted) and other.native is self.native

    def __hash__(self):
        return hash(self.native)

    async def __aiter__(self):  # noqa: ASYNC900
        rows = self.native.__aiter__()
        while True:  # noqa: ASYNC913
            try:
                yield await loops.wait_for(rows.__anext__(), self.timeout)
            except StopAsyncIteration:
                return

    def __await__(self):
        async def opened():
            return Adapted(await self.native, self.timeout)

        return opened().__await__()

    def _timed(self, method):
        if not inspect.iscoroutinefunction(method):

            def called(*args, timeout=NOT_GIVEN, **kwargs):
                result = method(*args, **kwargs)
                limit = self.timeout if timeout in {NOT_GIVEN, None} else timeout
                return Adapted(result, limit) if isinstance(result, CursorFactory) else result

            return called

        async def call(*args, timeout=NOT_GIVEN, **kwargs):
            limit = self.timeout if timeout in {NOT_GIVEN, None} else checked_call_timeout(timeout)
            result = await loops.wait_for(method(*args, **kwargs), limit)
            return Adapted(result, self.timeout) if isinstance(result, PreparedStatement | Cursor) else result

        return call


def checked_call_timeout(value):
    try:
        if isinstance(value, bool):
            raise ValueError
        return float(value)
    except ValueError:
        raise ValueError(f"invalid timeout value: expected non-negative float (got {value!r})") from None


def create_pool(self, pool_class=asyncpg.pool.Pool, connection_class=asyncpg.connection.Connection, **options):
    if pool_class is not asyncpg.pool.Pool:
        unsupported("pool_class=")
    if connection_class is not asyncpg.connection.Connection:
        unsupported("connection_class=")
    pool = AdaptedPool(**self.get_connection_spec(options))
    self._pools.append(pool)
    return pool


def plain_pool(dsn=None, *, loop=None, **options):
    return AdaptedPool(dsn, **options)


def tear_down(self):
    for pool in self._pools:
        pool.terminate()
    self._pools = []
    super(_testbase.ClusterTestCase, self).tearDown()


class AdaptedPool:
    """asyncpg's pool over asyncpg_trio's, without the task that closes idle connections."""

    _maintenance_task = None

    def __init__(
        self,
        dsn=None,
        *,
        min_size=10,
        max_size=10,
        init_size=None,
        max_queries=50000,
        max_inactive_connection_lifetime=60.0,
        connect=None,
        setup=None,
        init=None,
        reset=None,
        command_timeout=None,
        timeout=None,
        loop=None,
        **options,
    ):
        if connect is not None:
            unsupported("connect=")
        self._options = {"dsn": dsn, **options}
        self._timeout = command_timeout
        self._settings = {"min_size": min_size, "max_size": max_size, "max_lifetime_s": float("inf")}
        self._settings |= {"max_idle_s": max_inactive_connection_lifetime or float("inf")}
        self._settings |= {name: adapted_hook(hook) for name, hook in (("setup", setup), ("init", init)) if hook}
        self._settings |= {"reset": adapted_hook(reset) if reset else "auto"}
        self._pool = None

    async def _opened(self):
        if self._pool is None:
            settings = {"setup": None, "init": None, **self._settings}
            self._pool = Pool(checked(self._options), **settings)
            await self._pool._fill()
        return self

    def __await__(self):
        return self._opened().__await__()

    async def __aenter__(self):
        return await self._opened()

    async def __aexit__(self, *_):
        await self.close()  # noqa: ASYNC102

    def __getattr__(self, name):
        if name.startswith("_"):
            unsupported(f"Pool.{name}")
        if name in {"fetch", "fetchrow", "fetchval", "fetchmany", "execute", "executemany"} or name.startswith("copy_"):

            async def call(*args, timeout=None, **kwargs):
                return await loops.wait_for(getattr(self._pool, name)(*args, **kwargs), timeout or self._timeout)

            return call
        if not hasattr(Pool, name):
            unsupported(f"Pool.{name}")
        return getattr(self._pool, name)

    def acquire(self, *, timeout=None):
        return AdaptedAcquiring(self, timeout)

    async def release(self, connection, *, timeout=None):
        acquired = connection.__dict__.pop("acquired", None)
        if acquired is not None:
            await acquired.__aexit__(None, None, None)

    async def close(self):
        if self._pool is not None:
            await self._pool.aclose()

    def terminate(self):
        if self._pool is not None:
            self._pool.terminate()


def adapted_hook(hook):
    async def called(connection):
        await hook(Adapted(connection))

    return called


class AdaptedAcquiring:
    def __init__(self, pool, timeout):
        self._pool, self._timeout = pool, timeout
        self._acquired = None

    async def _take(self):
        self._acquired = Acquiring(self._pool._pool)
        connection = Adapted(await loops.wait_for(self._acquired.__aenter__(), self._timeout), self._pool._timeout)
        connection.__dict__["acquired"] = self._acquired
        return connection

    def __await__(self):
        return self._take().__await__()

    async def __aenter__(self):
        return await self._take()

    async def __aexit__(self, *error):
        await self._acquired.__aexit__(*error)  # noqa: ASYNC102


assert asyncpg_trio.Pool is Pool
