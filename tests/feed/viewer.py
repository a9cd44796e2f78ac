"""A client written by the rules of the protocol page: it holds a view, and notices every broken promise."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import msgspec
import trio

from drena.feed.websocket import Connection, Gone, open_client

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

LIMIT_S = 20.0


class Broken(AssertionError):
    """The feed broke a promise."""


class View:
    """What a client knows of one tenant."""

    def __init__(self) -> None:
        self.epoch: str | None = None
        self.offset = -1
        self.things: dict[str, dict[str, Any]] = {}
        self.parts: list[dict[str, Any]] = []
        self.snapshots = 0
        self.deltas = 0

    def take(self, frame: dict[str, Any]) -> None:
        """Apply a snapshot, delta or progress."""
        kind = frame["t"]
        if kind == "snapshot":
            self._snapshot(frame)
        elif kind == "delta":
            self._delta(frame)
        elif kind == "progress":
            self._progress(frame)

    def _snapshot(self, frame: dict[str, Any]) -> None:
        if frame["part"] != len(self.parts) + 1:
            raise Broken(f"part {frame['part']} after {len(self.parts)}")
        self.parts.append(frame)
        if frame["part"] < frame["parts"]:
            return
        self.things = {}
        for part in self.parts:
            self.things |= {f"job:{job['id']}": job for job in part["jobs"]}
            self.things |= {f"integration:{each['id']}": each for each in part["integrations"]}
        self.parts, self.epoch, self.offset = [], frame["epoch"], frame["offset"]
        self.snapshots += 1

    def _delta(self, frame: dict[str, Any]) -> None:
        self.deltas += 1
        if self.epoch not in (frame["epoch"], frame.get("was")):
            raise Broken(f"a delta of epoch {frame['epoch']} while the client is in {self.epoch}")
        if frame["from"] > self.offset + 1:
            raise Broken(f"a gap: at {self.offset}, and the delta begins at {frame['from']}")
        self.epoch = frame["epoch"]
        if frame["to"] <= self.offset:
            return
        self.offset = frame["to"]
        for row in frame["rows"]:
            known = self.things.get(row["k"])
            if known is not None and row["v"] < known["version"]:
                continue
            if row.get("del"):
                self.things.pop(row["k"], None)
            else:
                self.things[row["k"]] = row["d"]

    def _progress(self, frame: dict[str, Any]) -> None:
        job = self.things.get(f"job:{frame['job_id']}")
        if job is not None and frame["version"] >= job["version"]:
            job["progress"], job["progress_detail"] = frame["progress"], frame["progress_detail"]

    @property
    def jobs(self) -> dict[str, dict[str, Any]]:
        """Jobs by id."""
        return {key[4:]: job for key, job in self.things.items() if key.startswith("job:")}

    @property
    def integrations(self) -> list[dict[str, Any]]:
        """Integrations."""
        return [each for key, each in self.things.items() if key.startswith("integration:")]


class Viewer:
    """A connected client."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.views: dict[str, View] = {}
        self.frames: list[dict[str, Any]] = []

    async def say(self, kind: str, **members: Any) -> None:
        """Send a frame."""
        await self.connection.send(msgspec.json.encode({"t": kind, **members}).decode())

    async def next(self) -> dict[str, Any]:
        """The next frame, applied to the view."""
        with trio.fail_after(LIMIT_S):
            frame: dict[str, Any] = json.loads(await self.connection.receive())
        self.frames.append(frame)
        if "tenant" in frame and frame["t"] != "error":
            self.views.setdefault(frame["tenant"], View()).take(frame)
        return frame

    async def until(self, kind: str, **members: Any) -> dict[str, Any]:
        """The next frame of a kind with these members."""
        while True:
            frame = await self.next()
            if frame["t"] == kind and members.items() <= frame.items():
                return frame

    async def when(self, condition: Callable[[], Any]) -> Any:
        """Receive until something is true of the view."""
        while not (found := condition()):
            await self.next()
        return found

    async def end(self) -> tuple[dict[str, Any] | None, int]:
        """Receive until the server closes: its bye, and the close code."""
        bye = None
        with trio.fail_after(LIMIT_S):
            try:
                while True:
                    frame = await self.next()
                    bye = frame if frame["t"] == "bye" else bye
            except Gone as gone:
                return bye, gone.code

    def view(self, tenant: Any) -> View:
        """What is known of a tenant."""
        return self.views.setdefault(str(tenant), View())

    def position(self, tenant: Any) -> dict[str, Any]:
        """Where this client is, for `resume`."""
        view = self.view(tenant)
        return {"epoch": view.epoch, "offset": view.offset}


@asynccontextmanager
async def open_viewer(
    url: str, *, hello: bool = True, limit_s: float = LIMIT_S * 3, **members: Any
) -> AsyncIterator[Viewer]:
    """Connect, and say hello unless told not to; after `welcome` when it came."""
    with trio.fail_after(limit_s):
        async with open_client(url, subprotocol="drena.v1", headers=members.pop("headers", None)) as connection:
            viewer = Viewer(connection)
            if hello:
                await viewer.say("hello", **{"client": {"name": "viewer"}, **members})
            yield viewer
