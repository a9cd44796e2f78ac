"""Commands that steer the queue and ask about it: names, options and help; the work is in `steering`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from drena.cli.entry import run_command
from drena.cli.program import JOB_ID, ONE_PROVIDER, ONE_TENANT, as_json, command, dry_run

if TYPE_CHECKING:
    from pathlib import Path
    from uuid import UUID


@command("why", JOB_ID, as_json)
def why(config: Path | None, job_id: UUID, as_json: bool) -> None:
    """Tell the one reason a job is not running, in the language of the locale.

    Example: drena why 0f8c2c1e-5b1e-4c5e-9a54-1d3f0b8f6b11
    """
    from drena.cli import steering

    run_command(steering.why, config, job_id, as_json)


@command("cancel", JOB_ID, as_json)
def cancel(config: Path | None, job_id: UUID, as_json: bool) -> None:
    """End a job, also one that another node is running.

    Example: drena cancel 0f8c2c1e-5b1e-4c5e-9a54-1d3f0b8f6b11
    """
    from drena.cli import steering

    run_command(steering.cancel, config, job_id, as_json)


@command(
    "retry",
    JOB_ID,
    click.option("--wait", is_flag=True, help="Wait for the end; exit code 1 when the job fails."),
    as_json,
)
def retry(config: Path | None, job_id: UUID, wait: bool, as_json: bool) -> None:
    """Do an ended job again, or at once one that is backing off.

    Example: drena retry 0f8c2c1e-5b1e-4c5e-9a54-1d3f0b8f6b11 --wait
    """
    from drena.cli import steering

    run_command(steering.retry, config, job_id, wait, as_json)


@command(
    "pause", ONE_TENANT, ONE_PROVIDER, click.option("--reason", default="", help="Shown to whoever asks why."), as_json
)
def pause(config: Path | None, tenant: str | None, provider: str | None, reason: str, as_json: bool) -> None:
    """Start nothing more: of a tenant, a provider, both, or, without options, of everything.

    What runs goes on.

    Example: drena pause --provider acessorias --reason "API em manutenção"
    """
    from drena.cli import steering

    run_command(steering.pause, config, tenant, provider, reason, as_json)


@command("resume", ONE_TENANT, ONE_PROVIDER, as_json)
def resume(config: Path | None, tenant: str | None, provider: str | None, as_json: bool) -> None:
    """Take back a pause, named as it was made.

    Example: drena resume --provider acessorias
    """
    from drena.cli import steering

    run_command(steering.resume, config, tenant, provider, as_json)


@command("nodes", as_json)
def nodes(config: Path | None, as_json: bool) -> None:
    """List the running daemons, their leases and what they offer.

    Example: drena nodes
    """
    from drena.cli import steering

    run_command(steering.nodes, config, as_json)


@command("doctor", as_json)
def doctor(config: Path | None, as_json: bool) -> None:
    """Verify the queue's history against its invariants; changes nothing.

    Exit code 1 when something is wrong, with what to do about it.

    Example: drena doctor
    """
    from drena.cli import steering

    run_command(steering.doctor, config, as_json)


@command("prune", dry_run, as_json)
def prune(config: Path | None, dry_run: bool, as_json: bool) -> None:
    """Delete the history that the retention settings let go; a running node does so every hour.

    Example: drena prune --dry-run
    """
    from drena.cli import steering

    run_command(steering.prune, config, dry_run, as_json)
