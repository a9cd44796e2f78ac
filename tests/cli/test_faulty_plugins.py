"""What `drena check` and `drena.testing` say of an author's mistakes: one sentence, and it does not blame Drena."""

from __future__ import annotations

import sys

import pytest
import trio
from click.testing import CliRunner

from drena.cli import main
from drena.testing.__main__ import main as open_office
from edges.test_plugins import install
from support.daemons import environment
from support.offices import add_office

PLUGIN = """
from drena.api import CheckResult, Provider, hookimpl

class Faulty(Provider):
    slug = "{slug}"
    name = "Faulty"
    secrets = ("token",)
    dry_run = True

    async def check(self, ctx):
        {check}

    async def run(self, ctx):
        raise LookupError(f"no {{ctx.secret('token')}}")

@hookimpl
def drena_providers():
    return [Faulty()]
"""
TOKEN = "a-synthetic-token-of-contmax"
FAULTS = {
    "raises": ("return {}['id']", "has a bug: KeyError: 'id' (faulty_raises.py, line 11). Tell its author."),
    "nothing": ("pass", "has a bug: check() returned nothing where a CheckResult is expected. Tell its author."),
    "a_bool": ("return True", "has a bug: check() returned a bool where a CheckResult is expected."),
    "leaks": ("raise ValueError(ctx.secret('token'))", "has a bug: ValueError: ***"),
    "content": ("return CheckResult(ok=True, message='ok')", "ok"),
}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder for `plugins.path` with each of the faulty plugins installed."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    modules = set(sys.modules)
    for name, (check, _) in FAULTS.items():
        install(tmp_path, f"faulty_{name}", PLUGIN.format(slug=f"faulty_{name}", check=check))
    yield tmp_path
    for name in set(sys.modules) - modules:
        if name.startswith("faulty_"):
            del sys.modules[name]


async def invoke(command, *words, env):
    return await trio.to_thread.run_sync(lambda: CliRunner().invoke(command, words, env=env))


@pytest.mark.parametrize("name", FAULTS)
async def test_a_faulty_check_is_the_plugins_fault(database, conn, folder, name):
    slug = f"faulty_{name}"
    await add_office(conn, "contmax", provider=slug)
    env = environment(database, settings={"plugins.path": folder}) | {f"{slug.upper()}_TOKEN_CONTMAX": TOKEN}
    done = await invoke(main, "--lang", "en", "check", "contmax", slug, env=env)
    assert FAULTS[name][1] in done.stdout
    assert done.exit_code == (0 if name == "content" else 1)
    assert TOKEN not in done.output


async def test_a_faulty_rehearsal_is_the_plugins_fault(database, conn, folder):
    await add_office(conn, "contmax", provider="faulty_content")
    env = environment(database, settings={"plugins.path": folder}) | {"FAULTY_CONTENT_TOKEN_CONTMAX": TOKEN}
    done = await invoke(main, "--lang", "en", "check", "--dry-run", "contmax", "faulty_content", env=env)
    assert done.exit_code == 1
    assert "It would fail: The provider faulty_content has a bug: LookupError: no ***" in done.stderr
    assert "(faulty_content.py, line 14)" in done.stderr


@pytest.mark.parametrize(
    "config, sql, words",
    [
        ("{page_size: 20}", "", "give a JSON object such as"),
        ("[1]", "", "give a JSON object such as"),
        ("{}", "create tabel x ()", 'tables.sql cannot be run: syntax error at or near "tabel"'),
    ],
)
async def test_an_office_that_cannot_be_opened_says_why(database, tmp_path, config, sql, words):
    file = tmp_path / "tables.sql"
    file.write_text(sql)
    words_given = ("contmax", "acme", "--config", config, "--sql", str(file))
    done = await invoke(open_office, *words_given, env=environment(database))
    assert done.exit_code != 0
    assert words in done.stderr


async def test_an_office_is_opened_with_its_settings_and_once_more_with_others(database, conn):
    for config in ('{"page_size": 20}', '{"page_size": 30}'):
        done = await invoke(open_office, "contmax", "acme", "--config", config, env=environment(database))
        assert done.exit_code == 0, done.output
        assert await conn.fetchval("select config::text from tenant_integrations") == config
