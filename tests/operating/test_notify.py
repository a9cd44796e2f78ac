"""What systemd hears of a daemon, on a real notify socket: ready when ready, alive while it works, then stopping."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
import trio

import asyncpg_trio
from asyncpg_trio import exceptions as pg
from drena.engine.sign_of_life import STALLED, STARVED, SignOfLife
from drena.systemd import inherited_sockets, notify, watchdog_s
from engine.node import Recorder
from operating.notices import open_manager
from support.daemons import FAST, environment, launch_daemon
from support.proxies import open_proxy

if TYPE_CHECKING:
    from pathlib import Path

    from support.postgres import PostgresServer
    from support.proxies import Proxy

LIMIT_S = 60.0
WATCHDOG_S = 1.0
QUIET_S = 2 * WATCHDOG_S
"""Longer than a manager waits."""


def served(dsn: str, address: str, **settings: object) -> dict[str, str]:
    """The environment of a watched service."""
    keys = {key.replace("__", "."): value for key, value in settings.items()}
    watched = {"NOTIFY_SOCKET": address, "WATCHDOG_USEC": str(round(WATCHDOG_S * 1e6))}
    return {**environment(dsn, settings={**FAST, **keys}), **watched}


def through(proxy: Proxy, dsn: str) -> str:
    """The same database behind a proxy."""
    return f"postgresql://postgres@127.0.0.1:{proxy.port}{urlsplit(dsn).path}"


async def test_a_life_is_told_in_order_ready_alive_reloaded_stopping(database: str, tmp_path: Path) -> None:
    async with open_manager(tmp_path) as manager:
        with trio.fail_after(LIMIT_S):
            async with launch_daemon(served(database, manager.address)) as daemon:
                await manager.hears("READY=1")
                await manager.hears("WATCHDOG=1", more=3)
                since = len(manager.messages)
                daemon.send(signal.SIGHUP)
                begun = await manager.hears("RELOADING=1", since=since)
                await manager.hears("READY=1", since=since)
                assert await daemon.stop() == 0
    told_at_us = int(begun[1].removeprefix("MONOTONIC_USEC="))
    assert 0 <= time.clock_gettime(time.CLOCK_MONOTONIC) - told_at_us / 1e6 < LIMIT_S
    order = [line for message in manager.messages for line in message if not line.startswith(("STATUS", "MONO"))]
    assert order.index("READY=1") < order.index("RELOADING=1") < order.index("STOPPING=1")
    assert "WATCHDOG=1" not in order[: order.index("READY=1")]
    assert order.count("READY=1") == 2
    assert manager.said("STATUS=Serving; 0 jobs running.")


async def test_an_abstract_notify_socket_is_heard_too(database: str, tmp_path: Path) -> None:
    async with open_manager(tmp_path, abstract=True) as manager:
        with trio.fail_after(LIMIT_S):
            async with launch_daemon(served(database, manager.address)):
                await manager.hears("READY=1")
            await manager.hears("STOPPING=1")


async def test_it_is_not_ready_before_the_database_answers(
    server: PostgresServer, database: str, tmp_path: Path
) -> None:
    async with open_proxy(server.port) as proxy, open_manager(tmp_path) as manager:
        proxy.refusing = True
        with trio.fail_after(LIMIT_S):
            async with launch_daemon(served(through(proxy, database), manager.address), joined=False) as daemon:
                await daemon.logged("waiting for the database")
                (said,) = await manager.hears("STATUS=Waiting for the database.")
                assert "cannot be reached" in said
                assert not manager.said("READY=1")
                proxy.heal()
                await manager.hears("READY=1")


async def test_a_stalled_dispatcher_sends_no_sign_of_life_though_the_database_answers(
    database: str, tmp_path: Path
) -> None:
    """A lock on the queue's table holds up the claim and nothing else: the event loop turns, `select 1` is answered. It
    is held by a session that says it is Drena's own, as one that the daemon forgot would be."""
    own = {"application_name": "drena"}
    async with open_manager(tmp_path) as manager, asyncpg_trio.connect(database, server_settings=own) as conn:
        with trio.fail_after(LIMIT_S):
            async with launch_daemon(served(database, manager.address)) as daemon:
                await manager.hears("WATCHDOG=1")
                async with conn.transaction():
                    await conn.execute("lock table integration_jobs in access exclusive mode")
                    await manager.hears("STATUS=The dispatcher does not move.")
                    signs = manager.said("WATCHDOG=1")
                    await trio.sleep(QUIET_S)
                    assert manager.said("WATCHDOG=1") == signs
                await manager.hears("WATCHDOG=1", more=signs + 1)
                assert daemon.find("without a sign of life systemd will restart this process", reason=STALLED)


@pytest.mark.parametrize("waits", [False, True], ids=["holds it", "waits for it"])
async def test_a_lock_that_somebody_else_wants_or_has_ends_no_daemon(
    database: str, tmp_path: Path, waits: bool
) -> None:
    """A restart would not give the lock up. An `alter table` that waits for a reader holds up all behind it."""
    async with (
        open_manager(tmp_path) as manager,
        asyncpg_trio.connect(database, server_settings={"application_name": "somebody"}) as conn,
        asyncpg_trio.connect(database) as reader,
        trio.open_nursery() as nursery,
    ):
        pid = await conn.fetchval("select pg_backend_pid()")

        async def lock() -> None:
            after = "" if waits else "; select pg_sleep(3600)"
            with suppress(pg.QueryCanceledError):
                await conn.execute(f"lock table integration_jobs in access exclusive mode; select{after}")

        with trio.fail_after(LIMIT_S):
            async with launch_daemon(served(database, manager.address)) as daemon:
                await manager.hears("WATCHDOG=1")
                since = len(manager.messages)
                async with reader.transaction():
                    if waits:
                        await reader.execute("select from integration_jobs")
                    nursery.start_soon(lock)
                    said = await manager.hears(f"STATUS=Waiting for a lock of process {pid}", since=since, more=4)
                    assert "(somebody)" in said[0]
                    assert "WATCHDOG=1" in said
                    assert daemon.find("held up by somebody else")
                    if not waits:
                        await reader.execute("select pg_cancel_backend($1)", pid)
                await manager.hears("STATUS=Serving", since=len(manager.messages))
                assert not manager.said(f"STATUS={STALLED}")


async def test_a_frozen_process_sends_no_sign_of_life(database: str, tmp_path: Path) -> None:
    async with open_manager(tmp_path) as manager:
        with trio.fail_after(LIMIT_S):
            async with launch_daemon(served(database, manager.address)) as daemon:
                await manager.hears("WATCHDOG=1")
                daemon.send(signal.SIGSTOP)
                await trio.sleep(0.2)  # what was under way has arrived
                signs = manager.said("WATCHDOG=1")
                await trio.sleep(QUIET_S)
                assert manager.said("WATCHDOG=1") == signs
                daemon.send(signal.SIGCONT)
                await manager.hears("WATCHDOG=1", more=signs + 1)


@pytest.mark.parametrize("silent", [False, True], ids=["refusing", "silent"])
async def test_a_database_that_is_away_for_longer_than_the_watchdog_and_the_lease_ends_no_daemon(
    server: PostgresServer, database: str, tmp_path: Path, silent: bool
) -> None:
    async with open_proxy(server.port) as proxy, open_manager(tmp_path) as manager:
        with trio.fail_after(LIMIT_S):
            environ = served(through(proxy, database), manager.address, lease__lease_s=2 * WATCHDOG_S)
            async with launch_daemon(environ) as daemon:
                await manager.hears("WATCHDOG=1")
                since = len(manager.messages)
                if silent:
                    proxy.freeze()
                else:
                    proxy.refusing = True
                    proxy.cut()
                said = await manager.hears("STATUS=Waiting for the database.", since=since)
                assert "cannot be reached" in said[0]
                assert "WATCHDOG=1" in said
                if not silent:
                    await trio.sleep(3 * WATCHDOG_S)  # longer than the manager waits, and the lease lasts
                    assert manager.said("STATUS=Waiting") >= 3
                away = manager.messages[since:]
                assert all("WATCHDOG=1" in message for message in away if message[0].startswith("STATUS=Waiting"))
                proxy.heal()
                await manager.hears("STATUS=Serving", since=len(manager.messages))
                await daemon.logged("node joined", count=2)
                assert daemon.process.returncode is None


async def test_a_pool_that_gives_nothing_while_the_database_answers_is_no_outage(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As if every connection had been lost on the way: through the pool it looks like a database that is away."""
    log = Recorder()
    async with (
        open_manager(tmp_path) as manager,
        asyncpg_trio.create_pool(database, min_size=0, max_size=1) as pool,
        trio.open_nursery() as nursery,
    ):
        monkeypatch.setenv("NOTIFY_SOCKET", manager.address)
        monkeypatch.setenv("WATCHDOG_USEC", "300000")
        with trio.fail_after(LIMIT_S):
            async with pool.acquire():
                nursery.start_soon(SignOfLife(database, pool, lambda: None, lambda: False, log).run)
                await manager.hears("STATUS=The database answers, and no connection of the pool does.", more=3)
            assert not manager.said("WATCHDOG=1")
            await manager.hears("STATUS=Waiting to join the other nodes.")
        nursery.cancel_scope.cancel()
    assert [line["reason"] for line in log.lines] == [STARVED]


async def test_a_reload_that_fails_is_told_and_leaves_the_daemon_ready(database: str, tmp_path: Path) -> None:
    file = tmp_path / "drena.toml"
    file.write_text("")
    async with open_manager(tmp_path) as manager:
        with trio.fail_after(LIMIT_S):
            async with launch_daemon({**served(database, manager.address), "DRENA_CONFIG": str(file)}) as daemon:
                await manager.hears("READY=1")
                since = len(manager.messages)
                file.write_text("[tenant]\nmax_job = 3\n")
                daemon.send(signal.SIGHUP)
                said = await manager.hears("READY=1", since=since)
    assert said[1].startswith("STATUS=The configuration was not reloaded. There is no setting `tenant.max_job`")


def test_a_manager_that_is_gone_is_no_error(tmp_path: Path) -> None:
    assert not notify("READY=1", environ={"NOTIFY_SOCKET": str(tmp_path / "nobody")})
    assert not notify("READY=1", environ={})


@pytest.mark.parametrize(
    "environ, limit_s",
    [
        ({"WATCHDOG_USEC": "1500000"}, 1.5),
        ({"WATCHDOG_USEC": "1500000", "WATCHDOG_PID": str(os.getpid())}, 1.5),
        ({"WATCHDOG_USEC": "1500000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({}, None),
    ],
)
def test_the_watchdog_is_for_this_process_alone(environ: dict[str, str], limit_s: float | None) -> None:
    assert watchdog_s(environ) == limit_s


def test_sockets_of_another_process_are_not_taken() -> None:
    assert inherited_sockets({"LISTEN_PID": "1", "LISTEN_FDS": "1", "LISTEN_FDNAMES": "drena-http"}) == {}
