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


async def test_what_is_wrong_with_a_secret_or_a_setting_is_told_in_the_users_language(database, conn):
    await add_office(conn, "contmax", config={"max_pages": 0})
    await add_office(conn, "outra")
    env = environment(database)

    async def told(language, tenant):
        words = ["--lang", language, "check", tenant, "acessorias", "--json"]
        done = await trio.to_thread.run_sync(lambda: CliRunner().invoke(main, words, env=env))
        return json.loads(done.stdout)[0]["message"]

    assert (await told("en", "contmax")).startswith(
        "The configuration of the integration acessorias is wrong: Expected `int` >= 1, at `max_pages`."
    )
    assert (await told("pt", "contmax")).startswith(
        "A configuração da integração acessorias está errada: esperava-se `int` >= 1, em `max_pages`."
    )
    assert (await told("en", "outra")).startswith('Missing: the secret "token" of the provider acessorias')
    assert (await told("pt", "outra")).startswith('Falta o segredo "token" do provedor acessorias')
