"""Commands that keep the daemon and ask for jobs: names, options and help; the work is in modules beside this one.

Each command imports what it needs when it runs: imports are nearly all of a short command's time.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal
from uuid import UUID

import click

from drena.cli.completion import SHELLS, complete_provider, complete_tenant, script
from drena.cli.entry import run_command
from drena.cli.program import as_json, command, dry_run, main
from drena.cli.speech import spoken

PROGRAMS = ("psql", "pg_dump", "pg_restore", "pg_isready")
STATUSES = ("pending", "running", "success", "error", "canceled")


def _knobs(_ctx: click.Context, _option: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:
    pairs = [value.partition("=") for value in values]
    if wrong := [value for value, (_name, equals, _text) in zip(values, pairs, strict=True) if not equals]:
        raise click.BadParameter(f"{wrong[0]!r} is not NAME=VALUE, such as ignore_pagina=true")
    return {name: text for name, _equals, text in pairs}


@command(
    "demo",
    click.option("--lang", type=click.Choice(("pt", "en")), help="Language; by default the locale's."),
    click.option(
        "--knob",
        "knobs",
        multiple=True,
        callback=_knobs,
        metavar="NAME=VALUE",
        help="Let the fake API misbehave, such as ignore_pagina=true, and see the demo fail; repeatable.",
    ),
    click.option("--stay", is_flag=True, help="Leave it all running at the end, status page included, until Ctrl-C."),
    click.option(
        "--picture", type=click.Path(path_type=Path, dir_okay=False), hidden=True, help="Write it as SVG too."
    ),
    click.option("--json", "as_json", is_flag=True, help="Print each check as a line of JSON, and a summary last."),
)
def demo(
    _config: Path | None,
    lang: Literal["pt", "en"] | None,
    knobs: dict[str, str],
    stay: bool,
    picture: Path | None,
    as_json: bool,
) -> None:
    """See Drena work, in about half a minute: a throwaway database, a fake API, two offices.

    However it ends, nothing is left running and no file stays: after kill -9 a guard process cleans up.

    Exit codes: 0 every check passed, 1 one failed; 3 something it needs is not installed.

    Example: drena demo --lang pt
    """
    from drena.demo.play import play

    run_command(play, lang or spoken(), knobs, picture, stay, as_json)


@command(
    "run",
    click.option("--json", "as_json", is_flag=True, help="Write the log as lines of JSON, whatever log.format says."),
)
def run(config: Path | None, as_json: bool) -> None:
    """Run the daemon until SIGTERM: drain every tenant's jobs.

    Example: DRENA_DATABASE__URL=postgresql://drena@db/office drena run
    """
    from drena.cli import serving

    run_command(serving.run, config, as_json, keep=serving.log_fault)


@command("migrate", dry_run, as_json)
def migrate(config: Path | None, dry_run: bool, as_json: bool) -> None:
    """Adopt or update the database; safe beside running nodes, and a second time.

    Example: drena migrate --dry-run
    """
    from drena.cli import upkeep

    run_command(upkeep.migrate, config, dry_run, as_json)


@command("sweep", dry_run, as_json)
def sweep(config: Path | None, dry_run: bool, as_json: bool) -> None:
    """End jobs that are stuck for ever, and clear the ghosts they left.

    Example: drena sweep --dry-run
    """
    from drena.cli import upkeep

    run_command(upkeep.sweep, config, dry_run, as_json)


@command(
    "request",
    click.argument("tenant", shell_complete=complete_tenant),
    click.argument("provider", shell_complete=complete_provider),
    click.option("--lane", default="", help="Lane of the integration; the default one is ''."),
    click.option("--payload", default="{}", help="A JSON object for the provider."),
    click.option("--wait", is_flag=True, help="Wait for the end; exit code 1 when the job fails."),
    as_json,
)
def request(
    config: Path | None, tenant: str, provider: str, lane: str, payload: str, wait: bool, as_json: bool
) -> None:
    """Ask for a job of TENANT (slug or id) with PROVIDER (slug).

    While one is active nothing is created and that one is shown: "Execução em andamento".

    Example: drena request contmax acessorias --wait
    """
    from drena.cli import working

    run_command(working.request, config, tenant, provider, lane, payload, wait, as_json)


@command(
    "jobs",
    click.option("--tenant", shell_complete=complete_tenant, help="Only this tenant's (slug or id)."),
    click.option("--provider", shell_complete=complete_provider, help="Only this provider's (slug)."),
    click.option("--status", multiple=True, type=click.Choice(STATUSES), help="Only these; may be repeated."),
    click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 1000), help="How many at most."),
    as_json,
)
def jobs(
    config: Path | None, tenant: str | None, provider: str | None, status: tuple[str, ...], limit: int, as_json: bool
) -> None:
    """List the newest jobs.

    Example: drena jobs --status running --status pending
    """
    from drena.cli import working

    run_command(working.jobs, config, tenant, provider, status, limit, as_json)


@command("job", click.argument("job_id", metavar="ID", type=click.UUID), as_json)
def job(config: Path | None, job_id: UUID, as_json: bool) -> None:
    """Show one job and its log.

    Example: drena job 0f8c2c1e-5b1e-4c5e-9a54-1d3f0b8f6b11
    """
    from drena.cli import working

    run_command(working.job, config, job_id, as_json)


@command(
    "integrations",
    click.option("--tenant", shell_complete=complete_tenant, help="Only this tenant's (slug or id)."),
    as_json,
)
def integrations(config: Path | None, tenant: str | None, as_json: bool) -> None:
    """List the integrations with their last status.

    Example: drena integrations --tenant contmax
    """
    from drena.cli import working

    run_command(working.integrations, config, tenant, as_json)


@command("plugins", as_json)
def plugins(config: Path | None, as_json: bool) -> None:
    """List the plugins that were found, and why one was skipped.

    Example: drena plugins
    """
    from drena.cli import upkeep

    run_command(upkeep.plugins, config, as_json)


@command(
    "check",
    click.argument("tenant", required=False, shell_complete=complete_tenant),
    click.argument("provider", required=False, shell_complete=complete_provider),
    click.option("--dry-run", is_flag=True, help="Say what a job would create, update and skip, and change nothing."),
    click.option("--lane", default="", help="With --dry-run: the job's lane."),
    click.option("--payload", default="{}", help="With --dry-run: the job's payload, a JSON object."),
    as_json,
)
def check(
    config: Path | None,
    tenant: str | None,
    provider: str | None,
    dry_run: bool,
    lane: str,
    payload: str,
    as_json: bool,
) -> None:
    """Ask a provider whether the tenant's credential works; all enabled integrations without arguments.

    A dry run asks the outside system as a job would, at the same pace, so it takes as long; a job of the integration
    that starts meanwhile waits for its end.

    Example: drena check contmax acessorias --dry-run
    """
    if dry_run:
        from drena.cli import rehearsal

        run_command(rehearsal.dry_run, config, tenant, provider, lane, payload, as_json)
    from drena.cli import upkeep

    run_command(upkeep.check, config, tenant, provider, as_json)


@command(
    "config",
    click.option("--check", is_flag=True, help="Only say whether the configuration is right; exit code 3 when not."),
    as_json,
)
def config(config: Path | None, check: bool, as_json: bool) -> None:
    """Explain every setting: value, source, default, and whether a reload changes it.

    Example: drena config --check
    """
    from drena.cli import upkeep

    run_command(upkeep.check_config if check else upkeep.show_config, config, as_json)


@main.command("postgres", context_settings={"allow_interspersed_args": False})
@click.option("--json", "as_json", is_flag=True, help="Without PROGRAM: what it would run, and on which server.")
@click.argument("program", metavar="PROGRAM", type=click.Choice(PROGRAMS), required=False)
@click.argument("words", metavar="[ARGS]...", nargs=-1, type=click.UNPROCESSED)
@click.pass_context
def postgres(ctx: click.Context, program: str | None, words: tuple[str, ...], as_json: bool) -> None:
    """Run psql, pg_dump, pg_restore or pg_isready on the database in use, which is started for it if embedded.

    What follows PROGRAM is its own; its exit code becomes ours.

    Example: drena postgres pg_dump --format=custom --file=drena.dump
    """
    from drena.cli import postgres

    if as_json and program:
        raise click.UsageError("--json goes without PROGRAM, whose output is its own", ctx)
    if as_json:
        run_command(postgres.describe, ctx.obj)
    if program is None:
        raise click.MissingParameter(ctx=ctx, param=next(each for each in ctx.command.params if each.name == "program"))
    run_command(postgres.run_program, ctx.obj, program, words)


@command("completion", click.argument("shell", type=click.Choice(SHELLS)), as_json)
def completion(_config: Path | None, shell: str, as_json: bool) -> None:
    """Print what lets a shell complete commands, options, tenants and providers.

    Example: drena completion bash > ~/.local/share/bash-completion/completions/drena
    """
    text = script(main, shell)
    if as_json:
        from drena.cli.tables import show_json

        show_json({"shell": shell, "script": text})
    else:
        click.echo(text)
