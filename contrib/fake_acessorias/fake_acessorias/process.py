"""The life of the process: listen, say so, serve, and end at once on a signal or with the parent.

The parent's end shows in two ways. A pipe or socket on stdin ends with it, whichever thread of the parent started us.
Without one, the kernel is asked for a SIGTERM; it sends that when the parent's *thread* ends, which is why the pipe is
preferred.
"""

from __future__ import annotations

import ctypes
import errno
import os
import signal
import stat
from typing import TYPE_CHECKING, Final

import msgspec
import trio

from fake_acessorias.server import serve

if TYPE_CHECKING:
    from fake_acessorias.server import Service

STDIN: Final = 0
_PR_SET_PDEATHSIG: Final = 1


async def run(service: Service, host: str, port: int, *, with_parent: bool) -> None:
    """Listen, print one line of JSON (``url``, ``pid``) on stdout, and serve until stopped.

    Raises:
        OSError: cannot listen there; the text says so in one sentence.
    """
    listeners = await _listen(host, port)
    if with_parent and not _is_stream(STDIN) and _parent_is_gone():
        return
    with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(serve, service, listeners, name="serve")
            if with_parent and _is_stream(STDIN):
                nursery.start_soon(_watch_stdin, nursery.cancel_scope, name="watch the parent")
            _announce(listeners[0], host)
            async for _ in signals:
                break
            nursery.cancel_scope.cancel()


async def _listen(host: str, port: int) -> list[trio.SocketListener]:
    try:
        return list(await trio.open_tcp_listeners(port, host=host))
    except OSError as problem:
        reason = "the port is in use" if problem.errno == errno.EADDRINUSE else str(problem.strerror or problem)
        raise OSError(f"cannot listen on {host} port {port}: {reason}") from problem


def _announce(listener: trio.SocketListener, host: str) -> None:
    port = listener.socket.getsockname()[1]
    shown = f"[{host}]" if ":" in host else host
    line = msgspec.json.encode({"url": f"http://{shown}:{port}", "pid": os.getpid()})
    print(line.decode(), flush=True)


def _parent_is_gone() -> bool:
    """Ask the kernel for a SIGTERM when the parent ends; say whether it ended before."""
    parent = os.getppid()
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    return os.getppid() != parent


async def _watch_stdin(everything: trio.CancelScope) -> None:
    """Cancel everything when stdin ends: the other end was the parent's."""
    async with trio.lowlevel.FdStream(os.dup(STDIN)) as stdin:
        async for _ in stdin:
            pass
    everything.cancel()


def _is_stream(fd: int) -> bool:
    try:
        mode = os.fstat(fd).st_mode
    except OSError:  # closed
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)
