"""Demos as processes: each in a temporary directory and under a mark of its own, so that what it leaves can be told."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import uuid
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import trio

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

NOBODY = 65534
MARK = "SHOWING_UNDER_TEST"


class Demo:
    """A running demo."""

    def __init__(self, process: trio.Process, place: Path, mark: str) -> None:
        self.process = process
        self.place = place
        self.said = ""
        self._mark = f"{MARK}={mark}".encode()

    async def read_until(self, words: str) -> None:
        """Read its output until it says this; fails when it ends before."""
        while words not in self.said:
            chunk = await self.process.stdout.receive_some()
            assert chunk, f"the demo ended without saying {words!r}:\n{self.said}"
            self.said += chunk.decode()

    async def finish(self) -> int:
        """Read the rest; returns the exit code."""
        async for chunk in self.process.stdout:
            self.said += chunk.decode()
        return await self.process.wait()

    def left(self) -> list[str]:
        """Files and processes of it that are still there; the mark is in the environment of all of them."""
        files = [path.name for path in self.place.iterdir()]
        return files + [entry.name for entry in Path("/proc").iterdir() if self._is_ours(entry)]

    def _is_ours(self, process: Path) -> bool:
        try:
            return self._mark in (process / "environ").read_bytes().split(b"\0")
        except OSError:
            return False


@asynccontextmanager
async def open_demo(*options: str, as_nobody: bool = False, **environment: str) -> AsyncIterator[Demo]:
    """Start `drena demo` without a terminal; killed if it still runs when the block ends."""
    place = Path(tempfile.mkdtemp(prefix="dd-", dir="/tmp"))  # a socket's path must be short
    home = Path(tempfile.mkdtemp(prefix="home-", dir="/tmp"))
    mark = uuid.uuid4().hex
    account = {}
    if as_nobody:
        os.chown(place, NOBODY, NOBODY)
        os.chown(home, NOBODY, NOBODY)
        account = {"user": NOBODY, "group": NOBODY, "extra_groups": []}
    process = await trio.lowlevel.open_process(
        [sys.executable, "-P", "-m", "drena", "demo", "--lang", "en", *options],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd="/",
        env={**os.environ, "TMPDIR": str(place), "HOME": str(home), MARK: mark, **environment},
        **account,
    )
    try:
        yield Demo(process, place, mark)
    finally:
        with trio.move_on_after(20, shield=True):
            if process.returncode is None:
                process.kill()
            await process.wait()
            await process.stdout.aclose()
        shutil.rmtree(place, ignore_errors=True)
        shutil.rmtree(home, ignore_errors=True)
