"""How soon a node serves, and how soon a dead one's jobs run again: `make bench-recovery`.

Real `drena run` processes with the settings they come with, on a PostgreSQL of their own.

1. From the start of the process to `READY=1` on its notify socket, on a database that is up to date.
2. From kill -9 to the provider's first line in the next attempt: with another node alive, and with none but the one
   that systemd starts again, `RestartSec=` of the unit later.
"""

from __future__ import annotations

import argparse
import random
import re
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[0] = str(HERE.parent)

import trio  # noqa: E402

import asyncpg_trio  # noqa: E402
from bench.node.limits import cpu_s  # noqa: E402
from drena.store.migrate import migrate  # noqa: E402
from faults.provider.drena_ticker import TICKS  # noqa: E402
from operating.notices import open_manager  # noqa: E402
from support.daemons import environment, launch_daemon  # noqa: E402
from support.nodes import Fleet, install_ticker  # noqa: E402
from support.postgres import PostgresServer  # noqa: E402

UNIT = HERE.parents[1] / "systemd" / "drena.service"
RESTART_S = float(re.search(r"^RestartSec=(\d+)$", UNIT.read_text(), re.MULTILINE)[1])
READY_TARGET_S = 1.0
AGAIN_TARGET_S = 20.0


async def main(options: argparse.Namespace, server: PostgresServer, folder: Path) -> None:
    await measure_ready(server, folder, options.starts)
    plugins = folder / "plugins"
    plugins.mkdir()
    install_ticker(plugins)
    dice = random.Random(options.seed)
    for alone in (False, True):
        took = [await measure_crash(server, plugins, folder, dice, alone) for _ in range(options.kills)]
        who = f"started again {RESTART_S:g} s later" if alone else "another node"
        print(
            f"kill -9 → running again, {who:26} worst {max(took):5.2f} s of {len(took)} (asked {AGAIN_TARGET_S:g}); "
            f"{', '.join(f'{each:.1f}' for each in sorted(took))}"
        )
    print("    limit: the dead node's lease of 15 s; a new node watches for one of its own before it may rescue (I4)")


async def measure_ready(server: PostgresServer, folder: Path, starts: int) -> None:
    dsn = server.create_database()
    async with asyncpg_trio.connect(dsn) as conn:
        await migrate(conn)
    took, used = [], []
    async with open_manager(folder) as manager:
        for _ in range(starts):
            since, began_s = len(manager.messages), trio.current_time()
            async with launch_daemon({**environment(dsn), "NOTIFY_SOCKET": manager.address}, joined=False) as daemon:
                await manager.hears("READY=1", since=since)
                took.append(trio.current_time() - began_s)
                used.append(cpu_s(daemon.pid))
    took.sort()
    print(
        f"start → READY                    p50 {took[len(took) // 2]:.2f} s, worst {took[-1]:.2f} s of {starts} "
        f"(asked {READY_TARGET_S:g})\n    limit: {sum(used) / sum(took):.0%} of it is this process's own processor "
        "time, which is Python importing"
    )


async def measure_crash(server: PostgresServer, plugins: Path, folder: Path, dice: random.Random, alone: bool) -> float:
    """Seconds from the kill, at a random moment between two renewals, to the next attempt's first line."""
    dsn = server.create_database()
    journal = folder / f"journal {time.monotonic()}"
    async with asyncpg_trio.create_pool(dsn, min_size=0) as pool:
        async with pool.acquire() as conn:
            await migrate(conn)
            await conn.execute(TICKS)
        fleet = Fleet(pool, dsn, plugins, journal)
        settings = {"plugins.path": plugins, "plugins.disabled": "drena-acessorias"}
        env = {**environment(dsn, settings=settings), "TICKER_JOURNAL": str(journal)}
        async with launch_daemon(env) as victim:
            job = await fleet.request(await fleet.office(), pages=100_000, pace_s=0.1)
            await fleet.until("select count(*) > 1 from ticks")
            if alone:
                await trio.sleep(dice.uniform(0, 5))
                killed_s = await killed(victim)
                await trio.sleep(RESTART_S)
            async with launch_daemon(env):
                if not alone:
                    await trio.sleep(15 + dice.uniform(0, 5))  # it may rescue from now on
                    killed_s = await killed(victim)
                await fleet.until("select count(distinct pid) > 1 from ticks", limit_s=60)
                (again,) = [each for each in fleet.entries(job) if each.event == "started" and each.pid != victim.pid]
                await fleet.ask("select outcome from drena.cancel_job($1)", job)
                await fleet.all_ended()
    return again.at - killed_s


async def killed(victim) -> float:
    moment_s = time.monotonic()
    await victim.kill()
    return moment_s


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--starts", type=int, default=10)
    parser.add_argument("--kills", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1, help="of the moments of the kills")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch, PostgresServer(fsync=True) as running:
        trio.run(main, given, running, Path(scratch))
