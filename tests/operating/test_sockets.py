"""Sockets that systemd holds: the first connection starts Drena, and a restart under load refuses nobody."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
from collections import Counter
from contextlib import ExitStack, asynccontextmanager
from typing import TYPE_CHECKING

import pytest
import trio

from drena.systemd import inherited_sockets
from operating.notices import open_manager
from support.daemons import FAST, environment

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from pathlib import Path

LIMIT_S = 60.0
CLIENTS = 3
BACKLOG = 128
ACTIVATE = shutil.which("systemd-socket-activate")
NAMES = "drena-http:drena-feed"
AS_SYSTEMD_STARTS = """
import fcntl, os, sys
kept = [fcntl.fcntl(int(number), fcntl.F_DUPFD, 10) for number in sys.argv[1:3]]
for place, descriptor in enumerate(kept, 3):
    os.dup2(descriptor, place)
os.environ |= {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "2", "LISTEN_FDNAMES": "drena-http:drena-feed"}
os.execv(sys.executable, [sys.executable, "-m", "drena", "run"])
"""
LIVE = b"GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
UPGRADE = (
    b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\nSec-WebSocket-Protocol: drena.v1\r\n\r\n"
)


async def ask(port: int, request: bytes) -> str:
    """The status of the answer, or the name of what went wrong."""
    try:
        async with await trio.open_tcp_stream("127.0.0.1", port) as stream:
            await stream.send_all(request)
            head = bytearray()
            while b"\r\n" not in head and (chunk := await stream.receive_some()):
                head += chunk
            return head.split(b" ")[1].decode() if head else "closed without an answer"
    except (OSError, trio.BrokenResourceError) as error:
        return f"{type(error).__name__}: {error}"


@asynccontextmanager
async def launch(env: Mapping[str, str], *listening: socket.socket) -> AsyncIterator[trio.Process]:
    """Start the daemon as systemd does, with these sockets; killed on leaving, unless it has ended."""
    descriptors = [listener.fileno() for listener in listening]
    process = await trio.lowlevel.open_process(
        [sys.executable, "-c", AS_SYSTEMD_STARTS, *map(str, descriptors)],
        env=dict(env),
        pass_fds=descriptors,
        stdin=subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        with trio.move_on_after(10, shield=True):
            await process.wait()


async def test_a_restart_under_load_refuses_no_connection(database: str, tmp_path: Path) -> None:
    heard: Counter[str] = Counter()
    enough = trio.Event()

    async def keep_asking(port: int, request: bytes) -> None:
        while not enough.is_set():
            heard[f"{'feed' if request is UPGRADE else 'http'} {await ask(port, request)}"] += 1

    with trio.fail_after(LIMIT_S), ExitStack() as stack:
        web, feed = (stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=BACKLOG)) for _ in range(2))
        async with open_manager(tmp_path) as manager, trio.open_nursery() as clients:
            env = environment(database, settings=FAST) | {"NOTIFY_SOCKET": manager.address}
            async with launch(env, web, feed) as first:
                await manager.hears("READY=1")
                for _ in range(CLIENTS):
                    clients.start_soon(keep_asking, web.getsockname()[1], LIVE)
                    clients.start_soon(keep_asking, feed.getsockname()[1], UPGRADE)
                await trio.sleep(0.5)
                first.terminate()
                assert await first.wait() == 0
            before = heard.total()
            assert before > 0
            async with launch(env, web, feed) as second:
                await manager.hears("READY=1", more=2)
                await trio.sleep(0.5)
                enough.set()
                clients.cancel_scope.deadline = trio.current_time() + 10
                while heard.total() == before:  # noqa: ASYNC110  # the clients have no event for us
                    await trio.sleep(0.01)
                second.terminate()
                assert await second.wait() == 0
    assert heard["http 200"] > 0 < heard["feed 101"]
    # Who was let in just before the end may hear that it is the end; nobody meets a closed door, or silence.
    assert heard.keys() <= {"http 200", "http 503", "feed 101", "feed 503"}, heard


@pytest.mark.skipif(ACTIVATE is None, reason="systemd is not installed here")
async def test_the_first_connection_starts_it_when_systemd_listens(database: str, tmp_path: Path) -> None:
    with ExitStack() as stack:
        held = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(2)]
        web, feed = (listener.getsockname()[1] for listener in held)
    async with open_manager(tmp_path) as manager:
        env = environment(database, settings=FAST) | {"NOTIFY_SOCKET": manager.address}
        given = [f"--setenv={name}={value}" for name, value in env.items()]
        listening = [f"--listen=127.0.0.1:{port}" for port in (web, feed)]
        command = [str(ACTIVATE), *listening, f"--fdname={NAMES}", *given, sys.executable, "-m", "drena", "run"]
        with trio.fail_after(LIMIT_S):
            process = await trio.lowlevel.open_process(command, env=env)
            try:
                while "failed" in (answer := await ask(web, LIVE)):  # noqa: ASYNC110  # it says nothing when it listens
                    await trio.sleep(0.02)
                assert answer == "200"
                assert await ask(feed, UPGRADE) == "101"
                await manager.hears("READY=1")
                process.terminate()
                assert await process.wait() == 0
                await manager.hears("STOPPING=1")
            finally:
                process.kill()
                with trio.move_on_after(10, shield=True):
                    await process.wait()


def test_inherited_sockets_go_by_their_names_and_to_no_child() -> None:
    """In a process of its own: the descriptors begin at 3, which are taken here."""
    told = subprocess.run(
        [sys.executable, "-c", CHILD],
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stdout.split() == ["drena-http=1", "unknown=1", "inheritable=False", "again={}", "left=[]"]


CHILD = """
import os, socket
from drena.systemd import inherited_sockets
one, two = socket.create_server(("127.0.0.1", 0)), socket.create_server(("127.0.0.1", 0))
a, b = os.dup(one.fileno()), os.dup(two.fileno())
os.dup2(a, 3), os.dup2(b, 4)
os.environ |= {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "2", "LISTEN_FDNAMES": "drena-http"}
found = inherited_sockets()
for name, sockets in found.items():
    print(f"{name}={len(sockets)}")
print(f"inheritable={any(each.get_inheritable() for sockets in found.values() for each in sockets)}")
print(f"again={inherited_sockets()}", f"left={[name for name in os.environ if name.startswith('LISTEN_')]}")
"""


def test_nothing_is_inherited_where_no_systemd_is() -> None:
    assert inherited_sockets({}) == {}
