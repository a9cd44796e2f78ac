"""What a sync of companies costs: `make bench-sync`, or `python tests/bench/sync.py [--pages 160] [--rounds 3]`.

The real daemon, the fake Acessórias without a rate limit and PostgreSQL with stock settings and fsync on are processes
of their own on the same cores. In every round a bare httpx2 loop fetches all pages on one connection; then the daemon
mirrors a new office of that size, and mirrors it again unchanged. Absolute figures move with the machine; what counts
is the ratio to fetching alone in the same run, the CPU time, and the daemon's peak memory.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

HERE = Path(__file__).resolve().parent
sys.path[0] = str(HERE.parent)  # not this folder: its queue.py would stand before the standard library's

import httpx2  # noqa: E402
import trio  # noqa: E402

import asyncpg_trio  # noqa: E402
from drena.store.migrate import migrate  # noqa: E402
from flows.stage import Stage  # noqa: E402
from support.daemons import launch_daemon  # noqa: E402
from support.fakes import open_fake, run_fake  # noqa: E402
from support.postgres import PostgresServer  # noqa: E402

if TYPE_CHECKING:
    from uuid import UUID

    from flows.stage import Office
    from support.daemons import DaemonProcess

PAGE_SIZE = 20
PARTS = "obligations&contacts&departments&registrationData&stateRegistrations"
TICKS_PER_S = os.sysconf("SC_CLK_TCK")
LIMIT_S = 300.0
PEAK_TARGET_MB = 100
SETTINGS = {"log__level": "warning", "providers__acessorias__requests_per_minute": 1e9}


@dataclass(frozen=True)
class Cost:
    """Of one round of one thing."""

    wall_s: float
    cpu_s: float


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pages", type=int, default=160)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--no-fsync", action="store_true", help="leave the disk out of it")
    arguments = parser.parse_args()
    with PostgresServer(fsync=not arguments.no_fsync) as server, run_fake() as address:
        return trio.run(measure, server.create_database("bench"), address, arguments)


async def measure(dsn: str, address: tuple[str, int], arguments: argparse.Namespace) -> int:
    """All rounds, and the table; the exit code says whether the daemon kept its memory target."""
    fetched: list[Cost] = []
    first: list[Cost] = []
    again: list[Cost] = []
    with trio.fail_after(LIMIT_S):
        async with asyncpg_trio.connect(dsn) as conn, open_fake(*address) as fake:
            await migrate(conn)
            stage = Stage(dsn=dsn, conn=conn, fake=fake)
            companies = arguments.pages * PAGE_SIZE
            offices = [await stage.open_office(f"office-{n}", companies) for n in range(arguments.rounds)]
            async with launch_daemon(stage.environment(**SETTINGS), joined=False) as daemon:
                await stage_is_set(conn)
                idle_mb = peak_mb(daemon)
                for office in offices:
                    fetched.append(await fetch_alone(fake.url, office, arguments.pages))
                    first.append(await sync(stage, daemon, office, companies))
                    again.append(await sync(stage, daemon, office, companies))
                peak = peak_mb(daemon)
    print(f"{arguments.pages} pages of {PAGE_SIZE} companies, medians of {arguments.rounds} rounds\n")
    report("fetching alone", fetched, fetched, companies)
    report("first sync", first, fetched, companies)
    report("unchanged sync", again, fetched, companies)
    print(f"\ndaemon's peak memory {peak:6.1f} MB (when idle {idle_mb:.1f} MB, target {PEAK_TARGET_MB} MB)")
    return int(peak > PEAK_TARGET_MB)


async def stage_is_set(conn: asyncpg_trio.Connection) -> None:
    """Wait until the daemon claims."""
    while not await conn.fetchval("select exists (select from drena.nodes)"):  # noqa: ASYNC110
        await trio.sleep(0.01)


async def fetch_alone(url: str, office: Office, pages: int) -> Cost:
    """Every page and the end of the list, one after the other on one connection; nothing is done with them."""
    began_s, cpu_s = time.perf_counter(), time.process_time()
    headers = {"Authorization": f"Bearer {office.token}"}
    async with httpx2.AsyncClient(headers=headers, trust_env=False) as client:
        for page in [*range(1, pages + 2), pages + 1]:  # the end is asked for twice, as the plugin does
            answer = await client.get(f"{url}/companies/ListAll?{PARTS}&Pagina={page}")
            assert answer.status_code == 200
            assert (page > pages) == (answer.content == b"[]")
    return Cost(time.perf_counter() - began_s, time.process_time() - cpu_s)


async def sync(stage: Stage, daemon: DaemonProcess, office: Office, companies: int) -> Cost:
    """One job from its claim to its end; the CPU time is the daemon's."""
    before_s = cpu_s(daemon)
    _, job_id = await stage.request(office)
    job = await stage.ended(job_id)
    await assert_read(stage, job, job_id, companies)
    wall_s = (job["finished_at"] - job["started_at"]).total_seconds()
    return Cost(wall_s, cpu_s(daemon) - before_s)


async def assert_read(stage: Stage, job: Any, job_id: UUID, companies: int) -> None:
    assert job["status"] == "success", job["error_message"]
    assert await stage.conn.fetchval("select total_read from sync_jobs where job_id = $1", job_id) == companies


def report(what: str, costs: list[Cost], base: list[Cost], companies: int) -> None:
    wall_s, cpu = (statistics.median(getattr(c, name) for c in costs) for name in ("wall_s", "cpu_s"))
    ratio = wall_s / statistics.median(c.wall_s for c in base)
    print(
        f"{what:16} wall {wall_s:6.2f} s  = {ratio:5.2f} x fetching alone   CPU {cpu:5.2f} s"
        f"   {companies / wall_s:8,.0f} companies/s"
    )


def peak_mb(daemon: DaemonProcess) -> float:
    """The most memory the process ever held, in MB of 10^6 bytes."""
    (line,) = [x for x in Path(f"/proc/{daemon.pid}/status").read_text().splitlines() if x.startswith("VmHWM:")]
    return int(line.split()[1]) * 1024 / 1e6


def cpu_s(daemon: DaemonProcess) -> float:
    fields = Path(f"/proc/{daemon.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_S


if __name__ == "__main__":
    sys.exit(main())
