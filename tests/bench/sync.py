"""What a sync of companies costs: `make bench-sync`, or `python tests/bench/sync.py [--pages 160] [--rounds 3]`.

The real daemon, the fake Acessórias without a rate limit and PostgreSQL with stock settings and fsync on are processes
of their own on the same cores. In every round a bare httpx2 loop fetches all pages on one connection; then the daemon
mirrors a new office of that size, mirrors it again unchanged, and again after a tenth of it changed. The same three are
asked of dlt (its REST source, merged into the same server) and of the old row-by-row way, each a process of its own
with an office of its own. Absolute figures move with the machine; what counts is the ratio to fetching alone in the
same run, the CPU time, and the peak memory.

dlt is installed into a throwaway environment when the run begins; `--rivals PYTHON` names an interpreter that has it
already, `--no-rivals` leaves the others out.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from contextlib import ExitStack
from dataclasses import dataclass, field
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
RIVALS_LIMIT_S = 1800.0
PEAK_TARGET_MB = 80
RUNS = ("first", "unchanged", "10 % changed")
DLT = "dlt[postgres]>=1.18"
SETTINGS = {"log__level": "warning", "providers__acessorias__requests_per_minute": 1e9}


@dataclass(frozen=True)
class Cost:
    """Of one round of one thing."""

    wall_s: float
    cpu_s: float
    peak_mb: float = 0.0


@dataclass
class Contender:
    """One way to mirror, and what its runs cost."""

    name: str
    costs: dict[str, list[Cost]] = field(default_factory=lambda: {run: [] for run in RUNS})


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pages", type=int, default=160)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--no-fsync", action="store_true", help="leave the disk out of it")
    parser.add_argument("--rivals", metavar="PYTHON", help="an interpreter that has dlt")
    parser.add_argument("--no-rivals", action="store_true", help="Drena alone")
    arguments = parser.parse_args()
    with ExitStack() as stack:
        rivals = None if arguments.no_rivals else arguments.rivals or install_dlt(stack)
        server = stack.enter_context(PostgresServer(fsync=not arguments.no_fsync))
        address = stack.enter_context(run_fake())
        server.create_database("bench")
        return trio.run(measure, server.dsn("bench", tcp=True), address, arguments, rivals)  # dlt knows no Unix socket


def install_dlt(stack: ExitStack) -> str | None:
    """A Python that has dlt, in a folder that goes with the stack; None when it cannot be installed."""
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="drena-bench-")))
    print(f"installing {DLT} into a throwaway environment", flush=True)
    venv.create(folder, with_pip=True)
    python = str(folder / "bin" / "python")
    done = subprocess.run([python, "-m", "pip", "install", "--quiet", DLT], check=False, capture_output=True)
    if done.returncode:
        print(f"it cannot be installed, so Drena runs alone: {done.stderr.decode().strip().splitlines()[-1]}")
        return None
    return python


async def measure(dsn: str, address: tuple[str, int], arguments: argparse.Namespace, rivals: str | None) -> int:
    """All rounds, and the table; the exit code says whether the daemon kept its memory target."""
    fetched: list[Cost] = []
    drena, dlt, rows = Contender("Drena"), Contender("dlt"), Contender("row by row")
    with trio.fail_after(RIVALS_LIMIT_S if rivals else LIMIT_S), tempfile.TemporaryDirectory() as state:
        async with asyncpg_trio.connect(dsn) as conn, open_fake(*address) as fake:
            await migrate(conn)
            stage = Stage(dsn=dsn, conn=conn, fake=fake)
            companies = arguments.pages * PAGE_SIZE
            names = [f"{who}-{n}" for n in range(arguments.rounds) for who in ("drena", "dlt", "rows")]
            offices = {name: await stage.open_office(name, companies) for name in names}
            async with launch_daemon(stage.environment(**SETTINGS), joined=False) as daemon:
                await stage_is_set(conn)
                idle_mb = peak_mb(daemon)
                for n in range(arguments.rounds):
                    fetched.append(await fetch_alone(fake.url, offices[f"drena-{n}"], arguments.pages))
                    for run in RUNS:
                        if run == RUNS[-1]:
                            for who in ("drena", "dlt", "rows"):
                                await fake.touch(offices[f"{who}-{n}"].token, share=0.1)
                        drena.costs[run].append(await sync(stage, daemon, offices[f"drena-{n}"], companies))
                        if rivals:
                            own = [rivals, str(HERE / "rivals" / "dlt_way.py"), fake.url, offices[f"dlt-{n}"].token]
                            dlt.costs[run].append(await rival([*own, dsn, f"{state}/{n}"]))
                            own = [rivals, str(HERE / "rivals" / "row_by_row.py"), fake.url, offices[f"rows-{n}"].token]
                            rows.costs[run].append(await rival([*own, dsn, str(offices[f"rows-{n}"].id)]))
                peak = peak_mb(daemon)
    print(f"{arguments.pages} pages of {PAGE_SIZE} companies, medians of {arguments.rounds} rounds\n")
    report("fetching alone", fetched, fetched, companies)
    for contender in (drena, dlt, rows) if rivals else (drena,):
        for run in RUNS:
            report(f"{contender.name}, {run}", contender.costs[run], fetched, companies)
    print(f"\ndaemon's peak memory {peak:6.1f} MB (when idle {idle_mb:.1f} MB, target {PEAK_TARGET_MB} MB)")
    return int(peak > PEAK_TARGET_MB)


async def rival(words: list[str]) -> Cost:
    """One run of another way: the seconds of its work, without starting Python; CPU and memory of the whole process."""
    return await trio.to_thread.run_sync(_rival, words)


def _rival(words: list[str]) -> Cost:
    environment = {**os.environ, "RUNTIME__DLTHUB_TELEMETRY": "false", "RUNTIME__LOG_LEVEL": "ERROR"}
    with subprocess.Popen(words, stdout=subprocess.PIPE, env=environment) as process:
        assert process.stdout is not None
        said = process.stdout.read()
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, words
    wall_s = json.loads(said.splitlines()[-1])["wall_s"]
    return Cost(wall_s, used.ru_utime + used.ru_stime, used.ru_maxrss * 1024 / 1e6)


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
    wall_s, cpu, peak = (statistics.median(getattr(c, name) for c in costs) for name in ("wall_s", "cpu_s", "peak_mb"))
    ratio = wall_s / statistics.median(c.wall_s for c in base)
    print(
        f"{what:24} wall {wall_s:6.2f} s  = {ratio:5.2f} x fetching alone   CPU {cpu:5.2f} s"
        f"   {companies / wall_s:8,.0f} companies/s" + (f"   peak {peak:5.0f} MB" if peak else "")
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
