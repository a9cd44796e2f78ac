"""What a sync of companies costs: `make bench-sync`, or `python tests/bench/sync.py [--pages 160] [--rounds 3]`.

The real daemon, the fake Acessórias without a rate limit and PostgreSQL with stock settings and fsync on are processes
of their own on the same cores. In every round the daemon mirrors a new office of that size, mirrors it again unchanged,
and again after a tenth of it changed; before each a bare httpx2 loop fetches all pages on one connection, by a client
that was made beforehand, and does nothing with them. The same three are asked of dlt (its REST source, merged into the
same server) and of the old row-by-row way, each a process of its own with an office of its own. Absolute figures move
with the machine; what counts is the ratio to the fetching right before, the CPU time, and the peak memory. In the end
the daemon mirrors an office four times as large, which must not cost it more memory.

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
from functools import partial
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
    from collections.abc import Awaitable, Callable
    from uuid import UUID

    from fake_acessorias.launch import Fake
    from flows.stage import Office
    from support.daemons import DaemonProcess

PAGE_SIZE = 20
PARTS = "obligations&contacts&departments&registrationData&stateRegistrations"
TICKS_PER_S = os.sysconf("SC_CLK_TCK")
LIMIT_S = 300.0
RIVALS_LIMIT_S = 1800.0
PEAK_TARGET_MB = 80
WALL_TARGET = 1.6
LARGER = 4
GROWTH_LIMIT_MB = 3
"""A page is about 25 kB, and some hundred pages more would be many times this if they stayed in memory."""
LOOK_EVERY_S = 0.2
"""How often the job is looked at: its own times tell how long it took."""
RUNS = ("first", "unchanged", "10 % changed")
DLT = "dlt[postgres]>=1.18"
SETTINGS = {"log__level": "warning", "providers__acessorias__requests_per_minute": 1e9}


@dataclass(frozen=True)
class Cost:
    """Of one run of one thing."""

    wall_s: float
    cpu_s: float
    peak_mb: float = 0.0


@dataclass
class Contender:
    """One way to mirror, and what its runs cost beside fetching the same pages right before."""

    name: str
    costs: dict[str, list[tuple[Cost, Cost]]] = field(default_factory=lambda: {run: [] for run in RUNS})

    def ratio(self, run: str) -> float:
        return statistics.median(cost.wall_s / base.wall_s for cost, base in self.costs[run])


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
    """All rounds, and the table; the exit code says whether the daemon kept its memory targets."""
    drena, dlt, rows = Contender("Drena"), Contender("dlt"), Contender("row by row")
    contenders = (drena, dlt, rows) if rivals else (drena,)
    companies = arguments.pages * PAGE_SIZE
    with trio.fail_after(RIVALS_LIMIT_S if rivals else LIMIT_S), tempfile.TemporaryDirectory() as state:
        async with asyncpg_trio.connect(dsn) as conn, open_fake(*address) as fake:
            await migrate(conn)
            stage = Stage(dsn=dsn, conn=conn, fake=fake)
            names = [f"{who.name.replace(' ', '-')}-{n}".lower() for n in range(arguments.rounds) for who in contenders]
            offices = {name: await stage.open_office(name, companies) for name in names}
            large = await stage.open_office("large", companies * LARGER)
            async with launch_daemon(stage.environment(**SETTINGS), joined=False) as daemon:
                await stage_is_set(conn)
                idle_mb = peak_mb(daemon)
                for n in range(arguments.rounds):
                    ours, theirs, old = (offices.get(f"{who}-{n}") for who in ("drena", "dlt", "row-by-row"))
                    for run in RUNS:
                        ask = partial(beside_fetching, fake, run, arguments.pages)
                        assert ours is not None
                        drena.costs[run].append(await ask(ours, partial(sync, stage, daemon, ours, companies)))
                        if theirs is not None and old is not None:
                            words = [rivals, str(HERE / "rivals" / "dlt_way.py"), fake.url, theirs.token]
                            dlt.costs[run].append(await ask(theirs, partial(rival, [*words, dsn, f"{state}/{n}"])))
                            words = [rivals, str(HERE / "rivals" / "row_by_row.py"), fake.url, old.token]
                            rows.costs[run].append(await ask(old, partial(rival, [*words, dsn, str(old.id)])))
                peak = peak_mb(daemon)
                await sync(stage, daemon, large, companies * LARGER)
                larger_peak = peak_mb(daemon)
    print(f"{arguments.pages} pages of {PAGE_SIZE} companies, medians of {arguments.rounds} rounds\n")
    bases = [base for contender in contenders for costs in contender.costs.values() for _, base in costs]
    report("fetching alone", [(base, base) for base in bases], companies)
    for contender in contenders:
        for run in RUNS:
            report(f"{contender.name}, {run}", contender.costs[run], companies)
    print(f"\nwall against fetching alone, target {WALL_TARGET}: {spoken(drena.ratio)}")
    if rivals:
        print(f"dlt's wall against Drena's, target 2: {spoken(lambda run: dlt.ratio(run) / drena.ratio(run))}")
    print(
        f"daemon's peak memory: {idle_mb:.1f} MB idle, {peak:.1f} MB after all these runs, "
        f"{larger_peak:.1f} MB after {arguments.pages * LARGER} pages at once (target {PEAK_TARGET_MB} MB, no growth)"
    )
    return int(larger_peak > PEAK_TARGET_MB or larger_peak - peak > GROWTH_LIMIT_MB)


async def beside_fetching(
    fake: Fake, run: str, pages: int, office: Office, mirror: Callable[[], Awaitable[Cost]]
) -> tuple[Cost, Cost]:
    """What mirroring costs, and what fetching alone costs right before; the fake has its answers ready for both."""
    if run == RUNS[-1]:
        await fake.touch(office.token, share=0.1)
    await fetch_alone(fake.url, office, pages)
    base = await fetch_alone(fake.url, office, pages)
    return await mirror(), base


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
    headers = {"Authorization": f"Bearer {office.token}"}
    async with httpx2.AsyncClient(headers=headers, trust_env=False) as client:  # it reads certificates, for long
        began_s, cpu_s = time.perf_counter(), time.process_time()
        for page in [*range(1, pages + 2), pages + 1]:  # the end is asked for twice, as the plugin does
            answer = await client.get(f"{url}/companies/ListAll?{PARTS}&Pagina={page}")
            assert answer.status_code == 200
            assert (page > pages) == (answer.content == b"[]")
        return Cost(time.perf_counter() - began_s, time.process_time() - cpu_s)


async def sync(stage: Stage, daemon: DaemonProcess, office: Office, companies: int) -> Cost:
    """One job from its claim to its end; the CPU time is the daemon's."""
    before_s = cpu_s(daemon)
    _, job_id = await stage.request(office)
    with trio.fail_after(LIMIT_S):
        while (job := await stage.job(job_id))["finished_at"] is None:  # noqa: ASYNC110
            await trio.sleep(LOOK_EVERY_S)
    used_s = cpu_s(daemon) - before_s
    await assert_read(stage, job, job_id, companies)
    return Cost((job["finished_at"] - job["started_at"]).total_seconds(), used_s)


async def assert_read(stage: Stage, job: Any, job_id: UUID, companies: int) -> None:
    assert job["status"] == "success", job["error_message"]
    assert await stage.conn.fetchval("select total_read from sync_jobs where job_id = $1", job_id) == companies


def report(what: str, costs: list[tuple[Cost, Cost]], companies: int) -> None:
    wall_s, cpu, peak = (
        statistics.median(getattr(cost, name) for cost, _ in costs) for name in ("wall_s", "cpu_s", "peak_mb")
    )
    ratio = statistics.median(cost.wall_s / base.wall_s for cost, base in costs)
    print(
        f"{what:24} wall {wall_s:6.2f} s  = {ratio:5.2f} x fetching alone   CPU {cpu:5.2f} s"
        f"   {companies / wall_s:8,.0f} companies/s" + (f"   peak {peak:5.0f} MB" if peak else "")
    )


def spoken(ratio: Callable[[str], float]) -> str:
    return ", ".join(f"{run} {ratio(run):.2f}" for run in RUNS)


def peak_mb(daemon: DaemonProcess) -> float:
    """The most memory the process ever held, in MB of 10^6 bytes."""
    (line,) = [x for x in Path(f"/proc/{daemon.pid}/status").read_text().splitlines() if x.startswith("VmHWM:")]
    return int(line.split()[1]) * 1024 / 1e6


def cpu_s(daemon: DaemonProcess) -> float:
    fields = Path(f"/proc/{daemon.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_S


if __name__ == "__main__":
    sys.exit(main())
