"""Drena's queue beside PgQueuer and graphile-worker, in one run: `make bench-rivals`, or with `ARGS="--jobs 5000"`.

Each drains as many loaded jobs that do nothing, from a database of its own on one PostgreSQL with stock settings and
fsync on, one worker process each, in turn and twice over. What they do for it differs, and is said in each line. The
others are installed into a temporary folder, each from its own registry; one that cannot be had is left out, and said.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[0] = str(HERE.parent)

import trio  # noqa: E402

import asyncpg_trio  # noqa: E402
from bench import queue  # noqa: E402
from bench.node.limits import cpu_s, postgres_cpu_s  # noqa: E402
from support.postgres import PostgresServer  # noqa: E402

ROUNDS = 2


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=20_000)
    jobs = parser.parse_args().jobs
    with tempfile.TemporaryDirectory() as folder, PostgresServer(fsync=True) as server:
        python, modules = install_pgqueuer(Path(folder)), install_graphile(Path(folder))
        for _ in range(ROUNDS):
            floor = queue.measure_floor(server, jobs)
            print(f"SQL floor on Drena's tables      {floor:9,.0f} jobs/s")
            for tenants in (1, 100):
                queue.measure_drain(server, tenants, jobs, floor)
            if python:
                words = [python, HERE / "rival_workers" / "pgqueuer_worker.py"]
                measure(server, "PgQueuer, batches of 100", words, [], "pgqueuer", jobs)
            if modules:
                words = ["node", HERE / "rival_workers" / "graphile_worker.mjs"]
                for name, settings in (("24 at once", ["24", "0"]), ("24 at once, local queue", ["24", "500"])):
                    table = "graphile_worker._private_jobs"
                    measure(server, f"graphile-worker, {name}", words, settings, table, jobs, cwd=modules)


def install_pgqueuer(folder: Path) -> Path | None:
    """The Python of an environment that has it."""
    python = folder / "venv" / "bin" / "python"
    subprocess.run([sys.executable, "-m", "venv", folder / "venv"], check=True)
    words = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "pgqueuer[asyncpg]", "uvloop"]
    if subprocess.run(words, check=False, stderr=subprocess.DEVNULL).returncode:
        print("PgQueuer cannot be installed here and is left out")
        return None
    return python


def install_graphile(folder: Path) -> Path | None:
    """The folder that has it among its modules."""
    modules = folder / "npm"
    modules.mkdir()
    words = ["npm", "install", "--silent", "--prefix", modules, "graphile-worker"]
    try:
        installed = subprocess.run(words, check=False, capture_output=True).returncode == 0
    except OSError:
        installed = False
    if not installed:
        print("graphile-worker cannot be installed here (is npm?) and is left out")
        return None
    return modules


def measure(
    server: PostgresServer, name: str, words: list, settings: list[str], table: str, jobs: int, cwd: Path | None = None
) -> None:
    """One worker process, from the word `go` to an empty table."""
    url = server.create_database()
    process = subprocess.Popen(
        [*words, url, str(jobs), *settings], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=cwd
    )
    try:
        assert process.stdout is not None
        assert process.stdin is not None
        assert process.stdout.readline() == "ready\n", f"{name} did not come up"
        print(trio.run(drained, server, process, url, name, table, jobs))
    finally:
        process.kill()
        process.wait()


async def drained(
    server: PostgresServer, process: subprocess.Popen[str], url: str, name: str, table: str, jobs: int
) -> str:
    """The line to print."""
    async with asyncpg_trio.connect(url) as conn:
        assert await conn.fetchval(f"select count(*) from {table}") == jobs
        lsn = await conn.fetchval("select pg_current_wal_lsn()::text")
        ours_s, theirs_s = (used_s := cpu_s(process.pid)), postgres_cpu_s(server)
        began_s = time.perf_counter()
        process.stdin.write("go\n")
        process.stdin.flush()
        while await conn.fetchval(f"select exists (select from {table})"):  # noqa: ASYNC110  # it has no event for us
            assert process.poll() in (None, 0), f"{name} ended"
            if process.returncode is None:
                used_s = cpu_s(process.pid)
            await trio.sleep(queue.LOOK_EVERY_S)
        wall_s = time.perf_counter() - began_s
        theirs_s = postgres_cpu_s(server) - theirs_s
        ours_s = used_s - ours_s
        wal = await conn.fetchval("select pg_wal_lsn_diff(pg_current_wal_lsn(), $1::text::pg_lsn)::float8", lsn)
    return (
        f"{name:40} {jobs / wall_s:9,.0f} jobs/s   CPU a job: worker {ours_s / jobs * 1e6:4.0f} µs, "
        f"PostgreSQL {theirs_s / jobs * 1e6:4.0f} µs   WAL {wal / jobs:,.0f} B a job"
    )


if __name__ == "__main__":
    main()
