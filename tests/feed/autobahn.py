"""The Autobahn test suite against the feed's websocket: `make autobahn`, or `python -m feed.autobahn [CASE ...]`.

The suite's client runs on CPython 2.7 alone. Without one, or without a way to install the suite, this says so in one
line and ends well. It talks to the feed's own server: its accept loop, caps, deadlines, handshake, wire, meter and
close, all as in the daemon. One thing stands in: where a client's conversation would answer with messages of the
protocol, each message is sent back, since that is what the suite expects; and messages may be as long as its longest.
Cases 9 (throughput), 12 and 13 (compression, which the feed does not offer) are left out.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import trio
import trio_websocket

from drena.config import Feed
from drena.feed.hub import Hub
from drena.feed.server import FeedServer, Visit
from drena.feed.session import Session
from drena.feed.websocket import Served
from drena.listeners import bound_address, open_listeners
from drena.log import get_logger

LARGEST_BYTES = 32 * 2**20
SUITE = ("virtualenv==20.15.1", "autobahntestsuite==25.10.1")
GOOD = {"OK", "NON-STRICT", "INFORMATIONAL"}


class Echo(Session):
    """Says what it hears."""

    __slots__ = ("_served",)

    def __init__(self, served: Served, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self._served = served
        self._introduce()

    async def hear(self, message: str | bytes) -> None:
        with suppress(trio_websocket.ConnectionClosed):
            await self._served._connection.send_message(message)

    def tick(self, _now_s: float) -> None:
        """An echo has no hello to wait for."""


class EchoServer(FeedServer):
    """The feed's server, with an echo for a conversation."""

    def _open_session(self, visit: Visit, served: Served) -> Session:
        return Echo(
            served,
            self._around,
            visit.wire,
            visit.errands,
            visit.address,
            introduced=partial(self._doors.introduce, visit.address),
            ended=partial(self._send_away, visit, served),
        )


def find_python() -> str | None:
    """A CPython 2.7 with pip."""
    candidates = [shutil.which("python2.7"), *map(str, Path.home().glob(".pyenv/versions/2.7.*/bin/python2.7"))]
    for program in filter(None, candidates):
        if subprocess.run([program, "-m", "pip", "--version"], capture_output=True, check=False).returncode == 0:
            return program
    return None


def install(python: str, folder: Path) -> Path | None:
    """The suite's client, in an environment below `folder`."""
    tools, place = folder / "tools", folder / "suite"
    commands = (
        [python, "-m", "pip", "install", "--quiet", "--target", str(tools), SUITE[0]],
        ["env", f"PYTHONPATH={tools}", python, "-m", "virtualenv", "--quiet", str(place)],
        [str(place / "bin" / "pip"), "install", "--quiet", SUITE[1]],
    )
    for command in commands:
        if subprocess.run(command, capture_output=True, check=False, timeout=300).returncode:
            return None
    return place / "bin" / "wstest"


def report(folder: Path) -> int:
    """Print the counts and whatever failed; the exit code."""
    (server,) = json.loads((folder / "reports" / "index.json").read_text()).values()
    print(f"{len(server)} cases: {dict(Counter(case['behavior'] for case in server.values()))}")
    print(f"closing: {dict(Counter(case['behaviorClose'] for case in server.values()))}")
    failed = {name: case["behavior"] for name, case in server.items() if case["behavior"] not in GOOD}
    for name, behavior in sorted(failed.items()):
        print(f"  {name}: {behavior}")
    return 1 if failed else 0


async def run(wstest: Path, folder: Path, cases: list[str]) -> int:
    """Serve the echo and let the suite talk to it."""
    away: Any = None  # an echo asks no database, and nobody who he is
    async with trio.open_nursery() as nursery:
        server = EchoServer(
            hub=Hub(away, get_logger(), poll_s=1),
            gate=away,
            desk=away,
            pool=away,
            settings=Feed(max_message_bytes=LARGEST_BYTES),
            same_host=True,
            log=get_logger(),
        )
        listeners = await open_listeners("127.0.0.1:0")
        await nursery.start(server.run, listeners)
        specification = {
            "outdir": str(folder / "reports"),
            "servers": [{"agent": "drena", "url": f"ws://{bound_address(listeners[0])}"}],
            "cases": cases or ["*"],
            "exclude-cases": ["9.*", "12.*", "13.*"],
        }
        (folder / "spec.json").write_text(json.dumps(specification))
        await trio.run_process(
            [str(wstest), "-m", "fuzzingclient", "-s", str(folder / "spec.json")],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        nursery.cancel_scope.cancel()
    return report(folder)


def main() -> int:
    python = find_python()
    if python is None:
        print("autobahn: left out, there is no CPython 2.7 with pip (its client runs on nothing else)")
        return 0
    with tempfile.TemporaryDirectory() as folder:
        wstest = install(python, Path(folder))
        if wstest is None:
            print("autobahn: left out, its client could not be installed")
            return 0
        return trio.run(run, wstest, Path(folder), sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
