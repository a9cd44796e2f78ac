"""A clock that jumps on one node, and a state directory whose disk is full.

Time is the database's in SQL and Trio's in the daemon, and the two are never compared: no wall clock of a node decides
anything. The only files a daemon keeps are those of the embedded database; while its disk is full jobs wait.
"""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import trio

import asyncpg_trio
from drena.store.embedded import open_embedded
from drena.store.migrate import migrate
from faults.provider.drena_ticker import TICKS
from support.nodes import Fleet

if TYPE_CHECKING:
    from collections.abc import Iterator

LIBRARY = next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None)
IN_HAND = "select count(*) = 4 from integration_jobs where status = 'running'"
DISK_BYTES = 200 * 1024 * 1024


@pytest.mark.skipif(LIBRARY is None, reason="no libfaketime to make a clock jump with: apt-get install faketime")
@pytest.mark.parametrize("days", [400, -400])
async def test_a_clock_that_jumps_on_one_node_changes_nothing(fleet: Fleet, tmp_path: Path, days: int) -> None:
    clock = tmp_path / "clock"
    clock.write_text("+0")
    env = {
        "LD_PRELOAD": str(LIBRARY),
        "FAKETIME_TIMESTAMP_FILE": str(clock),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }
    office, other = await fleet.office("contmax"), await fleet.office("solaris")
    async with fleet.node("north", env=env, node__max_jobs=2) as north, fleet.node("south", node__max_jobs=2):
        for number in range(8):
            await fleet.request([office, other][number % 2], f"{number}", pages=20, pace_s=0.05)
        await fleet.until(IN_HAND)
        clock.write_text(f"{days:+}d")
        await fleet.all_ended()
        jumped = datetime.fromisoformat(north.lines[-1]["at"])
        assert abs(jumped - datetime.now(UTC) - timedelta(days=days)) < timedelta(hours=1), "the clock did jump"
    assert await fleet.rescues() == 0
    assert await fleet.ask("select max(attempts) from integration_jobs") == 1
    await fleet.prove(statuses={"success"})


@contextmanager
def small_disk(place: Path) -> Iterator[Path]:
    """A disk of its own for a directory; the test is skipped where nobody lets us mount one."""
    place.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", str(place)]
    try:
        mounted = subprocess.run(words, check=False, capture_output=True).returncode == 0
    except OSError:
        mounted = False
    if not mounted:
        pytest.skip("no small disk to fill: mounting one needs root outside a restricted container")
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


def fill(disk: Path) -> Path:
    """Take all that is left of it; returns the file to remove."""
    glut = disk / "glut"
    with glut.open("wb", buffering=0) as file:
        for size in (1 << 20, 4096):
            while True:
                try:
                    file.write(bytes(size))
                except OSError:
                    break
    return glut


async def test_a_full_disk_under_the_embedded_database_only_delays(ticker: Path) -> None:
    place = Path("/tmp") / f"dd-{os.getpid()}"  # a socket's path must be short
    with trio.fail_after(120), small_disk(place) as disk:
        state = disk / "state"
        async with open_embedded(state) as url, asyncpg_trio.create_pool(url, min_size=0) as pool:
            async with pool.acquire() as conn:
                await migrate(conn)
                await conn.execute(TICKS)
            fleet = Fleet(pool, "", ticker, state / "journal")
            office = await fleet.office()
            async with fleet.node("north", node__max_jobs=2) as north:
                for number in range(4):
                    await fleet.request(office, f"{number}", pages=30, pace_s=0.05)
                await fleet.until("select count(*) > 5 from ticks")
                glut = await trio.to_thread.run_sync(fill, disk)
                await north.logged("database out of reach, will try again")
                glut.unlink()
                await fleet.all_ended()
                assert north.process.returncode is None
            await fleet.prove(statuses={"success"})


async def test_an_embedded_database_that_is_killed_is_started_again(ticker: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="dd-", dir="/tmp") as folder, trio.fail_after(120):
        state = Path(folder)
        async with open_embedded(state) as url, asyncpg_trio.create_pool(url, min_size=0) as pool:
            async with pool.acquire() as conn:
                await migrate(conn)
                await conn.execute(TICKS)
            fleet = Fleet(pool, "", ticker, state / "journal")
            office = await fleet.office()
            async with fleet.node("north") as north:
                job = await fleet.request(office, pages=40, pace_s=0.05)
                await fleet.until("select count(*) > 3 from ticks")
                postmaster = int((state / "postgresql" / "postmaster.pid").read_text().split("\n")[0])
                os.kill(postmaster, signal.SIGKILL)
                await north.logged("the embedded PostgreSQL has died and is started again")
                await fleet.status_is(job, "success")
                assert north.process.returncode is None
            await fleet.prove(statuses={"success"})
