"""What commands print: a table for people, one JSON document for programs, nothing cut in a pipe."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import partial
from typing import TYPE_CHECKING

import click
import pytest
import trio
from click.testing import CliRunner

import asyncpg_trio
from drena.cli import main
from drena.cli.commands import PROGRAMS
from drena.cli.completion import SHELLS
from support.daemons import Done, environment, run_drena
from support.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from support.postgres import PostgresServer

LIMIT_S = 60.0
LONG = "O Acessórias recusou tudo: " + "muito texto, " * 60 + "e isto é o fim."
COMMANDS = sorted(main.commands)


def every_command(group: click.Group, *before: str) -> Iterator[tuple[str, ...]]:
    """The whole tree's leaves: what a group is asked for is one of its commands."""
    for name, command in sorted(group.commands.items()):
        if isinstance(command, click.Group):
            yield from every_command(command, *before, name)
        else:
            yield (*before, name)


@pytest.fixture
def busy(server: PostgresServer, database: str) -> dict[str, str]:
    """A database with an ended job, a waiting one, and a residue."""
    name = database.rpartition("/")[2].partition("?")[0]
    server.sql(
        f"""
        insert into organizacoes (id, nome, slug) values ('00000000-0000-0000-0000-000000000001', 'Contmax', 'contmax');
        insert into tenant_integrations (tenant_id, provider, config)
            values ('00000000-0000-0000-0000-000000000001', 'acessorias', '{{}}');
        insert into integration_jobs (id, tenant_id, provider_slug, status, error_message, created_at, finished_at)
            values ('00000000-0000-0000-0000-00000000000a', '00000000-0000-0000-0000-000000000001', 'acessorias',
                    'error', '{LONG}', now() - interval '1 hour', now());
        insert into integration_jobs (id, tenant_id, provider_slug, lane, status, created_at)
            values ('00000000-0000-0000-0000-00000000000b', '00000000-0000-0000-0000-000000000001', 'acessorias', '',
                    'pending', now() - interval '1 minute'),
                   ('00000000-0000-0000-0000-00000000000c', '00000000-0000-0000-0000-000000000001', 'acessorias', 'x',
                    'running', now() - interval '3 days');
        insert into drena.job_logs (tenant_id, job_id, attempt, level, message, fields)
            values ('00000000-0000-0000-0000-000000000001', '00000000-0000-0000-0000-00000000000a', 1, 'error',
                    'attempt gave up', '{{"event": "attempt.finished", "status": "error"}}');
        """,
        name,
    )
    return environment(database)


async def test_every_listing_is_one_json_document(busy: Mapping[str, str]) -> None:
    found: dict[str, object] = {}

    async def ask(words: str) -> None:
        done = await run_drena(*words.split(), "--json", env=busy)
        assert (done.code, done.err) == (0, ""), done
        found[words] = done.json

    with trio.fail_after(LIMIT_S):
        async with trio.open_nursery() as nursery:
            for words in (
                "jobs",
                "job 00000000-0000-0000-0000-00000000000a",
                "integrations",
                "plugins",
                "config",
                "sweep --dry-run",
                "request contmax acessorias",
            ):
                nursery.start_soon(ask, words)
    jobs = found["jobs"]
    assert isinstance(jobs, list)
    assert [job["id"][-1] for job in jobs] == ["b", "a", "c"]
    assert jobs[1]["error_message"] == LONG
    job = found["job 00000000-0000-0000-0000-00000000000a"]
    assert isinstance(job, dict)
    assert [line["message"] for line in job["logs"]] == ["attempt gave up"]
    (integration,) = found["integrations"]  # type: ignore[misc]
    assert (integration["tenant"], integration["provider"], integration["active_status"]) == (
        "contmax",
        "acessorias",
        "running",
    )
    assert ["acessorias"] in [p["providers"] for p in found["plugins"]]  # type: ignore[attr-defined]
    assert {"database.url", "retry.base_s"} <= {line["key"] for line in found["config"]}  # type: ignore[attr-defined]
    (residue,) = found["sweep --dry-run"]  # type: ignore[misc]
    assert (residue["kind"], residue["id"][-1], residue["code"]) == ("job", "c", "never_started")
    answer = found["request contmax acessorias"]
    assert isinstance(answer, dict)
    assert (answer["outcome"], answer["job"]["id"][-1]) == ("active", "b")


async def test_nothing_is_cut_in_a_pipe(busy: Mapping[str, str]) -> None:
    with trio.fail_after(LIMIT_S):
        done = await run_drena("jobs", env=busy)
    assert done.code == 0
    assert "00000000-0000-0000-0000-00000000000a" in done.out
    assert "e isto é o fim." in done.out
    assert "…" not in done.out
    assert "\x1b" not in done.out
    for header in ("id", "tenant", "provider", "status", "created at", "error message"):
        assert header in done.out.splitlines()[0]


async def test_people_get_tables_sentences_and_logs(busy: Mapping[str, str]) -> None:
    outs: dict[str, str] = {}

    async def ask(words: str, code: int = 0) -> None:
        done = await run_drena(*words.split(), env=busy)
        assert (done.code, done.err) == (code, ""), done
        outs[words] = done.out

    with trio.fail_after(LIMIT_S):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(ask, "job 00000000-0000-0000-0000-00000000000a")
            nursery.start_soon(ask, "jobs --status success")
            nursery.start_soon(ask, "plugins")
        await ask("sweep --dry-run")
        await ask("sweep")
        await ask("sweep ")
    assert "attempt gave up" in outs["job 00000000-0000-0000-0000-00000000000a"]
    assert outs["jobs --status success"] == "There are no jobs.\n"
    assert "acessorias = drena_acessorias" in outs["plugins"]
    assert "('" not in outs["plugins"]
    assert outs["sweep --dry-run"].endswith("1 would be settled.\n")
    assert outs["sweep"].endswith("1 settled.\n")
    assert outs["sweep"].splitlines()[:-1] == outs["sweep --dry-run"].splitlines()[:-1]
    assert outs["sweep "] == "Nothing is stuck.\n"


async def test_a_reader_that_leaves_early_is_no_error(busy: Mapping[str, str]) -> None:
    with trio.fail_after(LIMIT_S):
        done = await trio.run_process(
            ["/bin/sh", "-c", f"{{ {sys.executable} -m drena jobs --json; echo $? >&2; }} | true"],
            env=dict(busy),
            capture_stdout=True,
            capture_stderr=True,
        )
    assert done.stderr.decode() == "0\n"


async def test_config_shows_where_values_come_from_and_masks_the_password() -> None:
    env = environment("postgresql://drena:s3cret-word@db.example/office")
    with trio.fail_after(LIMIT_S):
        table, document = await run_drena("config", env=env), await run_drena("config", "--json", env=env)
    for done in (table, document):
        assert (done.code, done.err) == (0, "")
        assert "s3cret-word" not in done.out
        assert "db.example" in done.out
        assert "DRENA_DATABASE__URL" in done.out
    assert json.loads(document.out)


async def test_the_help_lists_every_command() -> None:
    with trio.fail_after(LIMIT_S):
        done = await run_drena("--help", env=environment(None))
    assert (done.code, done.err) == (0, "")
    for command in COMMANDS:
        assert f"\n  {command} " in done.out
    assert "Exit codes: 0 ok, 1 the job failed, 2 usage, 3 configuration, 4 database out of reach." in " ".join(
        done.out.split()
    )


@pytest.mark.parametrize("words", list(every_command(main)), ids=" ".join)
def test_each_commands_help_shows_an_example_and_json(words: tuple[str, ...]) -> None:
    shown = CliRunner().invoke(main, [*words, "--help"])
    assert shown.exit_code == 0
    assert f"drena {' '.join(words)}" in shown.output.partition("Example: ")[2]
    assert "\n  --json " in shown.output


async def test_the_daemon_logs_json_when_told_whatever_the_configuration_says() -> None:
    env = environment("postgresql://drena@127.0.0.1:1/nowhere", settings={"log.format": "console"})
    with trio.fail_after(LIMIT_S):
        async with trio.open_nursery() as nursery:
            process = await nursery.start(
                partial(
                    trio.run_process,
                    [sys.executable, "-m", "drena", "run", "--json"],
                    env=env,
                    stderr=subprocess.PIPE,
                    check=False,
                )
            )
            said = b""
            while b"\n" not in said:
                said += await process.stderr.receive_some() or pytest.fail(f"it ended: {said!r}")
            process.kill()
    assert list(json.loads(said.partition(b"\n")[0]))[:3] == ["at", "level", "event"]


@pytest.mark.parametrize("shell", SHELLS)
def test_a_completion_script_is_a_document_too(shell: str) -> None:
    plain = CliRunner().invoke(main, ["completion", shell], prog_name="drena")
    told = CliRunner().invoke(main, ["completion", shell, "--json"], prog_name="drena")
    assert json.loads(told.output) == {"shell": shell, "script": plain.output.removesuffix("\n")}


async def test_postgres_tells_its_programs_and_server_and_refuses_json_for_a_program(
    busy: Mapping[str, str],
) -> None:
    with trio.fail_after(LIMIT_S):
        told = await run_drena("postgres", "--json", env=busy)
        refused = await run_drena("postgres", "--json", "psql", env=busy)
        nothing = await run_drena("postgres", env=busy)
    assert (told.code, told.err) == (0, "")
    assert sorted(told.json["programs"]) == sorted(PROGRAMS)
    assert isinstance(told.json["version"], int)
    assert told.json["folder"] is None
    assert (refused.code, refused.out) == (2, "")
    assert refused.err == "drena: --json goes without PROGRAM, whose output is its own; see `drena postgres --help`.\n"
    assert nothing.code == 2
    assert "PROGRAM" in nothing.err


async def test_a_failed_job_is_exit_code_1_for_whoever_waits(busy: Mapping[str, str]) -> None:
    """No daemon is needed to see it: the wait ends with the job, whoever ends it."""
    ends: list[Done] = []

    async def wait() -> None:
        ends.append(await run_drena("request", "contmax", "acessorias", "--wait", env=busy))

    with trio.fail_after(LIMIT_S):
        async with asyncpg_trio.connect(busy["DRENA_DATABASE__URL"]) as conn, trio.open_nursery() as nursery:
            nursery.start_soon(wait)
            await wait_until(
                conn,
                "select exists (select from pg_stat_activity where datname = current_database() "
                "and application_name = 'drena' and query like '-- One job by id.%')",
            )
            await conn.execute(
                "update integration_jobs set status = 'error', error_code = 'token_invalid', "
                "error_message = 'O token expirou.' where id = '00000000-0000-0000-0000-00000000000b'"
            )
    (done,) = ends
    assert (done.code, done.err) == (1, "")
    asked, ended = done.out.splitlines()
    assert asked.startswith("Execução em andamento: job 00000000-0000-0000-0000-00000000000b is pending since ")
    assert ended.endswith("b ended as error (token_invalid): O token expirou.")
