"""Virtual time beside a real database.

pytest-trio's `autojump_clock` jumps to the next deadline whenever every Trio task is blocked. That is right where every
wait is Trio's, and wrong while PostgreSQL or a thread is at work: the wait for them is no wait of the clock's, so time
would jump past every limit. `real_time` marks such waits: while any block of it is open, the clock stands still but for
real seconds. `drena.testing` wraps its own waits for the database in it, so a test may ask for `autojump_clock` and
still use `run_once`; waits of your own on sockets, threads and processes need the block, or a test without the clock.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import trio
from trio.testing import MockClock

_held: Final = trio.lowlevel.RunVar[int]("drena.testing.held", 0)
"""Open blocks in this Trio run: tasks overlap, and the clock goes on when the last one has left."""


@contextmanager
def real_time() -> Iterator[None]:
    """Keep a virtual clock from jumping while something outside of Trio is waited for; nothing to do on a real one."""
    clock = trio.lowlevel.current_clock()
    if not isinstance(clock, MockClock) or (clock.autojump_threshold == math.inf and not _held.get()):
        yield
        return
    _held.set(_held.get() + 1)
    clock.autojump_threshold, clock.rate = math.inf, 1.0
    try:
        yield
    finally:
        _held.set(_held.get() - 1)
        if not _held.get():
            clock.autojump_threshold, clock.rate = 0, 0.0
