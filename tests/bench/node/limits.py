"""What holds a measurement back: whose processor time it is, and what the node's sessions wait for meanwhile."""

from __future__ import annotations

import os
import time
from collections import Counter
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import trio

import asyncpg_trio

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from support.postgres import PostgresServer

SAMPLE_EVERY_S = 0.05
WORKING = "working"
BUSY = 0.85
"""Of all processors; above that nothing else can be the limit."""
SESSIONS = """
select coalesce(wait_event_type || ':' || wait_event, 'working') as what, count(*) as n
from pg_stat_activity
where application_name like 'drena%' and datname = current_database() and state = 'active'
  and wait_event_type is distinct from 'Client'
group by 1
"""


def cpu_s(pid: int) -> float:
    """CPU seconds of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def postgres_cpu_s(server: PostgresServer) -> float:
    """CPU seconds of the server so far, ended backends included."""
    fields = Path(f"/proc/{server.pid}/stat").read_text().rsplit(")", 1)[1].split()
    ended_s = (int(fields[13]) + int(fields[14])) / os.sysconf("SC_CLK_TCK")
    children = Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text().split()
    return ended_s + cpu_s(server.pid) + sum(cpu_s(int(pid)) for pid in children)


def machine_cpu_s() -> float:
    """CPU seconds of the machine so far, whoever used them."""
    user, nice, system, _idle, _iowait, irq, softirq, *_ = map(
        int, Path("/proc/stat").read_text().partition("\n")[0].split()[1:]
    )
    return (user + nice + system + irq + softirq) / os.sysconf("SC_CLK_TCK")


@dataclass
class Limits:
    """What was seen while something was measured."""

    waits: Counter[str] = field(default_factory=Counter)
    """How often a session of the node was seen working or waiting, by what for."""
    wall_s: float = 0.0
    node_s: float = 0.0
    postgres_s: float = 0.0

    busy_s: float = 0.0
    """CPU seconds of the whole machine."""

    def __str__(self) -> str:
        cores = os.cpu_count() or 1
        node, postgres, busy = (each_s / self.wall_s for each_s in (self.node_s, self.postgres_s, self.busy_s))
        others = max(busy - node - postgres, 0.0)
        seen = sum(self.waits.values())
        shares = ", ".join(f"{n / seen:.0%} {what}" for what, n in self.waits.most_common(3)) or "never seen at work"
        (top, _), *_ = self.waits.most_common(1) or [(WORKING, 0)]
        if busy > BUSY * cores:
            limit = "the processors"
        elif node > BUSY:
            limit = "the node's one thread"
        elif top != WORKING:
            limit = f"PostgreSQL's {top}"
        else:
            limit = "round trips one after the other"
        return (
            f"limit: {limit} (of {cores} cores PostgreSQL has {postgres:.2f}, the node {node:.2f}, others {others:.2f};"
            f" the node's sessions: {shares})"
        )


@asynccontextmanager
async def watched(server: PostgresServer, pid: int, url: str) -> AsyncIterator[Limits]:
    """Watch a node and its server for the length of the block; the figures stand afterwards."""
    limits = Limits()
    async with asyncpg_trio.connect(url) as conn, trio.open_nursery() as nursery:
        nursery.start_soon(_sample, conn, limits.waits)
        began = time.perf_counter(), cpu_s(pid), postgres_cpu_s(server), machine_cpu_s()
        yield limits
        ended = time.perf_counter(), cpu_s(pid), postgres_cpu_s(server), machine_cpu_s()
        limits.wall_s, limits.node_s, limits.postgres_s, limits.busy_s = map(float.__sub__, ended, began)
        nursery.cancel_scope.cancel(reason="measured")


async def _sample(conn: asyncpg_trio.Connection, waits: Counter[str]) -> None:
    while True:
        for row in await conn.fetch(SESSIONS):
            waits[row["what"]] += row["n"]
        await trio.sleep(SAMPLE_EVERY_S)
