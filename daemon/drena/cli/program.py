"""The program's root: the group of all commands, what every command is handed, and options that many share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from drena import __version__
from drena.cli.completion import complete_provider, complete_tenant
from drena.cli.entry import Commands
from drena.cli.speech import choose
from drena.texts import LANGUAGES

if TYPE_CHECKING:
    from collections.abc import Callable

as_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
dry_run = click.option("--dry-run", is_flag=True, help="Say what would change, and change nothing.")


JOB_ID = click.argument("job_id", metavar="ID", type=click.UUID)
ONE_TENANT = click.option("--tenant", shell_complete=complete_tenant, help="Of this tenant alone (slug or id).")
ONE_PROVIDER = click.option("--provider", shell_complete=complete_provider, help="Of this provider alone (slug).")


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option(
    "--config",
    "config",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Configuration file; otherwise $DRENA_CONFIG, otherwise /etc/drena/drena.toml.",
)
@click.option(
    "--lang",
    type=click.Choice(LANGUAGES),
    is_eager=True,
    expose_value=False,
    callback=choose,
    help="Language of messages and help; by default the locale's.",
)
@click.version_option(__version__, prog_name="drena")
@click.pass_context
def main(ctx: click.Context, config: Path | None) -> None:
    """Drena runs the integrations of many tenants and never lets a job get stuck.

    Exit codes: 0 ok, 1 the job failed, 2 usage, 3 configuration, 4 database out of reach.
    """
    ctx.obj = config


def command(name: str, *options: Callable[[Any], Any]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """A command of `main` that is handed the configuration file first."""

    def decorate(function: Callable[..., None]) -> Callable[..., None]:
        for option in reversed(options):
            function = option(function)
        main.command(name)(click.pass_obj(function))
        return function

    return decorate
