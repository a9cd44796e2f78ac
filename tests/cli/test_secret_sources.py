"""`drena check` tells where each secret comes from, and never the secret."""

from __future__ import annotations

import json

import trio
from click.testing import CliRunner

from drena.cli import main
from support.daemons import environment
from support.offices import add_office

TOKEN = "a-synthetic-token-of-contmax"


async def check(env, *words):
    """Run the command in this process."""
    return await trio.to_thread.run_sync(lambda: CliRunner().invoke(main, ["--lang", "en", "check", *words], env=env))


async def test_the_source_of_a_secret_is_shown_and_the_secret_is_not(database, conn, tmp_path):
    await add_office(conn, "contmax", base_url="no address at all")
    file = tmp_path / "secrets.env"
    file.touch(0o600)
    file.write_text(f"ACESSORIAS_TOKEN_CONTMAX={TOKEN}\n")
    env = environment(database, settings={"secrets.file": file})
    sources = {
        f"file {file}": env,
        "environment ACESSORIAS_TOKEN_CONTMAX": env | {"ACESSORIAS_TOKEN_CONTMAX": TOKEN},
        None: environment(database),
    }
    for source, where in sources.items():
        done = await check(where, "contmax", "acessorias", "--json")
        (row,) = json.loads(done.stdout)
        assert row["secrets"] == {"token": source}
        assert row["ok"] is False
        assert TOKEN not in done.output
    table = await check(env, "contmax", "acessorias")
    assert f"token: file {file}" in table.stdout
    assert TOKEN not in table.output


async def test_a_file_of_secrets_that_is_open_to_others_is_named_and_stops_the_daemon(database, conn, tmp_path):
    await add_office(conn, "contmax", base_url="no address at all")
    file = tmp_path / "secrets.env"
    file.write_text(f"ACESSORIAS_TOKEN_CONTMAX={TOKEN}\n")
    file.chmod(0o644)
    env = environment(database, settings={"secrets.file": file})
    done = await check(env, "contmax", "acessorias", "--json")
    assert f"chmod 600 {file}" in json.loads(done.stdout)[0]["message"]
    stopped = await trio.to_thread.run_sync(lambda: CliRunner().invoke(main, ["--lang", "en", "run"], env=env))
    assert stopped.exit_code == 3
    assert f"chmod 600 {file}" in stopped.stderr
    assert TOKEN not in done.output + stopped.output
