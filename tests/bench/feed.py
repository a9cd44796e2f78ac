"""How fast the feed is: `make bench-feed`, or `python tests/bench/feed.py [--clients 100 1000 5000]`.

Everything in one run on the same cores, in interleaved rounds, each server in a process of its own, and the same reader
for all, of which `node/crowd.py` says what it costs and when a frame counts as received. Beside Drena: `websockets`'
broadcast, node's `ws` and aiohttp, where npm and pip can install them.

1. Deliveries a second, as fast as possible, 200 bytes each: Drena's path (a `Delta` published to outboxes on wires).
2. From the commit of a change to its receipt: a real daemon on a real PostgreSQL, one tenant, 20 changes a second, each
   with the whole job; p50, p99, CPU of the daemon, memory a connection. The others broadcast as many messages of 200
   bytes, and their delay begins where they begin to send.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).resolve().parent
sys.path[0] = str(HERE.parent)

import trio  # noqa: E402

import asyncpg_trio  # noqa: E402
from bench.node.crowd import Crowd, changes, stamps  # noqa: E402
from drena.store.migrate import migrate  # noqa: E402
from support.daemons import environment  # noqa: E402
from support.offices import add_office  # noqa: E402
from support.postgres import PostgresServer  # noqa: E402

CONTENDERS = ("drena", "websockets", "ws", "aiohttp")
DELIVERIES_PER_S = 20_000
"""What is asked of a server where delays are measured, so that it is no flood on a small machine."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clients", type=int, nargs="+", default=[100, 1000, 5000])
    parser.add_argument("--messages", type=int, default=200_000, help="deliveries of each measurement, about")
    parser.add_argument(
        "--rate", type=int, help="changes a second; by default 20, and fewer for more than 1,000 clients"
    )
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    with tempfile.TemporaryDirectory() as folder:
        contenders = [name for name in CONTENDERS if name not in INSTALLERS or install(name, Path(folder))]
        measure_floods(contenders, Path(folder), min(1000, max(given.clients)), given.messages, given.rounds)
        with PostgresServer(fsync=True) as server:
            for clients in given.clients:
                rate = given.rate or min(20, max(DELIVERIES_PER_S // clients, 1))
                measure_delays(contenders, Path(folder), server, Load(clients, rate, given.seconds), given.rounds)


INSTALLERS = {
    "ws": ("npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", "{folder}", "ws"),
    "aiohttp": (sys.executable, "-m", "pip", "install", "--quiet", "--target", "{folder}/python", "aiohttp"),
}


def install(name: str, folder: Path) -> bool:
    """A contender from its registry, for this run alone; False, with a line, when it is not to be had."""
    command = [part.format(folder=folder) for part in INSTALLERS[name]]
    if shutil.which(command[0]) is None:
        print(f"{name}: left out, there is no {command[0]}")
        return False
    if subprocess.run(command, capture_output=True, timeout=120, check=False).returncode:
        print(f"{name}: left out, {Path(command[0]).name} cannot install it")
        return False
    return True


def command_of(name: str, folder: Path) -> list[str]:
    if name == "ws":
        shutil.copy(HERE / "node" / "ws_server.cjs", folder)
        return ["node", str(folder / "ws_server.cjs")]
    return [sys.executable, str(HERE / "node" / f"{name}_server.py")]


@contextmanager
def broadcaster(name: str, folder: Path):
    """A server that sends when it is told on its standard input: `COUNT INTERVAL_S`. Yields it and its port."""
    process = subprocess.Popen(
        command_of(name, folder),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(folder / "python")},
    )
    try:
        assert process.stdout is not None
        yield process, int(process.stdout.readline())
    finally:
        process.kill()
        process.wait()


def cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory_kib(pid: int) -> int:
    """Private memory of a process."""
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return sum(
        int(line.split()[1]) for line in text.splitlines() if line.startswith(("Private_Clean", "Private_Dirty"))
    )


def measure_floods(contenders: list[str], folder: Path, clients: int, messages: int, rounds: int) -> None:
    """Interleaved rounds; the best of each, since what else runs on the machine only makes it slower."""
    best: dict[str, tuple[float, float]] = {}
    each = max(messages // clients, 1)
    for _ in range(rounds):
        for name in contenders:
            with broadcaster(name, folder) as (process, port):
                crowd = Crowd(port, clients)
                before_s, began_s = cpu_s(process.pid), time.perf_counter()
                tell(process, each, 0)
                crowd.read_messages(each * clients, limit_s=120)
                wall_s, cpu = time.perf_counter() - began_s, cpu_s(process.pid) - before_s
                crowd.close()
            rate = each * clients / wall_s
            if rate > best.get(name, (0, 0))[0]:
                best[name] = rate, cpu / (each * clients) * 1e6
    for name, (rate, cpu_us) in best.items():
        ratio = rate / best["websockets"][0]
        print(f"flood, {clients:,} clients   {name:11} {rate:9,.0f} deliveries/s  {ratio:5.2f} × websockets   "
              f"CPU {cpu_us:4.1f} µs each")  # fmt: skip


def tell(process: subprocess.Popen[str], count: int, interval_s: float) -> None:
    assert process.stdin is not None
    process.stdin.write(f"{count} {interval_s}\n")
    process.stdin.flush()


class Load(NamedTuple):
    """What is asked of each server."""

    clients: int
    rate: int
    """Changes a second."""
    seconds: float

    def __str__(self) -> str:
        return f"{self.clients:5,} clients × {self.rate:2}/s"


class Measured(NamedTuple):
    """What one server did with so many changes."""

    delays_s: list[float]
    sent: int
    cpu_s: float
    kib: float
    """Memory a connection."""


def measure_delays(contenders: list[str], folder: Path, server: PostgresServer, load: Load, count: int) -> None:
    """Interleaved rounds; the delays of all rounds together, and the CPU and memory of all of them."""
    rounds: dict[str, list[Measured]] = {name: [] for name in contenders}
    for _ in range(count):
        for name in contenders:
            measured = measure_daemon(server, load) if name == "drena" else measure_broadcast(name, folder, load)
            rounds[name].append(measured)
    reports = {name: report(name, load, each) for name, each in rounds.items()}
    for name, (p99_s, core) in reports.items():
        if name != "drena":
            ours_s, ours = reports["drena"]
            print(f"{load}   drena / {name:11} p99 {ours_s / p99_s:4.2f}  CPU {ours / core:4.2f}")


def report(name: str, load: Load, rounds: list[Measured]) -> tuple[float, float]:
    """Say it; returns the 99th percentile in seconds and the share of a core."""
    sent = sum(each.sent for each in rounds)
    delays_s = sorted(delay for each in rounds for delay in each.delays_s)
    if not delays_s:
        raise SystemExit(f"{name}: nothing came")
    p50_s, p99_s = (delays_s[int(len(delays_s) * part)] for part in (0.5, 0.99))
    core = sum(each.cpu_s for each in rounds) / (sent / load.rate)
    each_us = core / load.rate / load.clients * 1e6
    kib = sum(each.kib for each in rounds) / len(rounds)
    print(f"{load}   {name:11} p50 {p50_s * 1000:6.1f} ms  p99 {p99_s * 1000:6.1f} ms  CPU {core:6.1%} of a core, "
          f"{each_us:5.1f} µs each  {kib:5.1f} KiB a connection")  # fmt: skip
    return p99_s, core


def measure_broadcast(name: str, folder: Path, load: Load) -> Measured:
    """A broadcast at the same rate, its messages stamped when they are sent."""
    with broadcaster(name, folder) as (process, port):
        before_kib = memory_kib(process.pid)
        crowd = Crowd(port, load.clients)
        kib = (memory_kib(process.pid) - before_kib) / load.clients
        before_s = cpu_s(process.pid)
        count = int(load.seconds * load.rate)
        tell(process, count, 1 / load.rate)
        began_s = time.monotonic()
        records = crowd.record(lambda: time.monotonic() > began_s + load.seconds, limit_s=load.seconds + 60)
        cpu = cpu_s(process.pid) - before_s
        crowd.close()
        return Measured(stamps(records), count, cpu, kib)


def measure_daemon(server: PostgresServer, load: Load) -> Measured:
    """A real daemon; a change's own moment of commit is on the clock that the kernel stamps frames with."""
    dsn = server.create_database()
    settings = {
        "auth.mode": "open", "http.listen": "off", "log.format": "json", "feed.listen": "127.0.0.1:0",
        "feed.max_connections": 20_000, "feed.max_per_address": 20_000, "feed.max_unauthenticated": 20_000,
    }  # fmt: skip
    trio.run(prepare, dsn)
    process = subprocess.Popen(
        [sys.executable, "-m", "drena", "run"],
        env=environment(dsn, settings=settings),
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        port = port_of(process)
        before_kib = memory_kib(process.pid)
        crowd = Crowd(port, load.clients, hello=b'{"t":"hello"}')
        crowd.read_snapshots()
        kib = (memory_kib(process.pid) - before_kib) / load.clients
        before_s = cpu_s(process.pid)
        writing = subprocess.Popen(
            [sys.executable, __file__, "--write", dsn, str(load.rate), str(load.seconds)],
            stdout=subprocess.PIPE,
            text=True,
        )
        records = crowd.record(lambda: writing.poll() is not None, limit_s=load.seconds + 60)
        cpu = cpu_s(process.pid) - before_s
        commits = [float(line) for line in writing.stdout.read().split()]
        delays = [at_s - commits[n] for n, at_s in changes(records)]
        crowd.close()
        return Measured(delays, len(commits), cpu, kib)
    finally:
        process.terminate()
        process.wait(30)


async def prepare(dsn: str) -> None:
    async with asyncpg_trio.connect(dsn) as conn:
        await migrate(conn)
        office = await add_office(conn, "contmax", provider="old")
        await conn.execute("select outcome from drena.request_job($1, 'old')", office)


def port_of(process: subprocess.Popen[str]) -> int:
    import json

    assert process.stderr is not None
    for line in process.stderr:
        if '"feed listening"' in line:
            return int(json.loads(line)["addresses"][0].rpartition(":")[2])
    raise SystemExit("the daemon did not start")


async def write(dsn: str, rate: int, seconds: float) -> None:
    """Change a job so many times a second, and say when each change was committed."""
    async with asyncpg_trio.connect(dsn) as conn:
        began_s = trio.current_time()
        for n in range(int(seconds * rate)):
            await trio.sleep_until(began_s + n / rate)
            await conn.execute("update integration_jobs set attempts = $1", n + 1)
            print(time.time(), flush=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--write"]:
        trio.run(write, sys.argv[2], int(sys.argv[3]), float(sys.argv[4]))
    else:
        main()
