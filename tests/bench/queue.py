"""How fast the queue is: `make bench-queue`, or `python tests/bench/queue.py [--jobs 20000] [--flood 300000]`.

One PostgreSQL 18 with stock settings and fsync on, one node in a process of its own, on the same two cores. Absolute
figures move with the machine; what counts is the ratio to the SQL floor of the same run (pgbench claiming and finishing
batches of 100 on the same tables, triggers included, nothing else) and the CPU time a job costs, which moves least.
"""

from __future__ import annotations

import argparse
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

HERE = Path(__file__).resolve().parent
sys.path[0] = str(HERE.parent)  # not this folder: its queue.py would stand before the standard library's

import trio  # noqa: E402

import asyncpg_trio  # noqa: E402
from bench.node.limits import Limits, cpu_s, watched  # noqa: E402
from drena.store.jobs import claim_jobs  # noqa: E402
from drena.store.migrate import migrate  # noqa: E402
from drena.store.queries import statements  # noqa: E402
from drena.store.steering import pause, resume  # noqa: E402
from support.postgres import PostgresServer, wheel_bindir  # noqa: E402

REQUESTS = """
\\set office random(1, 99)
select (drena.request_job(o.id, 'noop', gen_random_uuid()::text)).outcome
from organizacoes o where o.slug = 'o' || :office;
"""
LOGGED = re.compile(r"LOG:  (?:execute [^:]*|statement): (.*)")
ROOM = 1000
"""`node.max_jobs`, as an operator sets it for many short jobs: from it follows how many ends go into one statement."""
LOOK_EVERY_S = 0.1
"""How often a drain is looked at: each look goes over the index entries the drain leaves behind, so that looking every
5 ms cost PostgreSQL half as much as the drain itself."""
ACTIVE = "status in ('pending', 'running')"
FLOOR = """
with due as (
    select id from integration_jobs where status = 'pending' and run_at <= now()
    order by tenant_id limit 100 for no key update skip locked)
update integration_jobs j set status = 'running', lease_token = lease_token + 1, attempts = attempts + 1,
       node_id = lpad(:client_id::text, 32, '0')::uuid, started_at = now(), version = version + 1
from due where due.id = j.id;
update integration_jobs set status = 'success', finished_at = now(), execution_time_ms = 0, version = version + 1
where status = 'running' and node_id = lpad(:client_id::text, 32, '0')::uuid;
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=20_000)
    parser.add_argument("--flood", type=int, default=300_000)
    parser.add_argument("--idle-s", type=float, default=10.0)
    parser.add_argument("--load", type=float, default=0.25, help="others' requests, as a part of the rate drained")
    arguments = parser.parse_args()
    with PostgresServer(fsync=True) as server:
        floor = measure_floor(server, arguments.jobs)
        print(f"SQL floor, 100 tenants          {floor:9,.0f} jobs/s")
        rates = {
            (tenants, subscribed): measure_drain(server, tenants, arguments.jobs, floor, subscribed=subscribed)
            for tenants in (1, 100, 10_000)
            for subscribed in (False, True)
        }
        measure_latency(server, rates[100, False] * arguments.load)
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
def node(url: str, *, room: int = ROOM, tenant_cap: int = 100_000, feed: bool = False):
    """A node, from ready to SIGTERM, and the port of its feed if it is to have one."""
    process = subprocess.Popen(
        [sys.executable, str(HERE / "node" / "noop.py"), url, str(room), str(tenant_cap), *["feed"][: int(feed)]],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        word, port = process.stdout.readline().split()
        assert word == "ready"
        yield process, int(port)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


class Subscriber:
    """A feed client in a process of its own that watches every tenant."""

    def __init__(self, port: int, tenants: int) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(HERE / "node" / "subscriber.py"), str(port), str(tenants)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "watching\n", "the subscriber did not get its snapshots"

    def has_all(self, offsets: int) -> tuple[int, int]:
        """Wait until its offsets add up to this; how many frames and bytes it was sent. Never, if one was missed."""
        out, _ = self._process.communicate(f"{offsets}\n", timeout=60)
        frames, size = map(int, out.split())
        return frames, size


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


def measure_drain(server: PostgresServer, tenants: int, jobs: int, floor: float, *, subscribed: bool = False) -> float:
    """Due jobs drained by one node, and what each cost; subscribed: a feed client watches every tenant meanwhile."""
    url = database(server, tenants, jobs)

    async def drain(pid: int, subscriber: Subscriber | None) -> tuple[Limits, float, str]:
        async with asyncpg_trio.connect(url) as conn:
            await pause(conn, None, "noop")
            await add_jobs(conn, jobs)
            await conn.execute("vacuum analyze integration_jobs")
            lsn = await conn.fetchval("select pg_current_wal_lsn()::text")
            async with watched(server, pid, url) as limits:
                await resume(conn, None, "noop")
                await until_none(conn, ACTIVE, every_s=LOOK_EVERY_S)
            wal = await conn.fetchval("select pg_wal_lsn_diff(pg_current_wal_lsn(), $1::text::pg_lsn)::float8", lsn)
            if subscriber is None:
                return limits, wal, ""
            began_s = time.perf_counter()
            frames, size = subscriber.has_all(await conn.fetchval('select sum("offset")::bigint from drena.feed_head'))
            late_ms = (time.perf_counter() - began_s) * 1000
            return (
                limits,
                wal,
                f"   feed: all of it in {frames:,} frames, {size / jobs:,.0f} B a job, {late_ms:.0f} ms later",
            )

    with node(url, feed=subscribed) as (process, port):
        # The first load warmed plans and caches and is not counted; the second, as large, is.
        trio.run(settled, url)
        limits, wal, told = trio.run(drain, process.pid, Subscriber(port, tenants) if subscribed else None)
    rate = jobs / limits.wall_s
    print(
        f"drained, {tenants:6,} tenants{', feed' if subscribed else '      '} {rate:9,.0f} jobs/s   "
        f"{rate / floor:5.2f} of the floor   CPU a job: node {limits.node_s / jobs * 1e6:4.0f} µs, "
        f"PostgreSQL {limits.postgres_s / jobs * 1e6:4.0f} µs   WAL {wal / jobs:,.0f} B a job{told}\n    {limits}"
    )
    return rate


async def until_none(conn: asyncpg_trio.Connection, condition: str, *args: object, every_s: float = 0.005) -> None:
    """Look until no job meets the condition."""
    query = f"select exists (select from integration_jobs where {condition})"
    while await conn.fetchval(query, *args):  # noqa: ASYNC110  # the database has no event for us
        await trio.sleep(every_s)


async def settled(url: str) -> None:
    """Wait until nothing is active."""
    async with asyncpg_trio.connect(url) as conn:
        await until_none(conn, ACTIVE)


def measure_latency(server: PostgresServer, rate: float, rounds: int = 300) -> None:
    """From asking for a job to its provider's first line, on the clock that all processes of a machine share: one job
    after the other, first with nothing else to do, then while 99 other tenants ask for so many jobs a second."""
    url = database(server, 100, 0)
    with node(url) as (process, _):
        for others in (0.0, rate):
            with requests_of_others(url, others):
                limits, requests, asked, waits = trio.run(ask_in_turn, server, process.pid, url, rounds)
            load = f"with {requests:,.0f} of others a second" if others else "idle"
            tell_waits(f"request → running, {load}", waits)
            print(f"    of this the request itself p50 {statistics.median(asked):.1f} ms, an empty claim "
                  f"{trio.run(claim_ms, url):.1f} ms   {limits}")  # fmt: skip


@contextmanager
def requests_of_others(url: str, rate: float):
    """pgbench asks for jobs of 99 tenants, so many a second, each by `drena.request_job` in its own transaction."""
    if not rate:
        yield
        return
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as script:
        script.write(REQUESTS)
        script.flush()
        words = ["-n", "-c", "4", "-j", "1", "-R", f"{rate:.0f}", "-T", "600", "-f", script.name, url]
        process = subprocess.Popen(
            [wheel_bindir() / "pgbench", *words], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )
        try:
            time.sleep(1)  # it has begun
            assert process.poll() is None, process.stderr.read()
            yield
        finally:
            process.terminate()
            process.wait()


async def ask_in_turn(
    server: PostgresServer, pid: int, url: str, rounds: int
) -> tuple[Limits, list[float], list[float]]:
    """Milliseconds that each request took, and from its beginning until its job ran; sorted."""
    asked, ran = [], []
    async with asyncpg_trio.connect(url) as conn, watched(server, pid, url) as limits:
        tenant = await conn.fetchval("select id from organizacoes where slug = 'o100'")
        before = await conn.fetchval("select count(*) from integration_jobs")
        for _ in range(rounds):
            query = "select (job).id from drena.request_job($1, 'noop', gen_random_uuid()::text, '{\"stamp\": true}')"
            began_s = time.time()
            job = await conn.fetchval(query, tenant)
            asked.append((time.time() - began_s) * 1000)
            await until_none(conn, "id = $1 and status <> 'success'", job)
            ran_s = await conn.fetchval("select (result ->> 'at')::float8 from integration_jobs where id = $1", job)
            ran.append((ran_s - began_s) * 1000)
        requests = await conn.fetchval("select count(*) from integration_jobs") - before - rounds
    return limits, requests / limits.wall_s, sorted(asked), sorted(ran)


def tell_waits(what: str, waits: list[float]) -> None:
    p50, p99 = statistics.median(waits), waits[int(len(waits) * 0.99)]
    print(f"{what:44} p50 {p50:.1f} ms, p99 {p99:.1f} ms, worst {waits[-1]:.1f} ms")


async def claim_ms(url: str, rounds: int = 20) -> float:
    """The median of a claim there and back, in the name of a node that does not exist: it looks and takes nothing."""
    took = []
    async with asyncpg_trio.create_pool(url, min_size=1) as pool:
        for _ in range(rounds):
            began_s = time.perf_counter()
            await claim_jobs(pool, node=uuid4(), providers={"noop": 200}, room=200, tenant_cap=2, walk=200)
            took.append((time.perf_counter() - began_s) * 1000)
    return statistics.median(took)


def measure_idle(server: PostgresServer, seconds: float) -> None:
    """Queries and CPU of a node with nothing to do and 10,000 tenants; and which they were, by the server's log."""
    url = database(server, 10_000, 0)
    server.sql(f"alter database \"{name_of(url)}\" set log_statement = 'all'")

    async def watch(pid: int) -> tuple[float, float, str]:
        async with asyncpg_trio.connect(url) as conn:
            await conn.execute("set log_statement = 'none'")
            query = "select xact_commit from pg_stat_database where datname = current_database()"
            await trio.sleep(2)  # the start is over
            before, cpu, place = await conn.fetchval(query), cpu_s(pid), server.log.stat().st_size
            await trio.sleep(seconds)
            cpu = (cpu_s(pid) - cpu) / seconds
            return (await conn.fetchval(query) - before - 1) / seconds, cpu, server.log.read_text()[place:]

    with node(url) as (process, _):
        queries, cpu, log = trio.run(watch, process.pid)
    names = {text.partition("\n")[0]: name for name, text in statements().items()}
    asked = Counter(names.get(line, line[:40]) for line in LOGGED.findall(log))
    print(f"idle, 10,000 tenants             {queries:.2f} transactions/s, {cpu:.2%} of a core")
    print(f"    limit: what has to be asked again and again, in {seconds:g} s: "
          + ", ".join(f"{name} {n}" for name, n in asked.most_common(6)))  # fmt: skip


def measure_flood(server: PostgresServer, flood: int, rounds: int = 20) -> None:
    """Another tenant's start while one tenant has a flood of due jobs and its cap is taken all the time."""
    url = database(server, 1, flood)

    async def ask(pid: int) -> tuple[Limits, float, list[float], list[float]]:
        async with asyncpg_trio.connect(url) as conn:
            other = await conn.fetchval("insert into organizacoes (nome, slug) values ('o', 'o100') returning id")
            await conn.execute("insert into tenant_integrations (tenant_id, provider) values ($1, 'noop')", other)
        return await ask_in_turn(server, pid, url, rounds)

    with node(url, tenant_cap=2) as (process, _):
        limits, _, _, waits = trio.run(ask, process.pid)
        claim = trio.run(claim_ms, url)
    left = server.sql("select count(*) from integration_jobs where status = 'pending'", database=name_of(url))
    tell_waits(f"another's start behind {flood:,} jobs", waits)
    print(f"    {int(left):,} were still due at the end; a claim over them takes {claim:.1f} ms   {limits}")


def name_of(url: str) -> str:
    return url.partition("?")[0].rpartition("/")[2]


if __name__ == "__main__":
    main()
