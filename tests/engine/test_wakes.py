"""The listener on a network that fails without telling: a half-open connection hears nothing and looks well."""

from __future__ import annotations

from typing import TYPE_CHECKING

import trio

import asyncpg_trio
from drena.engine import wakes
from engine.node import Recorder
from support.proxies import open_proxy

if TYPE_CHECKING:
    import pytest

    from support.postgres import PostgresServer

LIMIT_S = 60.0


class Woken:
    """Counts the calls, and lets somebody wait for them."""

    def __init__(self) -> None:
        self.calls = 0
        self._news = trio.Event()

    def __call__(self) -> None:
        self.calls += 1
        self._news.set()
        self._news = trio.Event()

    async def wait(self, calls: int) -> None:
        while self.calls < calls:
            await self._news.wait()


def test_a_lost_listener_is_noticed_within_fifteen_seconds() -> None:
    assert wakes.PING_S + wakes.PONG_S <= 15


async def test_a_half_open_listener_is_noticed_by_its_ping_and_what_it_missed_is_looked_for(
    server: PostgresServer, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wakes, "PING_S", 0.1)
    monkeypatch.setattr(wakes, "PONG_S", 0.5)
    woken, log = Woken(), Recorder()
    name = database.rpartition("/")[2].partition("?")[0]
    with trio.fail_after(LIMIT_S):
        async with (
            open_proxy(server.port) as proxy,
            asyncpg_trio.connect(database) as conn,
            trio.open_nursery() as nursery,
        ):
            url = f"postgresql://postgres@127.0.0.1:{proxy.port}/{name}"
            nursery.start_soon(wakes.listen_for_wakes, url, {wakes.CHANNEL: woken}, log)
            await woken.wait(1)  # it listens
            proxy.half_open()
            await conn.execute(f"notify {wakes.CHANNEL}")  # nobody hears it
            await woken.wait(2)  # it listens again, and has whoever it wakes look once
            (told,) = log.find("listening for wakes failed, will try again")
            assert "did not answer" in told["error"]
            await conn.execute(f"notify {wakes.CHANNEL}")
            await woken.wait(3)
            nursery.cancel_scope.cancel()
