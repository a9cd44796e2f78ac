"""Drena as processes of their own: the daemon, and single commands.

A test sees what an operator sees: exit codes, standard output, and the log as JSON lines on standard error. Every
process has an undertaker, a small shell that holds the reading end of a pipe: when this process ends, however it ends,
the pipe closes and the undertaker kills the process. (PR_SET_PDEATHSIG would do less: it fires when the *thread* that
started the process ends, and Trio starts processes from worker threads.)
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import trio

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

START_LIMIT_S = 30.0
STOP_LIMIT_S = 20.0
COMMAND_LIMIT_S = 60.0

UNDERTAKER = "trap '' INT TERM HUP; read done || kill -KILL \"$1\""

FAST: Mapping[str, Any] = {
    "log.level": "debug",
    "retry.base_s": 0.05,
    "retry.cap_s": 0.2,
    "poll.poll_s": 0.5,
    "shutdown.grace_s": 5,
    "providers.acessorias.requests_per_minute": 100_000,
}
"""Settings for a daemon in a hurry."""


def environment(
    dsn: str | None, *, tokens: Mapping[str, str] | None = None, settings: Mapping[str, Any] | None = None
) -> dict[str, str]:
    """The whole environment of a Drena process; nothing of ours leaks into it but where programs are.

    Args:
        dsn: `database.url`; None leaves it out.
        tokens: the Acessórias token of each tenant, by slug.
        settings: values by key, `retry.base_s`.
    """
    env = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR", "PYTHONPATH") if name in os.environ}
    env |= {"LANG": "C.UTF-8", "TZ": "UTC", "DRENA_CONFIG": os.devnull}
    env["DRENA_FEED__LISTEN"] = "127.0.0.1:0"  # several daemons of several tests run at once
    env["DRENA_HTTP__LISTEN"] = "127.0.0.1:0"
    if dsn is not None:
        env["DRENA_DATABASE__URL"] = dsn
    for key, value in (settings or {}).items():
        env["DRENA_" + key.replace(".", "__").upper()] = str(value)
    for slug, token in (tokens or {}).items():
        env["ACESSORIAS_TOKEN_" + slug.replace("-", "_").upper()] = token
    return env


class DaemonProcess:
    """A running `drena run`, and what it has logged so far."""

    def __init__(self, process: trio.Process) -> None:
        self.process = process
        self.lines: list[dict[str, Any]] = []
        self.raw = bytearray()
        """Standard error, byte for byte."""
        self.ended = False
        self._news = trio.Event()

    @property
    def pid(self) -> int:
        return self.process.pid

    async def logged(
        self, event: str, *, count: int = 1, limit_s: float = START_LIMIT_S, **fields: Any
    ) -> dict[str, Any]:
        """Wait for the line of this event with these fields, the `count`-th; it may have been written already."""
        with trio.move_on_after(limit_s):
            while len(found := self.find(event, **fields)) < count:
                if self.ended:
                    raise AssertionError(f"the daemon ended without logging {event!r}:\n{self.text}")
                await self._news.wait()
            return found[count - 1]
        raise AssertionError(f"no {event!r} with {fields} within {limit_s} s:\n{self.text}")

    def find(self, event: str, **fields: Any) -> list[dict[str, Any]]:
        """The lines of this event with these fields."""
        wanted = {"event": event, **fields}
        return [line for line in self.lines if wanted.items() <= line.items()]

    @property
    def text(self) -> str:
        return self.raw.decode("utf-8", "replace")

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    async def wait(self, limit_s: float = STOP_LIMIT_S) -> int:
        """Wait for its end; returns the exit code."""
        with trio.move_on_after(limit_s):
            return await self.process.wait()
        raise AssertionError(f"the daemon did not end within {limit_s} s:\n{self.text}")

    async def stop(self) -> int:
        """SIGTERM, and wait for the end."""
        self.send(signal.SIGTERM)
        return await self.wait()

    async def kill(self) -> None:
        """SIGKILL, and wait for the end."""
        self.process.kill()
        await self.process.wait()

    async def _read(self) -> None:
        assert self.process.stderr is not None
        rest = b""
        async for chunk in self.process.stderr:
            self.raw += chunk
            *whole, rest = (rest + chunk).split(b"\n")
            self.lines += [_line(text) for text in whole]
            self._tell()
        self.ended = True
        self._tell()

    def _tell(self) -> None:
        self._news.set()
        self._news = trio.Event()


def _line(text: bytes) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        found = {}
    return found if isinstance(found, dict) and found else {"event": text.decode("utf-8", "replace"), "level": "raw"}


@asynccontextmanager
async def launch_daemon(env: Mapping[str, str], *, joined: bool = True) -> AsyncIterator[DaemonProcess]:
    """Start `drena run`; on leaving, SIGTERM it, unless it has ended, and hold it to exit code 0.

    Args:
        env: its whole environment, see `environment`.
        joined: wait until it claims jobs.
    """
    async with trio.open_nursery() as nursery:
        process = await _spawn(["run"], env, stdout=subprocess.DEVNULL)
        with _undertaken(process):
            daemon = DaemonProcess(process)
            nursery.start_soon(daemon._read)
            try:
                if joined:
                    await daemon.logged("node joined")
                yield daemon
                if process.returncode is None:
                    assert await daemon.stop() == 0, daemon.text
            finally:
                with trio.move_on_after(STOP_LIMIT_S, shield=True):
                    await daemon.kill()


@dataclass(frozen=True)
class Done:
    """A command that has ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output as JSON."""
        return json.loads(self.out)


async def run_drena(*words: str, env: Mapping[str, str]) -> Done:
    """Run one command to its end."""
    out, err = bytearray(), bytearray()

    async def collect(stream: trio.abc.ReceiveStream, into: bytearray) -> None:
        async for chunk in stream:
            into += chunk

    with trio.fail_after(COMMAND_LIMIT_S):
        process = await _spawn(words, env, stdout=subprocess.PIPE)
        with _undertaken(process):
            assert process.stdout is not None
            assert process.stderr is not None
            try:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(collect, process.stdout, out)
                    nursery.start_soon(collect, process.stderr, err)
                code = await process.wait()
            finally:
                if process.returncode is None:
                    process.kill()
                with trio.move_on_after(STOP_LIMIT_S, shield=True):
                    await process.wait()
    return Done(code, out.decode(), err.decode())


async def _spawn(words: Any, env: Mapping[str, str], *, stdout: int) -> trio.Process:
    return await trio.lowlevel.open_process(
        [sys.executable, "-m", "drena", *words],
        env=dict(env),
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )


class _undertaken:  # noqa: N801  # reads as a statement
    """Keeps an undertaker for a process while the block runs."""

    def __init__(self, process: trio.Process) -> None:
        self._pid = process.pid

    def __enter__(self) -> None:
        reading, self._pipe = os.pipe()
        self._shell = subprocess.Popen(
            ["/bin/sh", "-c", UNDERTAKER, "undertaker", str(self._pid)],
            stdin=reading,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        os.close(reading)

    def __exit__(self, *_: object) -> None:
        os.write(self._pipe, b"done\n")
        os.close(self._pipe)
        self._shell.wait()
