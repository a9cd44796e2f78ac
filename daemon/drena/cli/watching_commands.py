"""The command `watch`: name, options and help."""

from __future__ import annotations

from pathlib import Path

import click

from drena.cli.completion import complete_tenant
from drena.cli.entry import run_command
from drena.cli.program import command


@command(
    "watch",
    click.argument("tenant", required=False, shell_complete=complete_tenant),
    click.option("--url", help="Where the feed is, as ws://host:port or wss://host; else feed.listen."),
    click.option("--token", help="A service token or JWT; better in $DRENA_TOKEN, where nobody sees it."),
    click.option("--once", is_flag=True, help="Show what there is now, and end."),
    click.option("--json", "as_json", is_flag=True, help="Print every frame as a line of JSON."),
)
def watch(
    config: Path | None, tenant: str | None, url: str | None, token: str | None, once: bool, as_json: bool
) -> None:
    """Watch jobs move, of TENANT (slug or id) or of all that the token may see.

    A client of the feed: it needs no database, and reconnects by itself. Ctrl-C ends it.

    Example: DRENA_TOKEN=drena_... drena watch contmax
    """
    from drena.cli import watching

    run_command(watching.watch, config, tenant, url, token, as_json, once)
