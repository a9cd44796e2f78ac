"""The command `drena run`. What it stands on takes long to import, so no other command does."""

from __future__ import annotations

import faulthandler
import os
from functools import partial
from typing import TYPE_CHECKING

import trio

from drena.cli.scene import set_scene
from drena.config import load_config
from drena.daemon import Daemon, obey_signals
from drena.errors import ConfigError
from drena.log import get_logger
from drena.store.embedded import keep_embedded
from drena.store.opening import wait_for_database
from drena.systemd import inherited_sockets, notify, reloading
from drena.traces import open_traces

if TYPE_CHECKING:
    from pathlib import Path

    from drena.cli.scene import Scene


async def run(config: Path | None, as_json: bool) -> None:
    """`drena run`: until SIGTERM or SIGINT."""
    scene = set_scene(config, log_as="json" if as_json else None)
    if not scene.host.providers:
        raise ConfigError("No provider is installed: install one, for example drena-acessorias (see `drena plugins`).")
    scene.outside.secrets.expect_safe_file()
    faulthandler.enable()  # SIGABRT, with which systemd ends a process that hangs, leaves its stacks in the journal
    traces = scene.config.traces
    async with (
        open_traces(traces.endpoint, traces.ratio) as scene.outside.traces,
        wait_for_database(scene.config, scene.log) as (url, pool),
    ):
        daemon = Daemon(
            config=scene.config,
            url=url,
            pool=pool,
            host=scene.host,
            outside=scene.outside,
            redactor=scene.redactor,
            log=scene.log,
            inherited=inherited_sockets(),
        )
        async with trio.open_nursery() as nursery:
            nursery.start_soon(obey_signals, daemon, partial(_reload, config, scene, daemon), name="signals")
            if not scene.config.database.url:
                nursery.start_soon(keep_embedded, scene.config.state_dir, scene.log, name="embedded database")
            await daemon.run()
            nursery.cancel_scope.cancel(reason="drained")
    scene.log.info("stopped")


def log_fault(error: BaseException) -> str:
    """Put the traceback of a fault of ours into the log, where the journal keeps it; for `run_command`."""
    get_logger().exception("ended by a fault of its own", exc_info=error)
    return "Its traceback is in the log."


async def _reload(config_file: Path | None, scene: Scene, daemon: Daemon) -> None:
    """Read the configuration again; a wrong one changes nothing."""
    tell = notify if daemon.ready else partial(notify, environ={})  # a reload during the start makes nothing ready
    tell(*reloading())
    try:
        config = load_config(config_file, os.environ)
    except ConfigError as error:
        scene.log.error("configuration not reloaded", reason=str(error))
        tell("READY=1", f"STATUS=The configuration was not reloaded. {error}")
        return
    taken, refused = await daemon.reload(config)
    scene.logs.level = config.log.level
    scene.log.info("configuration reloaded", changed=taken, needs_restart=refused)
    tell("READY=1", "STATUS=The configuration was reloaded.")
