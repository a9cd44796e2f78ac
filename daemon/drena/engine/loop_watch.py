"""Names whoever blocks the event loop.

A provider that computes or waits without an await stops every tenant's attempts, the lease and the feed at once, and
nothing that runs on the loop can tell. So a thread watches: a task on the loop beats a few times a second, and when
the beat has failed for `LIMIT_S`, the thread reads what the loop's thread is executing, names the provider whose code
is in it, and writes the stack into the log. Once a block, and once more with the duration when it is over. Idle, it
costs a few wake-ups a second.
"""

from __future__ import annotations

import sys
import threading
import time
import traceback
from typing import TYPE_CHECKING, Final

import trio

from drena.metrics import Metrics

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import FrameType

    from drena.api import Provider
    from drena.log import LogLines

BEAT_S: Final = 0.2
LIMIT_S: Final = 0.7
"""Without a beat for so long the loop is blocked: with the beat's own interval it is named within a second."""

NOBODY: Final = "none"
"""The label of a block in no provider's code."""


class LoopWatch:
    """Watches the loop it runs on.

    Args:
        providers: by slug; whose package a blocking frame belongs to.
        log: told from the watching thread.
        metrics: told how late each beat is, and of blocks.
    """

    def __init__(self, providers: Mapping[str, Provider], log: LogLines, metrics: Metrics | None = None) -> None:
        self._packages = {type(p).__module__.partition(".")[0]: slug for slug, p in providers.items()}
        self._log = log
        self._metrics = metrics or Metrics()
        for slug in (*providers, NOBODY):
            self._metrics.loop_blocks.begin(slug)
        self._beat_s = time.monotonic()
        self._over = threading.Event()

    async def run(self) -> None:
        """Beat until cancelled; the thread ends with it."""
        watched = threading.get_ident()
        self._beat_s = time.monotonic()
        threading.Thread(target=self._watch, args=(watched,), name="loop watch", daemon=True).start()
        try:
            while True:
                self._beat_s = time.monotonic()
                await trio.sleep(BEAT_S)
                self._metrics.loop_lag.observe(max(time.monotonic() - self._beat_s - BEAT_S, 0.0))
        finally:
            self._over.set()

    def _watch(self, watched: int) -> None:
        while not self._over.wait(BEAT_S):
            beat_s = self._beat_s
            if time.monotonic() - beat_s < LIMIT_S:
                continue
            frame = sys._current_frames().get(watched)
            if beat_s != self._beat_s or frame is None or frame.f_code.co_name == "get_events":
                continue  # the loop is waiting: not blocked, but starved of the processor or stopped
            slug = self._provider_of(frame)
            stack = "".join(traceback.format_stack(frame, limit=20))
            del frame
            self._metrics.loop_blocks.add(slug or NOBODY)
            self._log.error("the event loop is blocked: everything waits", provider=slug, stack=stack)
            while self._beat_s == beat_s and not self._over.wait(BEAT_S):
                pass
            self._log.error("the event loop goes on", provider=slug, blocked_s=round(time.monotonic() - beat_s, 2))

    def _provider_of(self, frame: FrameType | None) -> str | None:
        """The provider whose package the innermost foreign frame belongs to; None when it is no provider's code."""
        while frame is not None:
            package = str(frame.f_globals.get("__name__", "")).partition(".")[0]
            if package in self._packages:
                return self._packages[package]
            frame = frame.f_back
        return None
