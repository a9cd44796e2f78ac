"""PgBouncer between Drena and its database, as Debian ships it: without support for prepared statements."""

from __future__ import annotations

import os
import shutil
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
import trio

import asyncpg_trio
from faults.provider.drena_ticker import TICKS
from support.daemons import environment, run_drena
from support.nodes import Fleet, install_ticker

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from support.postgres import PostgresServer

PGBOUNCER = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")
LIMIT_S = 90.0
JOBS = 20

pytestmark = pytest.mark.skipif(PGBOUNCER is None, reason="pgbouncer is not installed here")


@asynccontextmanager
async def open_pgbouncer(server: PostgresServer, dsn: str, folder: Path, mode: str, *more: str) -> AsyncIterator[str]:
    """A pooler before this database; yields its URL."""
    name = urlsplit(dsn).path.lstrip("/")
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    port = listener.socket.getsockname()[1]
    await listener.aclose()
    settings = ["listen_addr = 127.0.0.1", f"listen_port = {port}", "auth_type = any", "unix_socket_dir ="]
    settings += [f"pool_mode = {mode}", "default_pool_size = 6", *more]
    database = f"{name} = host=127.0.0.1 port={server.port} user=postgres dbname={name}"
    file = folder / "pgbouncer.ini"
    file.write_text("\n".join(["[databases]", database, "[pgbouncer]", *settings, ""]))
    as_nobody = ["-u", "nobody"] if os.geteuid() == 0 else []
    async with trio.open_nursery() as nursery:
        command = [str(PGBOUNCER), "-q", *as_nobody, str(file)]
        run = trio.run_process
        process: trio.Process = await nursery.start(
            lambda task_status: run(command, check=False, capture_stderr=True, task_status=task_status)
        )
        while True:
            try:
                stream = await trio.open_tcp_stream("127.0.0.1", port)
            except OSError:
                await trio.sleep(0.02)
            else:
                await stream.aclose()
                break
        try:
            yield f"postgresql://postgres@127.0.0.1:{port}/{name}"
        finally:
            process.terminate()


async def test_two_nodes_drain_through_a_transaction_pooler(
    server: PostgresServer, database: str, tmp_path: Path
) -> None:
    plugins = tmp_path / "plugins"
    plugins.mkdir()
    with trio.fail_after(LIMIT_S):
        async with (
            open_pgbouncer(server, database, tmp_path, "transaction") as pooled,
            asyncpg_trio.create_pool(database, max_size=4) as pool,
        ):
            await pool.execute(TICKS)
            fleet = Fleet(pool, database, install_ticker(plugins), tmp_path / "journal")
            through = {"DRENA_DATABASE__URL": pooled, "DRENA_DATABASE__LISTEN_URL": database}
            office = await fleet.office()
            async with fleet.node("north", env=through) as north, fleet.node("south", env=through) as south:
                for number in range(JOBS):
                    await fleet.request(office, f"lane {number}")
                await fleet.all_ended()
            for node in (north, south):
                told = [line for line in node.lines if line.get("level") in ("warning", "error")]
                assert [line for line in told if line["event"] != "plugin skipped"] == []
            await fleet.prove(statuses={"success"})


@pytest.mark.parametrize("more", [(), ("ignore_startup_parameters = jit, idle_in_transaction_session_timeout",)])
async def test_a_session_pooler_needs_one_line_and_is_told_so(
    server: PostgresServer, database: str, tmp_path: Path, more: tuple[str, ...]
) -> None:
    with trio.fail_after(LIMIT_S):
        async with open_pgbouncer(server, database, tmp_path, "session", *more) as pooled:
            done = await run_drena("jobs", env=environment(pooled))
    if more:
        assert (done.code, done.out) == (0, "There are no jobs.\n")
    else:
        assert done.code == 4
        assert "let it ignore_startup_parameters = jit, idle_in_transaction_session_timeout." in done.err
