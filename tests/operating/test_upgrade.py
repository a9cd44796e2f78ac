"""Version N-1 and version N: one after the other, beside each other, and back again, on one database.

The earlier program is the real one, see `previous/README.md`. What contrib/upgrading.md tells an operator to do is done
here.
"""

from __future__ import annotations

import subprocess
import sys
import tarfile
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest
import trio

import asyncpg_trio
from drena.store.migrate import known_migrations
from faults.provider.drena_ticker import TICKS
from support.daemons import environment, launch_daemon
from support.nodes import HURRIED, Fleet, install_ticker

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from support.daemons import DaemonProcess
    from support.postgres import PostgresServer

PREVIOUS = Path(__file__).parent / "previous" / "drena-43f2196.tar.xz"
LAST_OF_PREVIOUS = "0009_acessorias"
LIMIT_S = 120.0
PAGE = Path(__file__).parents[2] / "contrib" / "upgrading.md"
ROLL_BACK = "delete from drena.migrations where name > '0009_acessorias'"
JOBS, PAGES = 12, 4


@pytest.fixture(scope="session")
def previous(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the earlier program, for PYTHONPATH."""
    folder = tmp_path_factory.mktemp("previous")
    with tarfile.open(PREVIOUS) as packed:
        packed.extractall(folder)  # our own archive; `filter=` came after 3.11.2
    return folder


class Versions(Fleet):
    """Nodes of both versions on one database."""

    previous: Path

    def old(self) -> Mapping[str, str]:
        """The environment of the earlier program, which knows no setting that came later."""
        known = {"plugins.path": self.plugins, "node.name": "old", "state_dir": self.journal.parent}
        words = environment(self.dsn, settings={**HURRIED, **known}) | {"TICKER_JOURNAL": str(self.journal)}
        later = ("DRENA_FEED__", "DRENA_HTTP__", "DRENA_AUTH__")
        return {k: v for k, v in words.items() if not k.startswith(later)} | {"PYTHONPATH": str(self.previous)}

    @asynccontextmanager
    async def old_node(self) -> AsyncIterator[DaemonProcess]:
        async with launch_daemon(self.old()) as daemon:
            yield daemon

    def new_node(self) -> Any:
        return self.node("new")

    async def drain(self, office: UUID) -> None:
        """Ask for many jobs and wait until all have ended well."""
        for number in range(JOBS):
            await self.request(office, f"lane {number}", pages=PAGES, pace_s=0.02)
        await self.all_ended()

    async def workers(self) -> set[int]:
        """The processes that have written pages."""
        return {pid for (pid,) in await self.rows("select distinct pid from ticks")}

    async def applied(self) -> list[str]:
        return [name for (name,) in await self.rows("select name from drena.migrations order by name")]


@pytest.fixture
async def versions(server: PostgresServer, previous: Path, tmp_path: Path) -> AsyncIterator[Versions]:
    """A database that version N-1 has migrated."""
    dsn = server.create_database()
    plugins = tmp_path / "plugins"
    plugins.mkdir()
    with trio.fail_after(LIMIT_S):
        async with asyncpg_trio.create_pool(dsn, min_size=0, max_size=4) as pool:
            found = Versions(pool, dsn, install_ticker(plugins), tmp_path / "journal")
            found.previous = previous
            migrated = await trio.run_process(
                [sys.executable, "-m", "drena", "migrate"],
                env=dict(found.old()),
                stdin=subprocess.DEVNULL,
                capture_stdout=True,
            )
            assert LAST_OF_PREVIOUS.encode() in migrated.stdout
            await pool.execute(TICKS)
            yield found


async def test_a_new_node_starts_beside_an_old_one_and_both_drain_until_either_leaves(versions: Versions) -> None:
    office = await versions.office()
    assert (await versions.applied())[-1] == LAST_OF_PREVIOUS
    async with versions.old_node() as old:
        await versions.drain(office)
        assert await versions.workers() == {old.pid}
        async with versions.new_node() as new:  # migrates while the old one works
            assert await versions.applied() == [m.name for m in known_migrations()]
            for _ in range(5):
                await versions.drain(office)
                if await versions.workers() == {old.pid, new.pid}:
                    break
            assert await versions.workers() == {old.pid, new.pid}
            assert await old.stop() == 0
            await versions.drain(office)
        assert not old.find("the database refuses this, will try again: somebody has to look"), old.text
    await versions.prove(statuses={"success"})


async def test_what_an_old_node_had_in_hand_when_it_died_a_new_one_finishes(versions: Versions) -> None:
    office = await versions.office()
    async with versions.old_node() as old:
        job = await versions.request(office, pages=6, pace_s=0.5)
        await versions.until("select count(*) >= 2 from ticks")
        async with versions.new_node():
            await old.kill()
            await versions.status_is(job, "success")
    await versions.prove(statuses={"success"})


async def test_after_the_roll_back_of_the_page_the_old_version_runs_again_and_the_new_one_can_return(
    versions: Versions,
) -> None:
    assert ROLL_BACK.removesuffix("'0009_acessorias'") in PAGE.read_text()
    office = await versions.office()
    async with versions.new_node():
        await versions.drain(office)
    refused = await trio.run_process(
        [sys.executable, "-m", "drena", "run"], env=dict(versions.old()), check=False, capture_stderr=True
    )
    assert refused.returncode == 4
    assert b"newer than this program" in refused.stderr
    await versions.pool.execute(ROLL_BACK)
    async with versions.old_node():
        await versions.drain(office)
    async with versions.new_node():
        assert await versions.applied() == [m.name for m in known_migrations()]
        await versions.drain(office)
    await versions.prove(statuses={"success"})
