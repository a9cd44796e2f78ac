"""The processes of a demo: each in a session of its own, so that Ctrl-C reaches the demo alone, and always ended."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

import msgspec
import trio

from drena.demo.guard import MARK
from drena.errors import ConfigError, DrenaError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence
    from pathlib import Path

STOP_S: Final = 6.0
START_S: Final = 20.0
FOREIGN: Final = ("DRENA_", "ACESSORIAS_", "PG", "CREDENTIALS_", "STATE_DIRECTORY", "NOTIFY_SOCKET", "INVOCATION_ID")
"""Variables, by their beginning, that speak of another installation and would leak into the demo's."""


class Hello(msgspec.Struct):
    """The line the fake API prints when it listens."""

    url: str


def child_environment(folder: Path, more: Mapping[str, str]) -> dict[str, str]:
    """The environment of everything the demo starts: this process's own without other installations' settings."""
    own = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
    return {**own, MARK: str(folder), "TMPDIR": str(folder), "PYTHONUNBUFFERED": "1", "NO_COLOR": "1", **more}


def python(*words: str) -> list[str]:
    """A command line of this interpreter that looks for no module in the current directory."""
    return [sys.executable, "-P", "-m", *words]


@asynccontextmanager
async def open_guard(folder: Path) -> AsyncIterator[None]:
    """The guard of this folder; it outlives this process for as long as it takes to clean up after it."""
    guard = await trio.lowlevel.open_process(
        python("drena.demo.guard", str(folder)),
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        env={name: value for name, value in os.environ.items() if name != MARK},
        cwd="/",
    )
    try:
        yield
    finally:
        with trio.move_on_after(STOP_S, shield=True):
            assert guard.stdin is not None
            await guard.stdin.aclose()
            await guard.wait()


@asynccontextmanager
async def open_daemon(environment: Mapping[str, str], log: Path) -> AsyncIterator[trio.Process]:
    """`drena run`, with its log in a file."""
    with log.open("ab") as lines:
        process = await trio.lowlevel.open_process(
            python("drena", "run"),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=lines,
            start_new_session=True,
            env=environment,
        )
    try:
        yield process
    finally:
        with trio.move_on_after(2 * STOP_S, shield=True):
            await _stop(process)


@asynccontextmanager
async def open_fake(
    environment: Mapping[str, str], offices: Mapping[str, int], knobs: Mapping[str, str]
) -> AsyncIterator[str]:
    """The fake API on a free port of this machine; yields its URL.

    Raises:
        ConfigError: it does not start; the sentence is its own.
    """
    words = [f"--office={token}={size}" for token, size in offices.items()]
    words += [f"--knob={name}={value}" for name, value in knobs.items()]
    process = await trio.lowlevel.open_process(
        python("fake_acessorias", "--exit-with-parent", *words),
        stdin=subprocess.PIPE,  # its end tells the fake that we are gone
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        env=environment,
    )
    try:
        yield await _hello(process)
    finally:
        with trio.move_on_after(2 * STOP_S, shield=True):
            await _stop(process)
            for pipe in (process.stdin, process.stdout, process.stderr):
                if pipe is not None:
                    await pipe.aclose()


async def _hello(process: trio.Process) -> str:
    assert process.stdout is not None
    assert process.stderr is not None
    line = bytearray()
    with trio.move_on_after(START_S):
        while not line.endswith(b"\n") and (chunk := await process.stdout.receive_some()):
            line += chunk
    if line.endswith(b"\n"):
        return msgspec.json.decode(line, type=Hello).url
    said = bytearray()
    with trio.move_on_after(1):
        said += await process.stderr.receive_some()
    raise ConfigError(f"The fake API does not start: {said.decode(errors='replace').strip() or 'it says nothing'}")


async def _stop(process: trio.Process) -> None:
    if process.returncode is None:
        process.terminate()
    with trio.move_on_after(STOP_S):
        await process.wait()
    if process.returncode is None:
        process.kill()
    await process.wait()


async def run_drena(environment: Mapping[str, str], words: Sequence[str]) -> bytes:
    """Run a command of Drena's and return what it printed.

    Raises:
        DrenaError: it failed; the sentence is its own.
    """
    done = await trio.run_process(
        python("drena", *words),
        stdin=subprocess.DEVNULL,
        capture_stdout=True,
        capture_stderr=True,
        check=False,
        start_new_session=True,
        env=environment,
    )
    if done.returncode != 0:
        said = done.stderr.decode(errors="replace").strip().removeprefix("drena: ")
        raise DrenaError(said or f"drena {' '.join(words)} ended with {done.returncode}")
    return done.stdout
