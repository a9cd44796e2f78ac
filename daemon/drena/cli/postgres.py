"""`drena postgres PROGRAM`: PostgreSQL's own programs on the database in use, which is started for them if embedded.

For backups, restores and the few statements an operator types: nobody needs to know where the embedded server's socket
or programs are, and no password appears among the processes.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import sys
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

import trio

from drena.cli.commands import PROGRAMS
from drena.cli.tables import show_json
from drena.config import load_config
from drena.errors import ConfigError, DatabaseError
from drena.store.database import open_pool
from drena.store.embedded import embedded_folder, open_embedded
from drena.store.server_files import server_folder

if TYPE_CHECKING:
    from collections.abc import Mapping

ANSWER_LIMIT_S: Final = 5.0
PASSWORD: Final = re.compile(r"(?P<before>^\w+://[^:@/?]*):(?P<password>[^@/?]*)@")


async def run_program(config_file: Path | None, program: str, words: tuple[str, ...]) -> int:
    """Run it with our standard streams; its exit code is ours.

    Raises:
        ConfigError: the program is not installed.
        DatabaseError: the embedded server does not start.
    """
    config = load_config(config_file, os.environ)
    async with AsyncExitStack() as stack:
        url = config.database.url
        if url is None:
            url = await stack.enter_async_context(open_embedded(config.state_dir))
        path = await _path_of(program, url)
        address, secret = split_password(url)
        before = signal.signal(signal.SIGINT, lambda *_: None)  # Ctrl-C is for the program: psql goes on after it
        stack.callback(signal.signal, signal.SIGINT, before)
        done = await trio.run_process(
            [path, f"--dbname={address}", *words],
            stdin=None,
            check=False,
            env=_environment(os.environ) | secret,
            cwd=passable_folder(),
        )
    return done.returncode if done.returncode >= 0 else 128 - done.returncode


async def describe(config_file: Path | None) -> None:
    """Print the programs that would run, null for one that is missing, and the server they would run on.

    Raises:
        ConfigError: the embedded server is not installed.
        DatabaseError: it does not start.
    """
    config = load_config(config_file, os.environ)
    async with AsyncExitStack() as stack:
        url = config.database.url
        folder = None if url else embedded_folder(config.state_dir)
        if url is None:
            url = await stack.enter_async_context(open_embedded(config.state_dir))
        programs: dict[str, str | None] = {}
        for program in PROGRAMS:
            try:
                programs[program] = await _path_of(program, url)
            except ConfigError:
                programs[program] = None
        show_json({"programs": programs, "version": await _server_major(url), "folder": folder})


def split_password(url: str) -> tuple[str, dict[str, str]]:
    """A URL that may be seen by everybody on this machine, and the variables with what may not."""
    found = PASSWORD.match(url)
    if found is None:
        return url, {}
    return f"{found['before']}@{url[found.end() :]}", {"PGPASSWORD": unquote(found["password"])}


def passable_folder() -> str:
    """Where a program may run: here, unless this user may not enter it, as after `runuser -u drena` in root's home.
    PostgreSQL's programs before version 16 complain of that, each time."""
    return "." if os.access(".", os.X_OK, effective_ids=True) else "/"


async def _path_of(program: str, url: str) -> str:
    """Of what is installed here and what came with the embedded server, the one of the server's version: an older
    pg_dump refuses it, and a restore by a newer pg_restore fails. Else the newest."""
    found = [path for path in (_own_path(program), shutil.which(program)) if path is not None]
    if not found:
        raise ConfigError(f"{program} is not installed here: install PostgreSQL's client programs or drena[embedded].")
    if len(found) == 1:
        return found[0]
    server = await _server_major(url)
    majors = {path: await _major(path) for path in found}
    return max(found, key=lambda path: (majors[path] == server, majors[path]))


async def _major(path: str) -> int:
    told = await trio.run_process([path, "--version"], capture_stdout=True, check=False, cwd=passable_folder())
    version = re.search(rb"\) (\d+)", told.stdout)
    return int(version[1]) if version else 0


async def _server_major(url: str) -> int | None:
    """None when it does not answer; what the program then says is better than what we could."""
    with trio.move_on_after(ANSWER_LIMIT_S), suppress(DatabaseError):
        async with open_pool(url, size=1, pooled=True) as pool:
            return int(await pool.fetchval("show server_version_num")) // 10_000
    return None


def _own_path(program: str) -> str | None:
    folder = server_folder()
    if folder is None:
        return None
    paths = sorted(folder.glob(f"pginstall*/bin/{program}"), reverse=True)
    return str(paths[0]) if paths else None


def _environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Ours; without the libraries' place that the one-file binary sets for itself, which is not for other programs."""
    env = dict(environ)
    if getattr(sys, "frozen", False):
        env.pop("LD_LIBRARY_PATH", None)
        if (original := env.pop("LD_LIBRARY_PATH_ORIG", None)) is not None:
            env["LD_LIBRARY_PATH"] = original
    return env
