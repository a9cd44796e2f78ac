"""`python -m drena.testing TENANT PROVIDER`: an office to try a provider with, in the database of Drena's settings.

It migrates the database, adds the tenant and its integration unless they are there, and runs a plugin's SQL files. For
a database of your own on your own machine: the embedded one, when no `DRENA_DATABASE__URL` is set.
"""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import click
import trio

import asyncpg_trio
from drena.config import load_config
from drena.errors import DrenaError
from drena.store.embedded import open_embedded
from drena.store.migrate import migrate
from drena.testing.database import statement

LIMIT_S = 120.0


@click.command()
@click.argument("tenant")
@click.argument("provider")
@click.option("--base-url", default="", help="tenant_integrations.base_url.")
@click.option("--config", default="{}", help="tenant_integrations.config, as JSON.")
@click.option(
    "--sql", "files", multiple=True, type=click.Path(exists=True, path_type=Path), help="A file to run first."
)
def main(tenant: str, provider: str, base_url: str, config: str, files: tuple[Path, ...]) -> None:
    """Open the office TENANT (a slug) with the integration PROVIDER, to try a provider with."""
    try:
        trio.run(_open_office, tenant, provider, base_url, config, files)
    except DrenaError as error:
        click.echo(str(error), err=True)
        sys.exit(1)
    click.echo(f"The office {tenant} has the integration {provider}. Next: drena check {tenant} {provider}")


async def _open_office(tenant: str, provider: str, base_url: str, config: str, files: tuple[Path, ...]) -> None:
    texts = [await trio.Path(file).read_text() for file in files]
    with trio.fail_after(LIMIT_S):
        async with _database() as url, asyncpg_trio.connect(url) as conn:
            await migrate(conn)
            for text in texts:
                await conn.execute(text)
            office = await conn.fetchval(statement("find_office"), tenant)
            if office is None:
                office = await conn.fetchval(statement("open_office"), tenant.title(), tenant)
            await conn.execute(statement("drop_integration"), office, provider)
            await conn.execute(statement("add_integration"), office, provider, base_url, config)


@asynccontextmanager
async def _database() -> AsyncIterator[str]:
    settings = load_config(None, os.environ)
    if settings.database.url:
        yield settings.database.url
        return
    async with open_embedded(settings.state_dir) as url:
        yield url


if __name__ == "__main__":
    main()
