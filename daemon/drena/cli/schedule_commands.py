"""Commands that set the clock: names, options and help; the work is in `schedules`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from drena.cli.completion import complete_provider, complete_tenant
from drena.cli.entry import run_command
from drena.cli.program import ONE_TENANT, as_json, main
from drena.cron import DEFAULT_TIMEZONE

if TYPE_CHECKING:
    from pathlib import Path

TENANT = click.argument("tenant", shell_complete=complete_tenant)
PROVIDER = click.argument("provider", shell_complete=complete_provider)
LANE = click.option("--lane", default="", help="Lane of the integration; the default one is ''.")


@main.group("schedule")
def schedule() -> None:
    """Set, clear and list when integrations run by themselves.

    Example: drena schedule set contmax acessorias "0 2 * * 1-5"
    """


@schedule.command("set")
@TENANT
@PROVIDER
@click.argument("cron")
@click.option("--timezone", default=DEFAULT_TIMEZONE, show_default=True, help="Zone of the expression's times.")
@LANE
@as_json
@click.pass_obj
def schedule_set(
    config: Path | None, tenant: str, provider: str, cron: str, timezone: str, lane: str, as_json: bool
) -> None:
    """Let TENANT's PROVIDER run by the clock: CRON has five fields, minute hour day month weekday.

    What was missed while no node ran is made up for once.

    Example: drena schedule set contmax acessorias "30 6 * * *" --timezone America/Manaus
    """
    from drena.cli import schedules

    run_command(schedules.set_one, config, tenant, provider, cron, timezone, lane, as_json)


@schedule.command("clear")
@TENANT
@PROVIDER
@LANE
@as_json
@click.pass_obj
def schedule_clear(config: Path | None, tenant: str, provider: str, lane: str, as_json: bool) -> None:
    """Let TENANT's PROVIDER run by the clock no more.

    Example: drena schedule clear contmax acessorias
    """
    from drena.cli import schedules

    run_command(schedules.clear_one, config, tenant, provider, lane, as_json)


@schedule.command("list")
@ONE_TENANT
@as_json
@click.pass_obj
def schedule_list(config: Path | None, tenant: str | None, as_json: bool) -> None:
    """List the schedules, the next to come first.

    Example: drena schedule list --tenant contmax
    """
    from drena.cli import schedules

    run_command(schedules.show_all, config, tenant, as_json)
