"""How fast the feed is: `make bench-feed`, or `python tests/bench/feed.py [--clients 100 1000 5000]`.

Everything in one run on the same cores, each server in a process of its own, and the same reader for all: one process
that counts frames on many sockets without decoding them.

1. Deliveries a second, as fast as possible, 200 bytes each: Drena's path (a `Delta` published to outboxes on wires),
   `websockets` broadcast, node's `ws` and aiohttp where npm and pip can install them.
2. From the commit of a change to its receipt: a real daemon on a real PostgreSQL, one tenant, 20 changes a second;
   p50, p99, CPU of the daemon, memory a connection; beside it `websockets` broadcasting 20 messages a second.
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
RATE = 20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clients", type=int, nargs="+", default=[100, 1000, 5000])
    parser.add_argument("--messages", type=int, default=200_000, help="deliveries of each measurement, about")
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
                measure_latency(server, clients, given.seconds)
                measure_broadcast(Path(folder), clients, given.seconds)


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
        print(f"flood, {clients:,} clients, 200 B   {name:11} {rate:9,.0f} deliveries/s  {ratio:5.2f} × websockets   "
              f"CPU {cpu_us:4.1f} µs each")  # fmt: skip


def tell(process: subprocess.Popen[str], count: int, interval_s: float) -> None:
    assert process.stdin is not None
    process.stdin.write(f"{count} {interval_s}\n")
    process.stdin.flush()


def measure_broadcast(folder: Path, clients: int, seconds: float) -> None:
    """`websockets` at the same rate, its messages stamped when they are sent."""
    with broadcaster("websockets", folder) as (process, port):
        before_kib = memory_kib(process.pid)
        crowd = Crowd(port, clients)
        kib = (memory_kib(process.pid) - before_kib) / clients
        before_s = cpu_s(process.pid)
        count = int(seconds * RATE)
        tell(process, count, 1 / RATE)
        began_s = time.monotonic()
        records = crowd.record(lambda: time.monotonic() > began_s + seconds, limit_s=seconds + 60)
        cpu = (cpu_s(process.pid) - before_s) / seconds
        crowd.close()
        report("websockets", clients, stamps(records), count, cpu, kib)


def report(name: str, clients: int, delays_s: list[float], sent: int, cpu: float, kib: float) -> None:
    if len(delays_s) < sent * clients:
        print(f"{name}: {len(delays_s):,} frames came, and {sent * clients:,} changes: some came together")
    delays_s.sort()
    p50, p99 = (delays_s[int(len(delays_s) * part)] * 1000 if delays_s else float("nan") for part in (0.5, 0.99))
    print(f"{clients:5,} clients × {RATE}/s           {name:11} p50 {p50:6.1f} ms  p99 {p99:6.1f} ms  "
          f"{cpu:6.1%} of a core  {kib:5.1f} KiB a connection")  # fmt: skip


def measure_latency(server: PostgresServer, clients: int, seconds: float) -> None:
    """A real daemon; a change's own moment of commit is on the clock that all processes share."""
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
        crowd = Crowd(port, clients, hello=b'{"t":"hello"}')
        crowd.read_snapshots()
        kib = (memory_kib(process.pid) - before_kib) / clients
        before_s = cpu_s(process.pid)
        writing = subprocess.Popen(
            [sys.executable, __file__, "--write", dsn, str(seconds)], stdout=subprocess.PIPE, text=True
        )
        records = crowd.record(lambda: writing.poll() is not None, limit_s=seconds + 60)
        cpu = (cpu_s(process.pid) - before_s) / seconds
        commits = [float(line) for line in writing.stdout.read().split()]
        delays = [at_s - commits[n] for n, at_s in changes(records)]
        report("drena", clients, delays, len(commits), cpu, kib)
        crowd.close()
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


async def write(dsn: str, seconds: float) -> None:
    """Change a job `RATE` times a second, and say when each change was committed."""
    async with asyncpg_trio.connect(dsn) as conn:
        began_s = trio.current_time()
        for n in range(int(seconds * RATE)):
            await trio.sleep_until(began_s + n / RATE)
            await conn.execute("update integration_jobs set attempts = $1", n + 1)
            print(time.monotonic(), flush=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--write"]:
        trio.run(write, sys.argv[2], float(sys.argv[3]))
    else:
        main()
