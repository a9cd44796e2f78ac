"""``fake-acessorias``: read the options, listen, say where in one line of JSON, serve until told to stop.

Exit codes: 0 stopped by SIGTERM or SIGINT (or by the parent's end), 1 could not start, 2 an option is wrong.
"""

from __future__ import annotations

import sys
import tomllib
from functools import partial
from pathlib import Path
from typing import Any

import click
import msgspec
import trio

from fake_acessorias.knobs import KnobError, checked, choices
from fake_acessorias.process import run
from fake_acessorias.service import Acessorias
from fake_acessorias.source import Plan, Source


def _offices(_context: click.Context, _option: click.Parameter, values: tuple[str, ...]) -> dict[str, int]:
    offices = [_office(value) for value in values]
    twice = next((token for n, (token, _) in enumerate(offices) if token in dict(offices[:n])), None)
    if twice is not None:
        raise click.BadParameter(f"{twice!r} is given twice")
    return dict(offices)


def _office(value: str) -> tuple[str, int]:
    token, _, size = value.rpartition("=")
    if not token or not size.isdigit() or any(c.isspace() or c == "/" for c in token):
        raise click.BadParameter(f"{value!r} is not TOKEN=COMPANIES, such as demo-token=300")
    return token, int(size)


def _knob(_context: click.Context, _option: click.Parameter, values: tuple[str, ...]) -> dict[str, Any]:
    return checked(dict(map(_pair, values)))


def _pair(value: str) -> tuple[str, Any]:
    name, equals, text = value.partition("=")
    if not equals:
        raise click.BadParameter(f"{value!r} is not NAME=VALUE, such as fail_next=3")
    if text in choices(name):
        return name, text
    try:
        return name, msgspec.json.decode(text)
    except msgspec.DecodeError:
        return name, text


def _knobs_file(_context: click.Context, _option: click.Parameter, path: Path | None) -> dict[str, Any]:
    """Read a TOML or JSON file: knobs by name, and under ``offices`` a table of knobs for each token."""
    if path is None:
        return {}
    try:
        text = path.read_text(encoding="utf-8")
        found = msgspec.json.decode(text) if path.suffix == ".json" else tomllib.loads(text)
    except (OSError, ValueError) as problem:  # both decoders' errors are ValueErrors
        raise click.BadParameter(f"{path}: {problem}") from problem
    offices = found.get("offices", {}) if isinstance(found, dict) else None
    if not isinstance(offices, dict) or not all(isinstance(own, dict) for own in offices.values()):
        raise click.BadParameter(
            f"{path}: must hold knobs by name, and under 'offices' a table of knobs for each token"
        )
    return dict(found)


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="Port to listen on; 0 takes a free one.")
@click.option("--seed", type=int, default=7, show_default=True, help="The same seed makes the same world.")
@click.option(
    "--office", "offices", multiple=True, callback=_offices, metavar="TOKEN=COMPANIES", help="An office; repeatable."
)
@click.option("--knob", "knobs", multiple=True, callback=_knob, metavar="NAME=VALUE", help="A global knob; repeatable.")
@click.option(
    "--knobs",
    "file",
    type=click.Path(path_type=Path),
    callback=_knobs_file,
    metavar="FILE",
    help="TOML or JSON file of knobs.",
)
@click.option("--admin/--no-admin", default=True, help="Offer the admin routes (to this machine only).")
@click.option("--admin-token", help="Admin routes ask for this bearer token.")
@click.option(
    "--record", type=click.IntRange(0), default=10_000, show_default=True, help="Requests kept in the record."
)
@click.option("--exit-with-parent", is_flag=True, help="End when the process that started this one ends.")
@click.version_option(package_name="drena-fake-acessorias")
def command(
    *,
    host: str,
    port: int,
    seed: int,
    offices: dict[str, int],
    knobs: dict[str, Any],
    file: dict[str, Any],
    admin: bool,
    admin_token: str | None,
    record: int,
    exit_with_parent: bool,
) -> None:
    """Serve a faithful fake of the Acessórias API, with every fault it is known for behind a knob."""
    own_knobs = file.pop("offices", {})
    plan = Plan(
        seed=seed,
        offices=offices,
        knobs={**file, **knobs},
        office_knobs=own_knobs,
        admin=admin,
        admin_token=admin_token,
        record=record,
    )
    unknown = sorted(own_knobs.keys() - offices.keys())
    if unknown:
        raise click.BadParameter(f"knobs for an office that is not given with --office: {unknown[0]!r}")
    trio.run(partial(run, Acessorias(Source(plan)), host, port, with_parent=exit_with_parent))


def main() -> None:
    """Run the command; a problem is one sentence on stderr and an exit code."""
    try:
        command.main(standalone_mode=False, prog_name="fake-acessorias")
    except click.ClickException as problem:
        _end(problem.format_message(), problem.exit_code)
    except KnobError as problem:
        _end(str(problem), 2)
    except OSError as problem:
        _end(str(problem), 1)
    except (click.Abort, KeyboardInterrupt):
        _end("interrupted", 0)


def _end(text: str, code: int) -> None:
    """Say it and go."""
    line = " ".join(text.split())
    print(f"fake-acessorias: {line}", file=sys.stderr)
    sys.stderr.flush()
    sys.exit(code)
