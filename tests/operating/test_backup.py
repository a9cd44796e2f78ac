"""A backup is worth what a restore gives back: the operator's page's own commands, on a database that is at work."""

from __future__ import annotations

import os
import sys
import tempfile
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import trio

import asyncpg_trio
from drena.cli.postgres import passable_folder, split_password
from drena.store.migrate import migrate
from faults.provider.drena_ticker import TICKS
from support.daemons import environment
from support.nodes import Fleet, install_ticker
from support.postgres import PostgresServer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping

LIMIT_S = 120.0
PAGE = (Path(__file__).parents[2] / "contrib" / "operating.md").read_text()
DUMP = "drena postgres pg_dump --format=custom >drena.dump"
RESTORE = "drena postgres pg_restore --exit-on-error --no-owner <drena.dump"
ORDERS = {"pages": 10, "mode": "hang", "page": 6}
"""Of a job that stands still after half of its pages, until it is told not to."""
KEPT = """
select (select count(*) from integration_jobs where finished_at is not null),
       (select array_agg((cron, timezone, lane, next_at)) from drena.schedules),
       (select array_agg((name, hash, scopes)) from drena.service_tokens)
"""
OFFICE = """
insert into organizacoes (id, nome, slug) values ('00000000-0000-0000-0000-000000000001', 'Contmax', 'contmax');
insert into tenant_integrations (tenant_id, provider) values ('00000000-0000-0000-0000-000000000001', 'acessorias');
select drena.request_job('00000000-0000-0000-0000-000000000001', 'acessorias');
"""


async def do(env: Mapping[str, str], folder: Path, line: str) -> str:
    """Run a line of the page in this folder; what it printed."""
    done = await trio.run_process(
        ["/bin/sh", "-c", line.replace("drena ", f"{sys.executable} -m drena ", 1)],
        env=dict(env),
        cwd=folder,
        capture_stdout=True,
        capture_stderr=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b""), done
    return done.stdout.decode()


@asynccontextmanager
async def open_fleet(dsn: str, plugins: Path, folder: Path) -> AsyncIterator[Fleet]:
    async with asyncpg_trio.create_pool(dsn, min_size=0, max_size=6) as pool:
        yield Fleet(pool, dsn, plugins, folder / "journal")


def test_the_page_names_what_is_done_here() -> None:
    for line in (DUMP, RESTORE):
        assert f"\n{line}\n" in PAGE


async def test_what_was_dumped_while_jobs_ran_goes_on_at_a_new_server(server: PostgresServer, tmp_path: Path) -> None:
    """The dump holds a job in the middle of its pages, of a node that the new server will never see."""
    (tmp_path / "plugins").mkdir()
    plugins = install_ticker(tmp_path / "plugins")
    here = environment(server.create_database(), settings={"plugins.path": plugins})
    with trio.fail_after(LIMIT_S), PostgresServer() as elsewhere:
        there = here | {"DRENA_DATABASE__URL": elsewhere.create_database()}
        async with open_fleet(here["DRENA_DATABASE__URL"], plugins, tmp_path) as old:
            async with old.pool.acquire() as conn:
                await migrate(conn)
                await conn.execute(TICKS)
            office = await old.office()
            await do(here, tmp_path, "drena schedule set contmax ticker '30 6 * * 1' --lane nightly")
            await do(here, tmp_path, "drena token create ci --tenant contmax --json")
            async with old.node():
                done, cut = await old.request(office, "a"), await old.request(office, "b", **ORDERS)
                await old.status_is(done, "success")
                await old.until("select count(*) = 5 from ticks where job_id = $1", cut)
                await do(here, tmp_path, DUMP)
                kept = await old.rows(KEPT)
        await do(there, tmp_path, RESTORE)
        assert await do(there, tmp_path, "drena migrate --dry-run") == "The database is up to date.\n"
        async with open_fleet(there["DRENA_DATABASE__URL"], plugins, tmp_path) as new:
            assert await new.rows(KEPT) == kept
            assert await new.ask("select count(*) from ticks where job_id = $1", cut) == 5
            await new.ask("update integration_jobs set payload = payload - 'mode' where id = $1 returning id", cut)
            async with new.node("south"):
                await new.status_is(cut, "success")
                await new.status_is(await new.request(office, "a"), "success")
            assert await new.rescues() == 1
            await new.prove(statuses={"success"})
        assert "All is well" in await do(there, tmp_path, "drena doctor")


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder that the embedded server's own user can reach, whatever else runs on this machine."""
    with tempfile.TemporaryDirectory(prefix="drena-", dir="/tmp") as folder:
        yield Path(folder)


async def test_an_embedded_database_is_dumped_and_restored_by_the_same_commands(place: Path) -> None:
    here, there = (environment(None, settings={"state_dir": place / name}) for name in ("here", "there"))
    with trio.fail_after(LIMIT_S):
        await do(here, place, "drena migrate")
        await do(here, place, f'drena postgres psql --quiet --output=/dev/null --command="{OFFICE}"')
        await do(here, place, DUMP)
        await do(there, place, RESTORE)
        jobs = await do(there, place, "drena postgres psql -Atc 'select status from integration_jobs'")
    assert jobs == "pending\n"


def test_a_password_is_not_among_the_words_of_a_process() -> None:
    seen, secret = split_password("postgresql://drena:p%40ss@db.internal:5432/office?sslmode=require")
    assert seen == "postgresql://drena@db.internal:5432/office?sslmode=require"
    assert secret == {"PGPASSWORD": "p@ss"}
    for plain in ("postgresql://drena@db/office", "postgresql:///postgres?host=/run/x"):
        assert split_password(plain) == (plain, {})


def test_a_program_does_not_run_in_a_folder_that_its_user_may_not_enter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert passable_folder() == "."
    tmp_path.chmod(0)
    before = os.geteuid()
    os.seteuid(65534 if before == 0 else before)  # root may enter everything
    try:
        assert passable_folder() == "/"
    finally:
        os.seteuid(before)
        tmp_path.chmod(0o700)
