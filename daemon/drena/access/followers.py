"""The open connections, and the newest of what each should know. Nothing here waits.

A follower's channel holds one principal, the latest: an older one that was not read yet is replaced. It is closed when
access is gone.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import trio

from drena.access.principals import Principal

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(eq=False, slots=True)
class Follower:
    """One open connection."""

    principal: Principal
    send: trio.MemorySendChannel[Principal]
    unread: trio.MemoryReceiveChannel[Principal]
    """A second receiving end, for taking back what was not read."""

    def tell(self, fresh: Principal) -> None:
        """Hand over what changed."""
        self.principal = fresh
        try:
            self.send.send_nowait(fresh)
        except trio.WouldBlock:
            self.unread.receive_nowait()
            self.send.send_nowait(fresh)
        except trio.BrokenResourceError:
            return

    def close(self) -> None:
        self.send.close()
        self.unread.close()


class Followers:
    """All of them."""

    def __init__(self) -> None:
        self._all: set[Follower] = set()

    def __iter__(self) -> Iterator[Follower]:
        return iter(tuple(self._all))

    def __len__(self) -> int:
        return len(self._all)

    def add(self, principal: Principal) -> tuple[Follower, trio.MemoryReceiveChannel[Principal]]:
        """A new one, and the end it reads from."""
        send, receive = trio.open_memory_channel[Principal](1)
        follower = Follower(principal, send, receive.clone())
        self._all.add(follower)
        return follower, receive

    def drop(self, follower: Follower) -> None:
        """It has left, or its access is gone."""
        self._all.discard(follower)
        follower.close()

    def drop_ended(self, now_s: float) -> None:
        """Close those whose time is over by Trio's clock."""
        for follower in self:
            if follower.principal.ends_at_s <= now_s:
                self.drop(follower)

    @property
    def next_end_s(self) -> float:
        """When the next one's time is over."""
        return min((follower.principal.ends_at_s for follower in self._all), default=math.inf)

    def settle(self, follower: Follower, fresh: Principal | None) -> None:
        """Compare what one should know with what is known now: tell a change, close one with nothing left."""
        if fresh is None:
            self.drop(follower)
        elif fresh != follower.principal and follower in self._all:
            follower.tell(fresh)
