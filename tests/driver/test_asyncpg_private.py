"""Every private part of asyncpg and asyncio that is relied on, one test each.

When a new asyncpg fails here, `asyncpg_trio/_asyncpg_private.py` and the module that uses the part are where to look.
"""

from __future__ import annotations

import asyncio
import inspect

import asyncpg
import pytest
from asyncpg import connect_utils, connection, protocol, utils

from asyncpg_trio import _asyncpg_private as private
from asyncpg_trio._future import Future
from asyncpg_trio._loop import StandInLoop
from asyncpg_trio._options import DEFAULTS


def parameters(function):
    return set(inspect.signature(function).parameters)


def test_the_version_is_one_that_was_tested():
    assert asyncpg.__version__.split(".")[:2] in (["0", "31"], ["0", "32"])


def test_a_running_loop_can_be_set_and_taken_back():
    loop = StandInLoop()
    private.set_running_loop(loop)
    try:
        assert private.running_loop() is loop
        assert asyncio.get_running_loop() is loop
    finally:
        private.set_running_loop(None)
    assert private.running_loop() is None


def test_a_current_task_can_be_entered_and_left():
    loop, task = StandInLoop(), object()
    private.set_running_loop(loop)
    private.enter_task(loop, task)
    try:
        assert asyncio.current_task(loop) is task
    finally:
        private.leave_task(loop, task)
        private.set_running_loop(None)


def test_asyncio_takes_our_future_for_one():
    assert asyncio.isfuture(Future(StandInLoop()))


def test_connect_utils_connect_takes_every_option_we_pass():
    assert {"loop", "connection_class", "record_class"} <= parameters(connect_utils._connect)
    taken = parameters(connect_utils._parse_connect_arguments)
    assert taken == {*DEFAULTS, "command_timeout"}


def test_public_connect_has_the_options_and_defaults_we_know():
    public = inspect.signature(asyncpg.connect).parameters
    known = {name: public[name].default for name in DEFAULTS if name in public}
    assert known == {name: DEFAULTS[name] for name in known}
    left = set(public) - set(DEFAULTS)
    assert left == {"loop", "timeout", "command_timeout", "connection_class", "record_class"}


def test_connect_utils_cancel():
    assert parameters(connect_utils._cancel) == {"loop", "addr", "params", "backend_pid", "backend_secret"}


def test_quoting_of_identifiers():
    assert utils._quote_ident('a"b') == '"a""b"'


@pytest.mark.parametrize(
    "name",
    [
        "_cancel_current_command",
        "_check_open",
        "_cleanup",
        "_drop_global_statement_cache",
        "_drop_global_type_cache",
        "_drop_local_statement_cache",
        "_drop_local_type_cache",
        "_execute",
        "_process_notification",
    ],
)
def test_the_methods_of_connection_that_are_called_or_replaced(name):
    assert callable(getattr(connection.Connection, name))


@pytest.mark.parametrize(
    "name",
    ["_addr", "_params", "_pool_release_ctr", "_protocol", "_query_loggers", "_stmt_cache", "_top_xact", "_transport"],
)
def test_the_attributes_of_connection_that_are_read(name):
    assert name in connection.Connection.__slots__


def test_execute_of_connection_takes_what_we_pass():
    assert {"query", "args", "limit", "timeout", "record_class"} <= parameters(connection.Connection._execute)


async def test_the_statement_cache_is_keyed_as_we_look_it_up(conn):
    await conn.fetchval("select 7")
    cache = conn._session.wire._stmt_cache
    assert cache.get(("select 7", asyncpg.Record, False)) is not None


async def test_the_protocol_runs_a_known_statement_by_itself(conn):
    await conn.fetchval("select 7")
    wire = conn._session.wire
    statement = wire._stmt_cache.get(("select 7", asyncpg.Record, False))
    rows = await wire._protocol.bind_execute(statement, (), "", 0, False, None)
    assert rows == [(7,)]


@pytest.mark.parametrize("name", ["_is_cancelling", "_wait_for_cancellation", "get_record_class", "is_in_transaction"])
def test_the_methods_of_the_protocol(name):
    assert callable(getattr(protocol.Protocol, name))


@pytest.mark.parametrize("name", ["backend_pid", "backend_secret"])
def test_the_attributes_of_the_protocol(name):
    assert hasattr(protocol.Protocol, name)


def test_the_state_of_a_transaction_that_is_read():
    assert "_nested" in asyncpg.transaction.Transaction.__slots__


def test_a_cursor_buffers_rows_where_we_look_for_them():
    assert "_buffer" in asyncpg.cursor.CursorIterator.__slots__
    assert callable(asyncpg.cursor.CursorIterator._check_conn_validity)
