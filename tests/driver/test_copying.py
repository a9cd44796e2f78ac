"""COPY in both directions, and memory that does not grow with what passes."""

from __future__ import annotations

import io
import tracemalloc

import pytest
import trio
import trio.lowlevel


@pytest.fixture
async def table(conn):
    await conn.execute("create temp table t (a int, b text)")
    return "t"


async def test_copy_out_to_a_function_a_file_and_a_path(conn, table, tmp_path):
    await conn.execute("insert into t select n, 'x' from generate_series(1, 3) n")
    pieces = []

    async def take(data):
        pieces.append(bytes(data))
        await trio.lowlevel.checkpoint()

    file, path = io.BytesIO(), tmp_path / "out"
    for output in (take, file, path, str(path)):
        assert await conn.copy_from_table(table, output=output, columns=["a"]) == "COPY 3"
    assert b"".join(pieces) == file.getvalue() == path.read_bytes() == b"1\n2\n3\n"
    assert await conn.copy_from_query("select $1::int", 7, output=take, format="csv") == "COPY 1"
    assert pieces[-1] == b"7\n"


async def test_copy_in_from_bytes_a_file_a_path_and_an_iterable(conn, table, tmp_path):
    async def pieces():  # noqa: ASYNC900
        yield b"1\t"
        await trio.lowlevel.checkpoint()
        yield b"x\n"

    path = tmp_path / "in"
    path.write_bytes(b"1\tx\n")
    for source in (bytearray(b"1\tx\n"), memoryview(b"1\tx\n"), io.BytesIO(b"1\tx\n"), path, str(path), pieces()):
        assert await conn.copy_to_table(table, source=source) == "COPY 1"
    assert await conn.fetchval("select count(*) from t where a = 1 and b = 'x'") == 6


async def test_records_from_an_iterable_and_an_async_iterable(conn, table):
    async def rows():  # noqa: ASYNC900
        for number in range(3):
            await trio.lowlevel.checkpoint()
            yield number, None

    assert await conn.copy_records_to_table(table, records=[(1, "x")]) == "COPY 1"
    assert await conn.copy_records_to_table(table, records=rows()) == "COPY 3"
    assert await conn.copy_records_to_table(table, records=[(7,)], columns=["a"]) == "COPY 1"
    assert await conn.fetchval("select sum(a) from t") == 11


async def test_a_record_of_the_wrong_type_is_the_callers_error(conn, table):
    with pytest.raises(TypeError):
        await conn.copy_records_to_table(table, records=[("not a number", "x")])
    assert await conn.fetchval("select count(*) from t") == 0


async def test_an_error_of_the_output_is_the_callers_and_ends_the_copy(conn):
    pid = conn.get_server_pid()

    async def full(data):  # noqa: ASYNC124
        raise OSError("disk full")

    for rows in (1, 10_000_000):
        with pytest.raises(OSError, match="disk full"):
            await conn.copy_from_query("select generate_series(1, $1::int)", rows, output=full)
    assert await conn.fetchval("select pg_backend_pid()") == pid


async def test_what_is_no_output_or_source_is_refused(conn, table):
    with pytest.raises(TypeError, match="output is expected"):
        await conn.copy_from_table(table, output=7)
    with pytest.raises(TypeError):
        await conn.copy_to_table(table, source=7)
    assert await conn.fetchval("select 1") == 1


class Peak:
    """The most memory Python held more than at the start, in megabytes."""

    def __enter__(self):
        tracemalloc.start()
        return self

    def __exit__(self, *_):
        self.mb = tracemalloc.get_traced_memory()[1] / 1e6
        tracemalloc.stop()


async def test_a_huge_copy_out_to_a_slow_taker_holds_little(conn):
    taken = 0

    async def slow(data):
        nonlocal taken
        taken += len(data)
        await trio.lowlevel.checkpoint()

    with Peak() as peak:
        await conn.copy_from_query("select repeat('x', 1000) from generate_series(1, 60000)", output=slow)
    assert taken > 60_000_000
    assert peak.mb < 8


async def test_a_huge_copy_in_to_a_slow_server_holds_little(conn):
    await conn.execute("""
        create temp table slow (a text);
        create function pg_temp.wait() returns trigger language plpgsql
            as $$ begin if random() < 0.002 then perform pg_sleep(0.002); end if; return null; end $$;
        create trigger wait before insert on slow for each row execute function pg_temp.wait();
    """)

    async def rows():  # noqa: ASYNC124, ASYNC900
        for _ in range(40_000):
            yield ("x" * 1000,)

    with Peak() as peak:
        await conn.copy_records_to_table("slow", records=rows())
    assert peak.mb < 8


async def test_a_huge_executemany_is_sent_as_the_server_takes_it(conn):
    await conn.execute("create temp table t (a text)")
    with Peak() as peak:
        await conn.executemany("insert into t values ($1)", (("x" * 1000,) for _ in range(30_000)))
    assert await conn.fetchval("select count(*) from t") == 30_000
    assert peak.mb < 8


async def test_a_cursor_over_a_huge_result_holds_one_block(conn):
    with Peak() as peak:
        async with conn.transaction():
            count = 0
            async for _ in conn.cursor("select repeat('x', 1000) from generate_series(1, 20000)", prefetch=100):
                count += 1
    assert count == 20_000
    assert peak.mb < 8
