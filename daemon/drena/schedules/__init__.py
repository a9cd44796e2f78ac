"""The clock's requests: whoever has a schedule gets a job at each of its occurrences."""

from __future__ import annotations

from .scheduler import CHANNEL, Scheduler

__all__ = ["CHANNEL", "Scheduler"]
