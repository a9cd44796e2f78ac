"""Commands about service tokens: `token create`, `token list`, `token revoke`."""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING

import click
import msgspec

from drena.access.service_tokens import digest_of, new_token
from drena.cli.scene import open_stage
from drena.cli.speech import say, tell
from drena.cli.tables import show, show_json
from drena.errors import UsageError
from drena.store.access import create_token, list_tokens, revoke_token
from drena.store.reads import find_tenant

if TYPE_CHECKING:
    from pathlib import Path

DAY_S = 24 * 3600.0
COLUMNS = ("name", "state", "scopes", "tenants", "created_at", "expires_at", "last_used_at", "id")


async def create(
    config: Path | None,
    name: str,
    tenants: tuple[str, ...],
    every_tenant: bool,
    scopes: tuple[str, ...],
    days: float | None,
    as_json: bool,
) -> None:
    """`drena token create NAME`."""
    if every_tenant == bool(tenants):
        raise UsageError("Say for whom the token is good: --tenant, once or more, or --all-tenants.")
    if not name.strip() or not name.isprintable():
        raise UsageError("A token needs a name that can be read, such as `ci`.")
    if days is not None and not isfinite(days):
        raise UsageError(f"--days {days} is no number of days.")
    token = new_token()
    digest = digest_of(token)
    assert digest is not None
    async with open_stage(config) as (_scene, pool):
        ids = None if every_tenant else [(await find_tenant(pool, tenant)).id for tenant in dict.fromkeys(tenants)]
        made = await create_token(
            pool,
            name,
            digest,
            scopes=set(scopes) or {"read"},
            tenants=ids,
            valid_for_s=None if days is None else days * DAY_S,
        )
        if made is None:
            raise UsageError(f"There is a token {name!r} already: take another name, or revoke it first.")
    if as_json:
        show_json({**msgspec.structs.asdict(made), "token": token})
        return
    click.echo(token)
    click.echo(tell("Keep it now: it is not shown again, and nobody can read it from the database."), err=True)


async def show_all(config: Path | None, as_json: bool) -> None:
    """`drena token list`."""
    async with open_stage(config) as (_scene, pool):
        tokens = await list_tokens(pool)
    rows = [msgspec.structs.asdict(token) for token in tokens]
    if not as_json:
        rows = [{**row, "state": tell(row["state"]), "tenants": _in_words(row["tenants"])} for row in rows]
    show(rows, COLUMNS, as_json=as_json, empty="There are no tokens: make one with `drena token create`.")


async def revoke(config: Path | None, name: str, as_json: bool) -> None:
    """`drena token revoke NAME`."""
    async with open_stage(config) as (_scene, pool):
        gone = await revoke_token(pool, name)
    if gone is None:
        raise UsageError(f"There is no token {name!r} that could be revoked; see `drena token list`.")
    if as_json:
        show_json(gone)
    else:
        say(f"The token {gone.name} lets nobody in any more; its open connections end within moments.")


def _in_words(tenants: list[str] | None) -> str:
    return tell("all") if tenants is None else ", ".join(tenants)
