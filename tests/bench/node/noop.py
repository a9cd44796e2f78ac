"""A node with a provider that does nothing, for measuring everything around it: `python noop.py URL ROOM TENANT_CAP`.

It is the real daemon: the same `Daemon` that `drena run` composes, with one provider in place of the installed plugins.
"""

from __future__ import annotations

import sys
from pathlib import Path

import trio

import asyncpg_trio
from drena.api import CheckResult, Provider
from drena.config import Config, Database, Feed, Http, Node, TenantLimits
from drena.daemon import Daemon, obey_signals
from drena.engine.outside import Outside
from drena.log import configure_logging, get_logger
from drena.outgoing import Clients, PaceBook
from drena.plugins import PluginHost
from drena.redaction import Redactor
from drena.secrets import SecretStore


class Noop(Provider):
    slug = "noop"
    name = "Nothing"

    async def check(self, ctx):
        return CheckResult(ok=True, message="")

    async def run(self, ctx):
        return None


class Ready:
    """Told when jobs are being claimed."""

    def started(self, value: None = None) -> None:
        print("ready", flush=True)


async def no_reload() -> None:
    """Nothing to read again."""


async def main(url: str, room: int, tenant_cap: int) -> None:
    config = Config(
        state_dir=Path(),
        database=Database(url=url),
        node=Node(max_jobs=room),
        tenant=TenantLimits(max_jobs=tenant_cap),
        feed=Feed(listen="off"),
        http=Http(listen="off"),
    )
    redactor = Redactor()
    configure_logging(redactor=redactor, level="error")
    async with asyncpg_trio.create_pool(url, min_size=1, max_size=10) as pool, trio.open_nursery() as nursery:
        daemon = Daemon(
            config=config,
            url=url,
            pool=pool,
            host=PluginHost({"noop": Noop()}, []),
            outside=Outside(config, SecretStore({}, redactor), Clients(), PaceBook()),
            redactor=redactor,
            log=get_logger(),
        )
        nursery.start_soon(obey_signals, daemon, no_reload)
        await daemon.run(task_status=Ready())
        nursery.cancel_scope.cancel(reason="drained")


trio.run(main, sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
