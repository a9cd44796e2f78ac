"""The commands of `drena token`: names, options and help; the work is in `tokens`."""

from __future__ import annotations

from pathlib import Path

import click

from drena.cli.completion import complete_tenant
from drena.cli.entry import run_command
from drena.cli.program import as_json, main

SCOPES = ("read", "run", "manage")


@main.group("token")
def token() -> None:
    """Make, list and revoke the tokens that let programs in.

    Example: drena token create ci --tenant contmax --scope run
    """


@token.command("create")
@click.argument("name")
@click.option(
    "--tenant",
    "tenants",
    multiple=True,
    shell_complete=complete_tenant,
    help="Good for this tenant (slug or id); may be repeated.",
)
@click.option("--all-tenants", is_flag=True, help="Good for every tenant, also those to come.")
@click.option(
    "--scope", "scopes", multiple=True, type=click.Choice(SCOPES), help="What it may do; may be repeated; else read."
)
@click.option("--days", type=click.FloatRange(0, 36_500, min_open=True), help="For how long; else until it is revoked.")
@as_json
@click.pass_obj
def token_create(
    config: Path | None,
    name: str,
    tenants: tuple[str, ...],
    all_tenants: bool,
    scopes: tuple[str, ...],
    days: float | None,
    as_json: bool,
) -> None:
    """Make a token and show it, this once.

    Example: drena token create ci --tenant contmax --scope run --days 90
    """
    from drena.cli import tokens

    run_command(tokens.create, config, name, tenants, all_tenants, scopes, days, as_json)


@token.command("list")
@as_json
@click.pass_obj
def token_list(config: Path | None, as_json: bool) -> None:
    """List the tokens, their scopes and when they were last used; never the tokens themselves.

    Example: drena token list
    """
    from drena.cli import tokens

    run_command(tokens.show_all, config, as_json)


@token.command("revoke")
@click.argument("name")
@as_json
@click.pass_obj
def token_revoke(config: Path | None, name: str, as_json: bool) -> None:
    """Let the token NAME (or id) in no more; its open connections end.

    Example: drena token revoke ci
    """
    from drena.cli import tokens

    run_command(tokens.revoke, config, name, as_json)
