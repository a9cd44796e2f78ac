"""`make faults`: storms one after the other, each with a seed of its own and a fresh database, for as long as asked.

make faults ARGS="--minutes 10"               everything that can go wrong
make faults ARGS="--seed 7 --faults 40"       one storm again
make faults ARGS="--kills 1000"               kill -9 alone, so many times
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import trio

import asyncpg_trio
from drena.store.migrate import migrate
from faults.provider.drena_ticker import TICKS
from faults.storm import EVERYTHING, Storm
from support.nodes import Fleet, install_ticker
from support.postgres import PostgresServer

FAULTS_A_STORM = 40
KILLS_A_STORM = 250


async def main(options: argparse.Namespace, victim: PostgresServer, folder: Path) -> int:
    plugins = folder / "plugins"
    plugins.mkdir()
    install_ticker(plugins)
    total: Counter[str] = Counter()
    began = time.monotonic()
    seed = options.seed
    while True:
        found = await storm(options, victim, folder, plugins, seed)
        total.update(found)
        print(f"seed {seed}: {told(found)}", flush=True)
        if done(options, total, time.monotonic() - began):
            break
        seed += 1
    minutes = (time.monotonic() - began) / 60
    print(f"\nin {minutes:.1f} minutes, seeds {options.seed} to {seed}:\n{told(total)}")
    print(f"lost / doubled / stuck = {total['lost']} / {total['doubled']} / {total['stuck']}")
    return int(bool(total["lost"] or total["doubled"] or total["stuck"]))


async def storm(
    options: argparse.Namespace, victim: PostgresServer, folder: Path, plugins: Path, seed: int
) -> Counter[str]:
    dsn = victim.create_database()
    async with asyncpg_trio.connect(dsn) as conn:
        await migrate(conn)
        await conn.execute(TICKS)
    async with asyncpg_trio.create_pool(dsn, min_size=0, max_size=10) as pool:
        fleet = Fleet(pool, dsn, plugins, folder / f"journal {seed}")
        raging = Storm(fleet, victim, seed, {} if options.kills else EVERYTHING)
        most = min(options.faults or FAULTS_A_STORM, FAULTS_A_STORM)
        kills = min(options.kills, KILLS_A_STORM)
        await raging.rage(lambda tally: tally["kills"] >= kills if kills else tally["faults"] >= most)
        found = Counter({**raging.tally, **await raging.verdict()})
        await fleet.prove(statuses={"success", "error"})
    victim.drop_database(dsn)
    return found


def done(options: argparse.Namespace, total: Counter[str], seconds: float) -> bool:
    if options.kills:
        return total["kills"] >= options.kills
    if options.faults:
        return total["faults"] >= options.faults
    return seconds >= options.minutes * 60


def told(found: Counter[str]) -> str:
    return ", ".join(f"{name} {count}" for name, count in found.items())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=random.randrange(1_000_000), help="of the first storm")
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--faults", type=int, default=0, help="in place of minutes")
    parser.add_argument("--kills", type=int, default=0, help="in place of minutes, and nothing but kills")
    arguments = parser.parse_args()
    print(f"first seed {arguments.seed}", flush=True)
    with PostgresServer(settings={"max_connections": "200"}) as server, tempfile.TemporaryDirectory() as scratch:
        sys.exit(trio.run(main, arguments, server, Path(scratch)))
