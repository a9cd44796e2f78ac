"""Commands that keep the daemon: `migrate`, `sweep`, `plugins`, `check`, `config`."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import msgspec
import trio

from drena import hygiene
from drena.api import CheckResult, GiveUp, RetryLater, Tenant
from drena.cli.blame import said
from drena.cli.scene import open_stage, set_scene
from drena.cli.speech import say, spoken, tell
from drena.cli.tables import show, show_json
from drena.config import describe, read_config
from drena.engine.context import ProviderContext, decode_settings
from drena.engine.verdict import gravest
from drena.errors import ConfigError, Exit, UsageError
from drena.plugins.contract import kind
from drena.store.migrate import migrate as bring_up_to_date
from drena.store.migrate import missing
from drena.store.queries import sql
from drena.store.reads import find_tenant
from drena.texts.troubles import words_of

if TYPE_CHECKING:
    from pathlib import Path

    from asyncpg_trio import Pool
    from drena.cli.scene import Scene


async def migrate(config: Path | None, dry_run: bool, as_json: bool) -> None:
    """`drena migrate [--dry-run]`."""
    async with open_stage(config) as (_scene, pool), pool.acquire() as conn:
        names = await bring_up_to_date(conn, dry_run=dry_run)
    if as_json:
        show_json({"dry_run": dry_run, "migrations": names})
    elif not names:
        say("The database is up to date.")
    elif dry_run:
        say(f"Would apply {', '.join(names)}.")
    else:
        say(f"Applied {', '.join(names)}.")


async def sweep(config: Path | None, dry_run: bool, as_json: bool) -> None:
    """`drena sweep [--dry-run]`."""
    async with open_stage(config) as (scene, pool), pool.acquire() as conn:
        if await missing(conn):
            raise ConfigError("This database is not up to date: run `drena migrate` first (it has a --dry-run too).")
        if not dry_run:
            await hygiene.save_thresholds(conn, scene.config.heal)
        settled = await hygiene.sweep(conn, scene.log, dry_run=dry_run)
    rows = [msgspec.to_builtins(thing) for thing in settled]
    columns = ("kind", "id", "provider_slug", "was", "now", "code", "message")
    show(rows, columns, as_json=as_json, empty="Nothing is stuck.")
    if rows and not as_json:
        say(f"{len(rows)} would be settled." if dry_run else f"{len(rows)} settled.")


async def plugins(config: Path | None, as_json: bool) -> None:
    """`drena plugins`."""
    scene = set_scene(config, quiet=True)
    rows = [msgspec.to_builtins(report, enc_hook=str) for report in scene.host.reports]
    await trio.lowlevel.checkpoint()
    if not as_json:
        rows = [{**row, **{name: ", ".join(row[name]) for name in ("providers", "hooks")}} for row in rows]
    show(
        rows,
        ("name", "version", "state", "providers", "hooks", "source", "reason"),
        as_json=as_json,
        empty="No plugin was found.",
    )


async def check(config: Path | None, tenant: str | None, provider: str | None, as_json: bool) -> Exit:
    """`drena check [TENANT PROVIDER]`: without arguments, every enabled integration."""
    async with open_stage(config) as (scene, pool):
        targets = await _targets(pool, tenant, provider, scene)
        rows = [await _check_one(scene, pool, office, slug) for office, slug in targets]
    if not as_json:
        rows = [{**row, "secrets": _sources_in_words(row["secrets"])} for row in rows]
    show(
        rows,
        ("tenant", "provider", "ok", "secrets", "message"),
        as_json=as_json,
        empty="There are no integrations to check.",
    )
    return Exit.OK if all(row["ok"] for row in rows) else Exit.JOB_FAILED


async def _targets(pool: Pool, tenant: str | None, provider: str | None, scene: Scene) -> list[tuple[Tenant, str]]:
    if tenant is not None and provider is not None:
        scene.host.provider(provider)
        return [(await find_tenant(pool, tenant), provider)]
    if tenant is not None:
        raise UsageError("Name both TENANT and PROVIDER, or neither: `drena check TENANT PROVIDER`.")
    rows = await pool.fetch(sql("list_integrations"), None)
    return [(await find_tenant(pool, row["tenant"]), row["provider"]) for row in rows if row["enabled"]]


async def _check_one(scene: Scene, pool: Pool, office: Tenant, slug: str) -> dict[str, object]:
    try:
        ok, message = await _ask_provider(scene, pool, office, slug)
    except (GiveUp, RetryLater) as trouble:
        ok, message = False, words_of(trouble, spoken())
    except UsageError as error:
        ok, message = False, tell(str(error))
    sources = _secret_sources(scene, office, slug)
    message = scene.redactor.text(message)
    return {"tenant": office.slug, "provider": slug, "ok": ok, "message": message, "secrets": sources}


def _secret_sources(scene: Scene, office: Tenant, slug: str) -> dict[str, str | None]:
    """Where each secret of a provider comes from; None for one that nobody has, or that cannot be read."""
    sources: dict[str, str | None] = {}
    if (provider := scene.host.providers.get(slug)) is not None:
        for name in provider.secrets:
            try:
                sources[name] = scene.outside.secrets.source(slug, name, office.slug)
            except (GiveUp, RetryLater):
                sources[name] = None
    return sources


def _sources_in_words(sources: object) -> str:
    assert isinstance(sources, dict)
    return ", ".join(f"{name}: {source or '-'}" for name, source in sources.items())


async def _ask_provider(scene: Scene, pool: Pool, office: Tenant, slug: str) -> tuple[bool, str]:
    provider = scene.host.provider(slug)
    row = await pool.fetchrow(sql("get_integration"), office.id, slug)
    if row is None:
        raise UsageError(f"{office.slug} has no integration {slug}: add a row to tenant_integrations first.")
    settings = decode_settings(provider, row["config"].encode())
    client, pace = scene.outside.open(provider, office, scene.log)
    async with client as http:
        ctx = ProviderContext(
            provider=provider,
            tenant=office,
            settings=settings,
            base_url=row["base_url"],
            log=scene.log,
            http=http,
            pace=pace,
            secrets=scene.outside.secrets,
            threads=scene.outside.threads,
        )
        try:
            answer: object = await provider.check(ctx)
        except Exception as trouble:  # a plugin may raise anything; it is its bug, not Drena's
            decisive = gravest(trouble)
            if isinstance(decisive, GiveUp | RetryLater):
                raise decisive from trouble
            return False, tell(f"The provider {slug} has a bug: {said(decisive, provider)}. Tell its author.")
    if not isinstance(answer, CheckResult):
        bug = f"check() returned {kind(answer)} where a CheckResult is expected"
        return False, tell(f"The provider {slug} has a bug: {bug}. Tell its author.")
    return answer.ok, answer.message


async def show_config(config: Path | None, as_json: bool) -> None:
    """`drena config`."""
    rows = [msgspec.to_builtins(line, enc_hook=str) for line in describe(read_config(config, os.environ))]
    await trio.lowlevel.checkpoint()
    if not as_json:
        rows = [{**row, "source": tell(row["source"]), "description": tell(row["description"])} for row in rows]
    show(rows, ("key", "value", "source", "default", "reload", "description"), as_json=as_json, empty="")


async def check_config(config: Path | None, as_json: bool) -> None:
    """`drena config --check`: what is wrong is raised by the reading."""
    loaded = read_config(config, os.environ)
    await trio.lowlevel.checkpoint()
    sources = sorted(set(loaded.places.values()))
    if as_json:
        show_json({"ok": True, "settings": len(loaded.places), "sources": sources})
    elif len(loaded.places) == 1:
        say(f"The configuration is right: 1 setting, from {sources[0]}.")
    elif sources:
        named = ", ".join(tell(source) for source in sources)
        say(f"The configuration is right: {len(loaded.places)} settings, from {named}.")
    else:
        say("The configuration is right: every setting has its default.")
