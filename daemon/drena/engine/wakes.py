"""Listens for wakes: somebody asked for a job, changed what the feed shows, or who may see it.

One connection for all channels of a node. A wake carries no information, so a lost one costs time and never a job: each
of the woken has a poll that finds it. After every new LISTEN all are woken once, for what happened in between. The
connection is pinged every `PING_S`, so that a half-open one is noticed within `PING_S + PONG_S`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import trio

import asyncpg_trio
from asyncpg_trio import exceptions as pg
from drena.engine.outages import FIRST_WAIT_S, LONGEST_WAIT_S, PASSING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from drena.log import LogLines

CHANNEL: Final = "drena_work"
PING_S: Final = 10.0
PONG_S: Final = 5.0


async def listen_for_wakes(url: str, wakes: Mapping[str, Callable[[], None]], log: LogLines) -> None:
    """Call a channel's function for every notification on it, until cancelled; reconnects with growing waits.

    Args:
        url: a direct or session connection; a transaction pooler cannot LISTEN.
        wakes: what to call, by channel; must not wait.
    """
    wait_s = FIRST_WAIT_S
    while True:
        try:
            async with (
                asyncpg_trio.connect(url, server_settings={"application_name": "drena listen"}) as conn,
                conn.listen(*wakes) as notifications,
                trio.open_nursery() as nursery,
            ):
                wait_s = FIRST_WAIT_S
                _call(wakes.values())
                nursery.start_soon(_ping, conn, name="ping the listener")
                while True:
                    await _one_or_more(notifications, wakes)
        except* PASSING as group:
            log.warning("listening for wakes failed, will try again", error=str(group.exceptions[0]), retry_in_s=wait_s)
        await trio.sleep(wait_s)
        wait_s = min(wait_s * 2, LONGEST_WAIT_S)


async def _one_or_more(notifications: asyncpg_trio.Notifications, wakes: Mapping[str, Callable[[], None]]) -> None:
    """Wait for a notification, or for the news that more came than were kept, of which nobody knows whose they were."""
    try:
        wakes[(await notifications.receive()).channel]()
    except asyncpg_trio.NotificationsLostError:
        _call(wakes.values())


def _call(functions: Iterable[Callable[[], None]]) -> None:
    for function in functions:
        function()


async def _ping(conn: asyncpg_trio.Connection) -> None:
    while True:
        await trio.sleep(PING_S)
        with trio.move_on_after(PONG_S) as limit:
            await conn.execute("select 1")
        if limit.cancelled_caught:
            raise pg.InterfaceError(f"the listening connection did not answer within {PONG_S} s")
