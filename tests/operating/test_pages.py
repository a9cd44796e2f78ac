"""The pages an operator reads: every command, setting, metric and alert they name exists, and none is left out."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING, Any

import click
import pytest
from click.testing import CliRunner

from drena.cli import main
from drena.cli.completion import SHELLS
from drena.config.schema import settings_of
from drena.config.settings import Config
from repository.tree import ROOT, name_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PAGES = [ROOT / "README.md", *sorted((ROOT / "contrib").glob("*.md")), *sorted((ROOT / "contrib").glob("*/README.md"))]
OPERATING = ROOT / "contrib" / "operating.md"
RULES = sorted((ROOT / "contrib" / "monitoring").rglob("*.y*ml"))
ENDS = {"|", "||", "&&", ">", ">>", ">drena.dump", "#", "…", ";", "<", "2>"}
PLACEHOLDERS = {"ID": "0f8c2c1e-5b1e-4c5e-9a54-1d3f0b8f6b11", "SHELL": "bash", "PROGRAM": "psql"}


def commands_of(page: Path) -> Iterator[str]:
    """What follows `drena` wherever a page shows a command: in blocks of code and between backticks."""
    text = page.read_text()
    blocks = re.findall(r"```(?:sh|console)\n(.*?)```", text, re.DOTALL)
    lines = [line.split("  #")[0].strip() for block in blocks for line in block.replace("\\\n", " ").splitlines()]
    lines += re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL))
    for line in lines:
        if found := re.match(r"(?:\$ )?(?:[A-Z_]+=\S+ )*(?:dist/)?drena (?!\()(.+)", line):
            yield found[1]


def check(line: str) -> None:
    """Parse a command without running it.

    Raises:
        click.UsageError: it would be refused.
    """
    words: list[str] = []
    for word in shlex.split(line.replace("[", "").replace("]", "")):
        if word in ENDS or word.startswith((">", "…")):
            break
        words.append(PLACEHOLDERS.get(word, word))
    context = main.make_context("drena", words, resilient_parsing=False)
    with context:
        group: click.Command = main
        rest: list[str] = [*context._protected_args, *context.args]
        while isinstance(group, click.Group) and rest:
            name, command, rest = group.resolve_command(context, rest)
            assert command is not None
            if rest or not (isinstance(command, click.Group) or _needs_words(command)):
                context = command.make_context(name, rest, parent=context)
                rest = [*context._protected_args, *context.args] if isinstance(command, click.Group) else []
            group = command


def _needs_words(command: click.Command) -> bool:
    """Whether naming it alone, as prose does, is no whole command; nor is naming a group."""
    return any(isinstance(param, click.Argument) and param.required for param in command.params)


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_command_a_page_shows_would_be_understood(page: Path) -> None:
    wrong: dict[str, Any] = {}
    for line in commands_of(page):
        try:
            check(line)
        except (click.UsageError, AssertionError, ValueError) as error:
            wrong[line] = getattr(error, "format_message", lambda error=error: str(error))()
        except click.exceptions.Exit:  # --help, --version
            continue
    assert wrong == {}


def test_the_readme_names_every_command() -> None:
    text = (ROOT / "README.md").read_text()
    assert [name for name, command in main.commands.items() if not command.hidden and f"drena {name}" not in text] == []


def test_the_operators_page_names_settings_that_exist() -> None:
    sections = {setting.path[0] for setting in settings_of(Config) if len(setting.path) > 1}
    known = {setting.key.replace("*", "SLUG") for setting in settings_of(Config)}
    pages = OPERATING.read_text() + (ROOT / "contrib" / "upgrading.md").read_text()
    named = {key for key in re.findall(r"`([a-z_]+(?:\.[A-Za-z_]+)+)`", pages) if key.partition(".")[0] in sections}
    assert len(named) > 10
    assert named - known == set()


@pytest.mark.skipif(not RULES, reason="there are no alert rules yet")
def test_the_operators_page_says_what_to_do_about_each_alert() -> None:
    alerts = {name for path in RULES for name in re.findall(r"-\s+alert:\s*(\w+)", path.read_text())}
    section = OPERATING.read_text().partition("## When an alert fires")[2].partition("\n## ")[0]
    assert set(re.findall(r"^### (\w+)$", section, re.MULTILINE)) == alerts


@pytest.mark.parametrize("shell", SHELLS)
def test_a_shell_gets_a_script_that_asks_this_program(shell: str) -> None:
    told = CliRunner().invoke(main, ["completion", shell], prog_name="drena")
    assert told.exit_code == 0
    assert "_DRENA_COMPLETE" in told.output


@pytest.mark.parametrize(
    "words, offered",
    [
        ("drena jo", {"jobs", "job"}),
        ("drena check contmax ac", {"acessorias"}),
        ("drena jobs --sta", {"--status"}),
        ("drena jobs --status er", {"error"}),
        ("drena completion z", {"zsh"}),
    ],
)
def test_a_shell_is_offered_what_would_fit(words: str, offered: set[str]) -> None:
    asked = {"_DRENA_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": str(words.count(" "))}
    told = CliRunner().invoke(main, [], env=asked | {"DRENA_CONFIG": "/dev/null"}, prog_name="drena")
    assert {line.partition(",")[2] for line in told.output.splitlines()} == offered


def test_a_shell_is_offered_the_tenants_of_the_database_and_nothing_when_it_is_away(server: Any, template: str) -> None:
    dsn = server.create_database(template=template)
    name = dsn.rpartition("/")[2].partition("?")[0]
    server.sql(
        """
        insert into organizacoes (id, nome, slug)
        select gen_random_uuid(), slug, slug from unnest(array['contmax', 'solaris']) slug;
        insert into tenant_integrations (tenant_id, provider, is_enabled)
        select id, 'acessorias', true from organizacoes;
        """,
        name,
    )
    words = {"_DRENA_COMPLETE": "bash_complete", "COMP_WORDS": "drena request con", "COMP_CWORD": "2"}
    for url, offered in ((dsn, "plain,contmax"), ("postgresql://nobody@127.0.0.1:1/none", "")):
        env = words | {"DRENA_CONFIG": "/dev/null", "DRENA_DATABASE__URL": url}
        assert CliRunner().invoke(main, [], env=env, prog_name="drena").output.strip() == offered
