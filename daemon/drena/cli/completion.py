"""Shell completion: the script a shell loads (`drena completion SHELL`), and the tenants and providers it offers.

A shell asks at every press of a key, so what it is told must be quick, and silence is a good answer: a database that
does not answer within `LIMIT_S`, or that would have to be started first, offers nothing.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Final

import click
from click.shell_completion import get_completion_class

from drena.errors import DrenaError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from drena.config import Config

LIMIT_S: Final = 1.5
SHELLS: Final = ("bash", "zsh", "fish")
VARIABLE: Final = "_DRENA_COMPLETE"
"""Through it a shell asks; click's rule for the program's name."""


def script(program: click.Command, shell: str) -> str:
    """What the shell is to load."""
    kind = get_completion_class(shell)
    assert kind is not None, "one of SHELLS"
    return kind(program, {}, "drena", VARIABLE).source_template % kind(program, {}, "drena", VARIABLE).source_vars()


def complete_tenant(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """Slugs of tenants that have an integration."""
    import trio

    return _matching(incomplete, lambda config: trio.run(_tenants, config), ctx)


def complete_provider(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """Slugs of the providers that are installed here."""
    return _matching(incomplete, _providers, ctx)


def _matching(incomplete: str, find: Callable[[Config], list[str]], ctx: click.Context) -> list[str]:
    from drena.config import load_config

    file: Path | None = ctx.find_root().params.get("config")
    try:
        found = find(load_config(file, os.environ))
    except (DrenaError, OSError):
        return []
    return sorted(slug for slug in set(found) if slug.startswith(incomplete))


def _providers(config: Config) -> list[str]:
    from drena.plugins import load_plugins

    return list(load_plugins(path=config.plugins.path, disabled=config.plugins.disabled).providers)


async def _tenants(config: Config) -> list[str]:
    import trio

    from drena.store.database import open_pool
    from drena.store.reads import list_integrations

    found: list[Any] = []
    if config.database.url:
        with trio.move_on_after(LIMIT_S):
            async with open_pool(config.database.url, size=1, pooled=config.database.listen_url is not None) as pool:
                found = [row["tenant"] for row in await list_integrations(pool, None)]
    return found
