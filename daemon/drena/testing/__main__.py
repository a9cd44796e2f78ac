"""`python -m drena.testing TENANT PROVIDER`: an office to try a provider with, in the database of Drena's settings.

It migrates the database, adds the tenant and its integration unless they are there, and runs a plugin's SQL files. For
a database of your own on your own machine: the embedded one, when no `DRENA_DATABASE__URL` is set.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click
import msgspec
import trio

from asyncpg_trio import exceptions as pg
from drena.config import load_config
from drena.errors import DrenaError
from drena.store.migrate import migrate
from drena.store.opening import open_database
from drena.testing.database import statement

LIMIT_S = 120.0


def _json_object(_ctx: click.Context, _option: click.Parameter, text: str) -> str:
    try:
        msgspec.json.decode(text, type=dict)
    except (msgspec.DecodeError, UnicodeEncodeError) as error:
        raise click.BadParameter(f"""give a JSON object such as '{{"page_size": 20}}' ({error}).""") from error
    return text


@click.command()
@click.argument("tenant")
@click.argument("provider")
@click.option("--base-url", default="", help="tenant_integrations.base_url.")
@click.option("--config", default="{}", callback=_json_object, help="tenant_integrations.config, as JSON.")
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
        async with open_database(load_config(None, os.environ)) as (_, pool), pool.acquire() as conn:
            await migrate(conn)
            for file, text in zip(files, texts, strict=True):
                try:
                    await conn.execute(text)
                except pg.PostgresError as error:
                    raise DrenaError(f"{file} cannot be run: {error}") from error
            office = await conn.fetchval(statement("find_office"), tenant)
            if office is None:
                office = await conn.fetchval(statement("open_office"), tenant.title(), tenant)
            await conn.execute(statement("drop_integration"), office, provider)
            await conn.execute(statement("add_integration"), office, provider, base_url, config)


if __name__ == "__main__":
    main()
