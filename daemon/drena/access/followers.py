"""The open connections, and the newest of what each should know. Nothing here waits."""

from __future__ import annotations

import math
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import trio

from drena.access.principals import Principal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@dataclass(eq=False, slots=True)
class Follower:
    """One open connection."""

    principal: Principal
    tell: Callable[[Principal | None], None]
    """Called with what he is from now on; with None, and for the last time, when access is gone. Must not wait."""


class Followers:
    """All of them."""

    def __init__(self) -> None:
        self._all: set[Follower] = set()

    def __iter__(self) -> Iterator[Follower]:
        return iter(tuple(self._all))

    def __len__(self) -> int:
        return len(self._all)

    def add(self, follower: Follower) -> None:
        """A new one."""
        self._all.add(follower)

    def drop(self, follower: Follower) -> None:
        """It has left."""
        self._all.discard(follower)

    def end(self, follower: Follower) -> None:
        """Its access is gone."""
        if follower in self._all:
            self._all.discard(follower)
            follower.tell(None)

    def end_due(self, now_s: float) -> None:
        """End those whose time is over by Trio's clock."""
        for follower in self:
            if follower.principal.ends_at_s <= now_s:
                self.end(follower)

    @property
    def next_end_s(self) -> float:
        """When the next one's time is over."""
        return min((follower.principal.ends_at_s for follower in self._all), default=math.inf)

    def settle(self, follower: Follower, fresh: Principal | None, *, anyway: bool = False) -> None:
        """Compare what one should know with what is known now: tell a change, end one with nothing left.

        Args:
            follower: who.
            fresh: what he is now; None: nothing.
            anyway: tell him even though he is what he was: what he may see has changed.
        """
        if fresh is None:
            self.end(follower)
        elif follower in self._all and (anyway or fresh != follower.principal):
            if fresh != follower.principal:
                follower.principal = fresh
            follower.tell(follower.principal)


class Latest:
    """A channel that holds one principal, the newest: an older one that was not read yet is replaced. It is closed when
    access is gone."""

    def __init__(self, principal: Principal) -> None:
        self._send, self.changes = trio.open_memory_channel[Principal](1)
        self._told = principal

    def tell(self, fresh: Principal | None) -> None:
        """See `Follower`."""
        if fresh is None:
            self._send.close()
            return
        if fresh == self._told:
            return
        self._told = fresh
        with suppress(trio.BrokenResourceError):
            try:
                self._send.send_nowait(fresh)
            except trio.WouldBlock:
                self.changes.receive_nowait()
                self._send.send_nowait(fresh)

    def close(self) -> None:
        """Nobody reads any more."""
        self._send.close()
        self.changes.close()
