"""What a start costs, and what it costs to be there: `make bench-start`, or `python tests/bench/start.py [--rounds 5]`.

PostgreSQL is a process of its own with stock settings; its database is migrated, has 10,000 tenants and nothing to do.
In every round each way to start Drena is taken once: the tree's Python, `dist/drena` for the first time on a machine
(it unpacks itself) and later. Timed are `drena --version`, and `drena run` from its start to READY=1 on a notify
socket, that is, until jobs are claimed and the ports serve. Then the node of the tree is left alone and its
transactions and CPU are counted. Alone on the machine, or the figures mean nothing; CPU time moves least.
"""

from __future__ import annotations

import argparse
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[0] = str(HERE.parent)  # not this folder: its queue.py would stand before the standard library's

import trio  # noqa: E402

import asyncpg_trio  # noqa: E402
from drena.store.migrate import migrate  # noqa: E402
from support.daemons import environment  # noqa: E402
from support.postgres import PostgresServer  # noqa: E402

ROOT = HERE.parents[1]
BINARY = ROOT / "dist" / "drena"
MADE_OF = {".py", ".sql", ".js", ".css", ".html", ".sh", ".spec"}
TENANTS = 10_000
TARGET_S = 1.0
LIMIT_S = 60.0
TICKS_PER_S = os.sysconf("SC_CLK_TCK")
FILL = f"""
insert into organizacoes (nome, slug) select 'Office ' || n, 'office-' || n from generate_series(1, {TENANTS}) n;
insert into tenant_integrations (tenant_id, provider, config) select id, 'acessorias', '{{}}' from organizacoes;
"""
IDLE = "select xact_commit + xact_rollback from pg_stat_database where datname = current_database()"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--idle-s", type=float, default=10.0)
    arguments = parser.parse_args()
    found: dict[str, list[tuple[float, float]]] = defaultdict(list)
    _refuse_stale()
    quiet = {"autovacuum": "off"}  # its transactions would be counted as ours
    with PostgresServer(settings=quiet) as server, tempfile.TemporaryDirectory() as place:
        url = server.create_database()
        trio.run(_fill, url)
        env = environment(url, settings={"log.level": "error"}) | {"TMPDIR": place}
        for _ in range(arguments.rounds):
            for name, command, cache in _ways(Path(place)):
                if name.endswith("first"):
                    shutil.rmtree(cache, ignore_errors=True)
                with_cache = env | {"CACHE_DIRECTORY": str(cache)}
                found[f"{name}: --version"].append(_version(command, with_cache))
                if name.endswith("first"):
                    shutil.rmtree(cache, ignore_errors=True)
                found[f"{name}: run, to READY"].append(_ready(command, with_cache, Path(place)))
        for name, times in found.items():
            wall, cpu = (statistics.median(each) for each in zip(*times, strict=True))
            worst = max(each for each, _ in times)
            print(f"{name:34} {wall:5.2f} s (worst {worst:.2f}, target {TARGET_S}), CPU {cpu:.2f} s")
        queries, cpu = trio.run(_idle, url, env, arguments.idle_s)
    share = f"{cpu:.2%} of a core (target 1 %)"
    print(f"idle, {TENANTS:,} tenants, whole daemon    {queries:.2f} transactions/s (target 1), {share}")


def _refuse_stale() -> None:
    """An older binary would be measured for the tree it was not made of."""
    made_of = [path for folder in ("daemon", "plugins", ".ci/binary") for path in (ROOT / folder).rglob("*")]
    newest = max((path for path in made_of if path.suffix in MADE_OF), key=lambda path: path.stat().st_mtime)
    if BINARY.exists() and BINARY.stat().st_mtime < newest.stat().st_mtime:
        sys.exit(f"dist/drena is older than {newest.relative_to(ROOT)}: run `make binary` first")


def _ways(place: Path) -> list[tuple[str, list[str], Path]]:
    """How Drena is started: a name, the command, and where the binary unpacks itself."""
    ways = [("tree", [sys.executable, "-m", "drena"], place / "none")]
    if BINARY.exists():
        ways += [(name, [str(BINARY)], place / "cache") for name in ("binary, first", "binary, later")]
    else:
        print("dist/drena is not measured: `make binary` makes it")
    return ways


async def _fill(url: str) -> None:
    async with asyncpg_trio.connect(url) as conn:
        await migrate(conn)
        await conn.execute(FILL)
        await conn.execute("analyze")


def _version(command: list[str], env: dict[str, str]) -> tuple[float, float]:
    began, before = time.perf_counter(), os.times()
    subprocess.run([*command, "--version"], env=env, check=True, stdout=subprocess.DEVNULL)
    after = os.times()
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return time.perf_counter() - began, cpu


def _ready(command: list[str], env: dict[str, str], place: Path) -> tuple[float, float]:
    """Until READY=1, and the CPU time of the whole life, which ends there."""
    address = place / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(address))
        manager.settimeout(LIMIT_S)
        began, before = time.perf_counter(), os.times()
        process = subprocess.Popen([*command, "run"], env=env | {"NOTIFY_SOCKET": str(address)})
        try:
            while b"READY=1" not in manager.recv(65536):
                pass
            took = time.perf_counter() - began
        finally:
            process.terminate()
            process.wait()
            address.unlink()
        after = os.times()
    return took, after.children_user + after.children_system - before.children_user - before.children_system


async def _idle(url: str, env: dict[str, str], seconds: float) -> tuple[float, float]:
    """Transactions a second and the share of a core of a node with nothing to do."""
    process = await trio.lowlevel.open_process([sys.executable, "-m", "drena", "run"], env=env)
    try:
        async with asyncpg_trio.connect(url) as conn:
            await trio.sleep(5)  # the start, the first sweep and the first look at everything are over
            before, cpu = await conn.fetchval(IDLE), _cpu_s(process.pid)
            await trio.sleep(seconds)
            after = await conn.fetchval(IDLE)
            return (after - before - 1) / seconds, (_cpu_s(process.pid) - cpu) / seconds
    finally:
        process.terminate()
        with trio.move_on_after(LIMIT_S, shield=True):
            await process.wait()


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_S


if __name__ == "__main__":
    main()
