"""The guard: ends what a demo started and removes its folder when the demo itself could not, after `kill -9` say.

It is a process and a session of its own, holds the reading end of a pipe whose writing end only the demo has, and waits
for that to close. What belongs to the demo it tells by the environment and the working directory, not by process ids
written down earlier: those would miss what was just being started. After an orderly end it finds nothing to do.

    python -m drena.demo.guard FOLDER
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

MARK: Final = "DEMO_OF_DRENA"
"""The variable that holds the demo's folder, in the environment of everything it starts."""
LIMIT_S: Final = 15.0
KINDLY_S: Final = 2.0
LOOK_S: Final = 0.05


def belongings(folder: Path) -> Iterator[int]:
    """Process ids that belong to the demo of this folder, this process left out."""
    mark = f"{MARK}={folder}".encode()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid() and _belongs(entry, folder, mark):
            yield int(entry.name)


def _belongs(process: Path, folder: Path, mark: bytes) -> bool:
    try:
        if mark in (process / "environ").read_bytes().split(b"\0"):
            return True
        return (process / "cwd").readlink().is_relative_to(folder)
    except OSError:  # gone meanwhile, or somebody else's
        return False


def end_all(folder: Path) -> None:
    """End every process of the demo, kindly at first, within `LIMIT_S`."""
    began_s = time.monotonic()
    told: set[int] = set()
    while (left := list(belongings(folder))) and time.monotonic() - began_s < LIMIT_S:
        patient = time.monotonic() - began_s < KINDLY_S
        for pid in left:
            if patient and pid not in told:
                told.add(pid)
                _send(pid, signal.SIGINT if _is_postgres(pid) else signal.SIGTERM)
            elif not patient:
                _send(pid, signal.SIGKILL)
        time.sleep(LOOK_S)


def _is_postgres(pid: int) -> bool:
    """To PostgreSQL, SIGTERM means to wait for its clients, and SIGINT to end."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/comm").read_text().strip() == "postgres"
    return False


def _send(pid: int, what: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, what)


def main() -> None:
    """Wait for the demo's end, then clean up after it."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    folder = Path(sys.argv[1])
    sys.stdin.buffer.read()
    if folder.exists():
        end_all(folder)
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
