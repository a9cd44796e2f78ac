"""The Autobahn test suite against the feed's websocket: `make autobahn`, or `python -m feed.autobahn [CASE ...]`.

The suite's client runs on CPython 2.7 alone. Without one, or without a way to install the suite, this says so in one
line and ends well. What it talks to is what the feed's clients talk to, the wire, its meter and the websocket, with an
echo in place of a session and room for the suite's large messages. Cases 9 (throughput), 12 and 13 (compression, which
the feed does not offer) are left out.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

import trio

from drena.feed.frames import Meter
from drena.feed.websocket import Gone, receive_handshake
from drena.feed.wire import Wire

LARGEST_BYTES = 32 * 2**20
SUITE = ("virtualenv==20.15.1", "autobahntestsuite==25.10.1")
GOOD = {"OK", "NON-STRICT", "INFORMATIONAL"}


async def echo(stream: trio.SocketStream) -> None:
    """One connection, as the feed's server keeps it."""
    async with trio.open_nursery() as nursery:
        wire = Wire(stream, nursery, stuck_s=10)
        try:
            connection = await (await receive_handshake(nursery, wire)).accept("drena.v1")
            wire.limit(Meter(LARGEST_BYTES))
            while True:
                await connection.send(await connection.receive())
        except Gone:
            pass
        nursery.cancel_scope.cancel()
    wire.kill()


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
    async with trio.open_nursery() as nursery:
        listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
        await nursery.start(trio.serve_listeners, echo, listeners)
        specification = {
            "outdir": str(folder / "reports"),
            "servers": [{"agent": "drena", "url": f"ws://127.0.0.1:{listeners[0].socket.getsockname()[1]}"}],
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
