"""How fast the queue is: `make bench-queue`, or `python tests/bench/queue.py [--jobs 20000] [--flood 300000]`.

One PostgreSQL 18 with stock settings and fsync on, one node in a process of its own, on the same two cores. Absolute
figures move with the machine; what counts is the ratio to the SQL floor of the same run (pgbench claiming and finishing
batches of 100 on the same tables, triggers included, nothing else) and the CPU time a job costs, which moves least.
"""

from __future__ import annotations

import argparse
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[0] = str(HERE.parent)  # not this folder: its queue.py would stand before the standard library's

import trio  # noqa: E402

import asyncpg_trio  # noqa: E402
from drena.store.migrate import migrate  # noqa: E402
from drena.store.steering import pause, resume  # noqa: E402
from support.postgres import PostgresServer, wheel_bindir  # noqa: E402

ACTIVE = "status in ('pending', 'running')"
FLOOR = """
with due as (
    select id from integration_jobs where status = 'pending' and run_at <= now()
    order by tenant_id limit 100 for no key update skip locked)
update integration_jobs j set status = 'running', lease_token = lease_token + 1, attempts = attempts + 1,
       node_id = lpad(:client_id::text, 32, '0')::uuid, started_at = now()
from due where due.id = j.id;
update integration_jobs set status = 'success', finished_at = now()
where status = 'running' and node_id = lpad(:client_id::text, 32, '0')::uuid;
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=20_000)
    parser.add_argument("--flood", type=int, default=300_000)
    parser.add_argument("--idle-s", type=float, default=10.0)
    arguments = parser.parse_args()
    with PostgresServer(fsync=True) as server:
        floor = measure_floor(server, arguments.jobs)
        print(f"SQL floor, 100 tenants          {floor:9,.0f} jobs/s")
        for tenants in (1, 100, 10_000):
            measure_drain(server, tenants, arguments.jobs, floor)
        measure_latency(server)
        measure_idle(server, arguments.idle_s)
        measure_flood(server, arguments.flood)


def database(server: PostgresServer, tenants: int, jobs: int) -> str:
    """A migrated database with so many tenants, and so many due jobs spread over them."""

    async def fill(url: str) -> None:
        async with asyncpg_trio.connect(url) as conn:
            await migrate(conn)
            await conn.execute("set drena.notify = off")
            await conn.execute(
                "insert into organizacoes (nome, slug) select 'o' || i, 'o' || i from generate_series(1, $1) i", tenants
            )
            await conn.execute(
                "insert into tenant_integrations (tenant_id, provider) select id, 'noop' from organizacoes"
            )
            await add_jobs(conn, jobs)
            await conn.execute("vacuum analyze")

    url = server.create_database()
    trio.run(fill, url)
    return url


async def add_jobs(conn: asyncpg_trio.Connection, jobs: int) -> None:
    """Jobs in turn for each tenant, each in a lane of its own."""
    await conn.execute(
        """insert into integration_jobs (tenant_id, provider_slug, lane)
           select t.id, 'noop', g::text
           from generate_series(0, $1 - 1) g
           join (select id, row_number() over (order by id) - 1 as place, count(*) over () as n from organizacoes) t
             on t.place = g % t.n""",
        jobs,
    )


@contextmanager
def node(url: str, *, room: int = 200, tenant_cap: int = 100_000):
    """A node, from ready to SIGTERM."""
    process = subprocess.Popen(
        [sys.executable, str(HERE / "node" / "noop.py"), url, str(room), str(tenant_cap)],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


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


def measure_floor(server: PostgresServer, jobs: int) -> float:
    """Jobs a second that pgbench claims and finishes in batches of 100 with two clients."""
    url = database(server, 100, jobs)
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as script:
        script.write(FLOOR)
        script.flush()
        rounds = max(jobs // 200, 1)
        began_s = time.perf_counter()
        subprocess.run(
            [wheel_bindir() / "pgbench", "-n", "-c", "2", "-j", "2", "-t", str(rounds), "-f", script.name, url],
            check=True,
            capture_output=True,
        )
        return rounds * 200 / (time.perf_counter() - began_s)


def measure_drain(server: PostgresServer, tenants: int, jobs: int, floor: float) -> None:
    """Due jobs drained by one node, and what each cost."""
    url = database(server, tenants, jobs)

    async def drain(pid: int) -> tuple[float, float, float, float]:
        async with asyncpg_trio.connect(url) as conn:
            await pause(conn, None, "noop")
            await add_jobs(conn, jobs)
            await conn.execute("vacuum analyze integration_jobs")
            lsn = await conn.fetchval("select pg_current_wal_lsn()::text")
            began_s, ours_s, theirs_s = time.perf_counter(), cpu_s(pid), postgres_cpu_s(server)
            await resume(conn, None, "noop")
            await until_none(conn, ACTIVE)
            wal = await conn.fetchval("select pg_wal_lsn_diff(pg_current_wal_lsn(), $1::text::pg_lsn)::float8", lsn)
            return time.perf_counter() - began_s, cpu_s(pid) - ours_s, postgres_cpu_s(server) - theirs_s, wal

    with node(url) as process:
        # The first load warmed plans and caches and is not counted; the second, as large, is.
        trio.run(settled, url)
        wall_s, ours_s, theirs_s, wal = trio.run(drain, process.pid)
    rate = jobs / wall_s
    print(
        f"drained, {tenants:6,} tenants         {rate:9,.0f} jobs/s   {rate / floor:5.2f} of the floor   "
        f"CPU a job: node {ours_s / jobs * 1e6:4.0f} µs, PostgreSQL {theirs_s / jobs * 1e6:4.0f} µs   "
        f"WAL {wal / jobs:,.0f} B a job"
    )


async def until_none(conn: asyncpg_trio.Connection, condition: str, *args: object) -> None:
    """Look until no job meets the condition."""
    query = f"select exists (select from integration_jobs where {condition})"
    while await conn.fetchval(query, *args):  # noqa: ASYNC110  # the database has no event for us
        await trio.sleep(0.005)


async def settled(url: str) -> None:
    """Wait until nothing is active."""
    async with asyncpg_trio.connect(url) as conn:
        await until_none(conn, ACTIVE)


def measure_latency(server: PostgresServer, rounds: int = 300) -> None:
    """From the request's commit to the attempt's start, by the database's clock, one job at a time."""
    url = database(server, 1, 0)

    async def ask() -> list[float]:
        async with asyncpg_trio.connect(url) as conn:
            tenant = await conn.fetchval("select id from organizacoes")
            for lane in range(rounds):
                await conn.fetchval("select (job).id from drena.request_job($1, 'noop', $2)", tenant, str(lane))
                await until_none(conn, "status <> 'success'")
            rows = await conn.fetch(
                "select extract(epoch from l.at - r.at)::float8 * 1000 as ms from drena.job_logs l "
                "join drena.job_logs r using (job_id) "
                "where l.message = 'attempt started' and r.message = 'job requested'"
            )
            return sorted(row["ms"] for row in rows)

    with node(url):
        waits = trio.run(ask)
    p50, p99 = statistics.median(waits), waits[int(len(waits) * 0.99)]
    print(f"request → started, idle          p50 {p50:.1f} ms, p99 {p99:.1f} ms")


def measure_idle(server: PostgresServer, seconds: float) -> None:
    """Queries and CPU of a node with nothing to do and 10,000 tenants."""
    url = database(server, 10_000, 0)

    async def watch(pid: int) -> tuple[float, float]:
        async with asyncpg_trio.connect(url) as conn:
            query = "select xact_commit from pg_stat_database where datname = current_database()"
            await trio.sleep(2)  # the start is over
            before, cpu = await conn.fetchval(query), cpu_s(pid)
            await trio.sleep(seconds)
            after = await conn.fetchval(query)
            return (after - before - 1) / seconds, (cpu_s(pid) - cpu) / seconds

    with node(url) as process:
        queries, cpu = trio.run(watch, process.pid)
    print(f"idle, 10,000 tenants             {queries:.2f} transactions/s, {cpu:.2%} of a core")


def measure_flood(server: PostgresServer, flood: int, rounds: int = 20) -> None:
    """Another tenant's start while one tenant has a flood of due jobs and its cap is taken all the time."""
    url = database(server, 1, flood)

    async def ask() -> list[float]:
        async with asyncpg_trio.connect(url) as conn:
            other = await conn.fetchval("insert into organizacoes (nome, slug) values ('other', 'other') returning id")
            await conn.execute("insert into tenant_integrations (tenant_id, provider) values ($1, 'noop')", other)
            for lane in range(rounds):
                await conn.fetchval("select (job).id from drena.request_job($1, 'noop', $2)", other, str(lane))
                await until_none(conn, "tenant_id = $1 and status <> 'success'", other)
            rows = await conn.fetch(
                "select extract(epoch from l.at - r.at)::float8 * 1000 as ms from drena.job_logs l "
                "join drena.job_logs r using (job_id) "
                "where l.message = 'attempt started' and r.message = 'job requested' and l.tenant_id = $1",
                other,
            )
            left = await conn.fetchval("select count(*) from integration_jobs where status = 'pending'")
            print(f"behind {flood:,} jobs of one tenant", end="  ")
            print(f"({left:,} still due at the end)", end="  ")
            return sorted(row["ms"] for row in rows)

    with node(url, tenant_cap=2):
        waits = trio.run(ask)
    print(f"another's start: p50 {statistics.median(waits):.1f} ms, worst {waits[-1]:.1f} ms")


if __name__ == "__main__":
    main()
