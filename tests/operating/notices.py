"""A service manager's side of sd_notify: a datagram socket, and what was said on it."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import trio

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

LIMIT_S = 30.0


class Manager:
    """What a process told its manager, message by message, each a list of lines."""

    def __init__(self, address: str) -> None:
        self.address = address
        """The value of NOTIFY_SOCKET."""
        self.messages: list[list[str]] = []
        self._news = trio.Event()

    def said(self, line: str) -> int:
        """How many messages hold a line that begins so."""
        return sum(any(each.startswith(line) for each in message) for message in self.messages)

    async def hears(self, line: str, *, more: int = 1, since: int = 0) -> list[str]:
        """Wait until so many messages after the first `since` hold a line that begins so; the last of these."""
        with trio.move_on_after(LIMIT_S):
            while len(found := [m for m in self.messages[since:] if any(e.startswith(line) for e in m)]) < more:
                await self._news.wait()
            return found[more - 1]
        raise AssertionError(f"no {line} within {LIMIT_S} s: {self.messages[since:]}")

    async def _listen(self, socket: trio.socket.SocketType) -> None:
        while True:
            self.messages.append((await socket.recv(65536)).decode().split("\n"))
            self._news.set()
            self._news = trio.Event()


@asynccontextmanager
async def open_manager(folder: Path, *, abstract: bool = False) -> AsyncIterator[Manager]:
    """A manager that listens on a socket in this folder, or on an abstract one named after it."""
    path = str(folder / "notify")
    with trio.socket.socket(trio.socket.AF_UNIX, trio.socket.SOCK_DGRAM) as socket:
        await socket.bind("\0" + path if abstract else path)
        manager = Manager("@" + path if abstract else path)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(manager._listen, socket, name="service manager")
            yield manager
            nursery.cancel_scope.cancel(reason="the test is over")
