"""`drena check --dry-run TENANT PROVIDER`: what a job would create, update and skip, without doing it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click
import msgspec

from drena.api import GiveUp, RetryLater
from drena.cli.blame import said
from drena.cli.scene import open_stage
from drena.cli.speech import say, spoken, tell
from drena.cli.tables import show, show_json
from drena.cli.working import decode_payload, refusal
from drena.engine.context import decode_settings
from drena.engine.dry_run import rehearse
from drena.engine.verdict import gravest
from drena.errors import Exit, UsageError
from drena.store.plain import plain_json
from drena.store.queries import sql
from drena.store.reads import find_tenant
from drena.texts.troubles import words_of

if TYPE_CHECKING:
    from pathlib import Path

    from asyncpg_trio import Connection
    from drena.api import Provider, Row, Tenant
    from drena.cli.scene import Scene
    from drena.engine.dry_run import Rehearsed
    from drena.log import LogLines

CLEAR_LINE = "\r\x1b[K"


class WarningLines:
    """The log of a dry run: warnings and errors reach the terminal, the rest goes where the scene's log goes."""

    def __init__(self, scene: Scene) -> None:
        self._log: LogLines = scene.log
        self._redactor = scene.redactor

    def debug(self, message: str, **fields: Any) -> None:
        self._log.debug(message, **fields)

    def info(self, message: str, **fields: Any) -> None:
        self._log.info(message, **fields)

    def warning(self, message: str, **fields: Any) -> None:
        self._tell(message, fields)

    def error(self, message: str, **fields: Any) -> None:
        self._tell(message, fields)

    def _tell(self, message: str, fields: dict[str, Any]) -> None:
        more = " ".join(f"{name}={value}" for name, value in self._redactor.value(fields).items())
        click.echo(
            f"{CLEAR_LINE if sys.stderr.isatty() else ''}! {self._redactor.text(message)} {more}".rstrip(), err=True
        )


async def dry_run(
    config: Path | None, tenant: str | None, provider: str | None, lane: str, payload: str, as_json: bool
) -> Exit:
    """`drena check --dry-run TENANT PROVIDER`."""
    if tenant is None or provider is None:
        raise UsageError("A dry run needs both: `drena check --dry-run TENANT PROVIDER`.")
    decoded = decode_payload(payload)
    async with open_stage(config) as (scene, pool):
        found = scene.host.provider(provider)
        if not found.dry_run:
            raise UsageError(f"The provider {provider} cannot be rehearsed (it has no `dry_run`): nothing was run.")
        office = await find_tenant(pool, tenant)
        if await pool.fetchval(sql("has_active_job"), office.id, provider):
            raise UsageError(
                f"A job of {tenant} with {provider} waits or runs: it and a dry run would hold each other up. "
                "Try again when it has ended."
            )
        async with pool.acquire() as conn:
            row = await conn.fetchrow(sql("get_integration"), office.id, provider)
            if row is None:
                raise UsageError(refusal("integration_not_found", tenant, provider))
            try:
                done = await _rehearse(scene, conn, found, office, row, lane, decoded)
            except Exception as trouble:  # noqa: BLE001  # a provider may raise anything; a person gets one sentence
                code, sentence = _reason(trouble, found)
                return _failed(scene.redactor.text(sentence), code, as_json=as_json)
        _show(done, scene, as_json=as_json)
    return Exit.OK


def _reason(trouble: Exception, provider: Provider) -> tuple[str, str]:
    """Code and sentence for what `run` raised."""
    decisive = gravest(trouble)
    if isinstance(decisive, GiveUp | RetryLater):
        return decisive.code, words_of(decisive, spoken())
    bug = said(decisive, provider)
    return "provider_bug", f"The provider {provider.slug} has a bug: {bug}. Nothing was changed; tell its author."


async def _rehearse(
    scene: Scene, conn: Connection, provider: Provider, office: Tenant, row: Row, lane: str, payload: dict[str, Any]
) -> Rehearsed:
    log = WarningLines(scene)
    settings = decode_settings(provider, row["config"].encode())
    client, pace = scene.outside.open(provider, office, log)
    async with client as http:
        return await rehearse(
            conn,
            provider,
            lane=lane,
            payload=payload,
            on_progress=lambda line: _progress(scene.redactor.text(line)),
            tenant=office,
            settings=settings,
            base_url=row["base_url"],
            log=log,
            http=http,
            pace=pace,
            secrets=scene.outside.secrets,
            threads=scene.outside.threads,
        )


def _progress(line: str) -> None:
    if sys.stderr.isatty():
        click.echo(f"{CLEAR_LINE}{line[:100]}", nl=False, err=True)


def _failed(sentence: str, code: str, *, as_json: bool) -> Exit:
    if as_json:
        show_json({"ok": False, "code": code, "message": sentence})
    else:
        _progress("")
        click.echo(tell(f"It would fail: {sentence}"), err=True)
    return Exit.JOB_FAILED


def _show(done: Rehearsed, scene: Scene, *, as_json: bool) -> None:
    rows = [{"entity": entity, **msgspec.to_builtins(counted)} for entity, counted in done.counters.items()]
    if as_json:
        counters = done.counters if done.result is None else done.result
        result = msgspec.Raw(plain_json(scene.redactor.value(msgspec.to_builtins(counters, enc_hook=str))).encode())
        show_json({"ok": True, "entities": rows, "result": result})
        return
    _progress("")
    words = {"created": "would_create", "updated": "would_update", "skipped": "would_skip"}
    told = [{words.get(name, name): value for name, value in row.items()} for row in rows]
    columns = ("entity", "read", *words.values(), "errors")
    show(told, columns, as_json=False, empty="A job would write nothing.")
    say("Nothing was changed.")
