"""The client in a node process of its own, and what it shows."""

from __future__ import annotations

import json
import subprocess
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import trio

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

LIMIT_S = 30.0


class Driver:
    """A running client."""

    def __init__(self, process: trio.Process) -> None:
        self._process = process
        self._answers: dict[int, Any] = {}
        self._asked = 0
        self._news = trio.Event()
        self.snapshots: list[dict[str, Any]] = []
        """Every snapshot it has shown."""
        self.heard: list[str] = []
        """The types of the frames its sockets brought."""
        self.closed: list[int] = []
        """The close codes of its sockets."""

    @property
    def shown(self) -> dict[str, Any]:
        """What it shows now."""
        return self.snapshots[-1]

    @property
    def states(self) -> list[str]:
        """The states of its connection, one after the other."""
        found: list[str] = []
        for snapshot in self.snapshots:
            if found[-1:] != [snapshot["connection"]]:
                found.append(snapshot["connection"])
        return found

    def job(self, job_id: str) -> dict[str, Any] | None:
        """A job as it shows it now."""
        return next((job for job in self.shown["jobs"] if job["id"] == job_id), None)

    async def until(self, condition: Callable[[Driver], Any], limit_s: float = LIMIT_S) -> Any:
        """Wait until what it shows fulfils a condition."""
        with trio.move_on_after(limit_s):
            while not (self.snapshots and (found := condition(self))):
                await self._news.wait()
            return found
        shown = {key: value for key, value in self.shown.items() if key != "jobs"} if self.snapshots else None
        raise AssertionError(f"not within {limit_s} s; states {self.states}, closed {self.closed}, shown {shown}")

    async def live(self) -> None:
        """Wait until it says that it is live."""
        await self.until(lambda driver: driver.shown["connection"] == "live")

    async def ended(self, job_id: str) -> dict[str, Any]:
        """Wait until it shows the end of a job."""
        return await self.until(
            lambda driver: (job := driver.job(job_id)) and job["status"] not in ("pending", "running") and job
        )

    async def ask(self, name: str, word: Any = None) -> Any:
        """Give a command and wait for its answer."""
        self._asked += 1
        asked = self._asked
        assert self._process.stdin is not None
        await self._process.stdin.send_all(json.dumps({"id": asked, "name": name, "word": word}).encode() + b"\n")
        with trio.fail_after(LIMIT_S):
            while asked not in self._answers:
                await self._news.wait()
        return self._answers.pop(asked)

    async def run(self, tenant_id: object, provider: str = "acessorias") -> Any:
        """Ask for a job."""
        return await self.ask("run", {"tenantId": str(tenant_id), "providerSlug": provider})

    async def _read(self) -> None:
        assert self._process.stdout is not None
        rest = b""
        async for chunk in self._process.stdout:
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                self._take(json.loads(line))
            self._news.set()
            self._news = trio.Event()

    def _take(self, message: dict[str, Any]) -> None:
        if "snapshot" in message:
            self.snapshots.append(message["snapshot"])
        elif "heard" in message:
            self.heard.append(message["heard"])
        elif "closed" in message:
            self.closed.append(message["closed"])
        else:
            self._answers[message["id"]] = message["answer"]


@asynccontextmanager
async def drive(node: str, folder: Path, **options: Any) -> AsyncIterator[Driver]:
    """Start a client; it ends with the block."""
    async with trio.open_nursery() as nursery:
        process = await trio.lowlevel.open_process(
            [node, str(folder / "driver.mjs"), json.dumps(options)],
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        driver = Driver(process)
        nursery.start_soon(driver._read)
        try:
            yield driver
        finally:
            process.kill()
            with trio.move_on_after(LIMIT_S, shield=True):
                await process.wait()
