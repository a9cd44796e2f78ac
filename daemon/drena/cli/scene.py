"""What commands stand on: configuration, log, database, providers. Opened in one place, so that all of them agree."""

from __future__ import annotations

import os
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from drena.config import load_config
from drena.engine.outside import Outside
from drena.log import configure_logging, get_logger
from drena.outgoing import Clients, PaceBook
from drena.plugins import load_plugins
from drena.redaction import Redactor
from drena.secrets import SecretStore
from drena.store.opening import open_database

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from asyncpg_trio import Pool
    from drena.config import Config
    from drena.log import Format, Log, LogLines
    from drena.plugins import PluginHost


@dataclass(frozen=True, slots=True)
class Scene:
    """Everything but the database."""

    config: Config
    redactor: Redactor
    logs: Log
    log: LogLines
    host: PluginHost
    outside: Outside


def set_scene(config_file: Path | None, *, quiet: bool = False, log_as: Format | None = None) -> Scene:
    """Read the configuration, start the log, load the plugins.

    Args:
        config_file: `--config`, if given.
        quiet: write warnings and worse only, for commands whose output is for people.
        log_as: in place of `log.format`.

    Raises:
        ConfigError: see `drena.config`.
    """
    config = load_config(config_file, os.environ)
    redactor = Redactor([config.auth.jwt_secret] if config.auth.jwt_secret else ())
    level = "error" if quiet else config.log.level
    logs = configure_logging(redactor=redactor, level=level, format=log_as or config.log.format)
    host = load_plugins(path=config.plugins.path, disabled=config.plugins.disabled)
    log = get_logger()
    for report in host.reports:
        if report.state != "ok":
            log.warning("plugin skipped", plugin=report.name, reason=report.reason)
    secrets = SecretStore(os.environ, redactor, file=config.secrets.file, plugins=host.secrets)
    outside = Outside(config, secrets, Clients(), PaceBook())
    return Scene(config, redactor, logs, log, host, outside)


@asynccontextmanager
async def open_stage(config_file: Path | None) -> AsyncIterator[tuple[Scene, Pool]]:
    """The scene of a short command, and its database."""
    scene = set_scene(config_file, quiet=True)
    async with open_database(scene.config) as (_url, pool):
        yield scene, pool
