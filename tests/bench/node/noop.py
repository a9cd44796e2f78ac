"""A node with a provider that does nothing, for measuring everything around it: `python noop.py URL ROOM TENANT_CAP`.

It says `ready`, and the port of its feed when it is told to serve one: `python noop.py URL ROOM TENANT_CAP feed`.

It is the real daemon: the same `Daemon` that `drena run` composes, with one provider in place of the installed plugins.
"""

from __future__ import annotations

import socket
import sys
import time
from pathlib import Path

import trio

from drena.api import CheckResult, Provider
from drena.config import Auth, Config, Database, Feed, Http, Node, TenantLimits
from drena.daemon import Daemon, obey_signals
from drena.engine.outside import Outside
from drena.log import configure_logging, get_logger
from drena.outgoing import Clients, PaceBook
from drena.plugins import PluginHost
from drena.redaction import Redactor
from drena.secrets import SecretStore
from drena.store.database import open_pool


class Noop(Provider):
    slug = "noop"
    name = "Nothing"

    async def check(self, ctx):
        return CheckResult(ok=True, message="")

    async def run(self, ctx):
        return {"at": time.time()} if ctx.job.payload.get("stamp") else None


class Ready:
    """Told when jobs are being claimed."""

    def __init__(self, feed: socket.socket | None) -> None:
        self._port = feed.getsockname()[1] if feed else 0

    def started(self, value: None = None) -> None:
        print("ready", self._port, flush=True)


async def no_reload() -> None:
    """Nothing to read again."""


async def main(url: str, room: int, tenant_cap: int, served: bool) -> None:
    feed = socket.create_server(("127.0.0.1", 0)) if served else None
    config = Config(
        state_dir=Path(),
        database=Database(url=url),
        node=Node(max_jobs=room),
        tenant=TenantLimits(max_jobs=tenant_cap),
        feed=Feed(listen="off", max_tenants=1_000_000),
        auth=Auth(mode="open"),
        http=Http(listen="off"),
    )
    redactor = Redactor()
    configure_logging(redactor=redactor, level="error")
    async with open_pool(url, size=config.database.pool_size) as pool, trio.open_nursery() as nursery:
        daemon = Daemon(
            config=config,
            url=url,
            pool=pool,
            host=PluginHost({"noop": Noop()}, []),
            outside=Outside(config, SecretStore({}, redactor), Clients(), PaceBook()),
            redactor=redactor,
            log=get_logger(),
            inherited={"drena-feed": [feed]} if feed else {},
        )
        nursery.start_soon(obey_signals, daemon, no_reload)
        await daemon.run(task_status=Ready(feed))
        nursery.cancel_scope.cancel(reason="drained")


trio.run(main, sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4:] == ["feed"])
