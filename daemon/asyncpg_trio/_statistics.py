"""How a pool is doing."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class PoolStatistics:
    """How a pool is doing.

    Attributes:
        size: sessions open now.
        idle: of these, unused.
        in_use: slots taken, by held connections and by those being opened.
        waiting: tasks that wait for a slot.
        max_size: the limit.
        opened: sessions opened since the pool began.
        discarded: sessions closed because they were dead, dirty beyond repair, idle or old.
        resets: releases that needed a round trip.
    """

    size: int
    idle: int
    in_use: int
    waiting: int
    max_size: int
    opened: int
    discarded: int
    resets: int
