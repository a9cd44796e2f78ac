"""Opening sockets: Trio dials, and hands over a plain non-blocking socket.

TCP is dialled with happy eyeballs over all addresses of a name. Keepalive is on, so that a peer which vanished without
a word is noticed within about a minute even by a connection that only listens.
"""

from __future__ import annotations

import itertools
import socket

import trio

BACKLOG_PAUSES_S = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05)
KEEPALIVE = {"TCP_KEEPIDLE": 30, "TCP_KEEPINTVL": 10, "TCP_KEEPCNT": 3}


async def dial_unix(path: str) -> socket.socket:
    """Connect to a Unix socket; OSError as the kernel gives it.

    Connecting to a Unix socket succeeds or fails at once, except that a full backlog says EAGAIN: not "in progress", as
    with TCP, and with nothing to wait for. So it is tried again, a little later each time.
    """
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        for pause_s in itertools.chain(BACKLOG_PAUSES_S, itertools.repeat(BACKLOG_PAUSES_S[-1])):
            try:
                sock.connect(path)
            except BlockingIOError:
                await trio.sleep(pause_s)
            else:
                await trio.lowlevel.checkpoint()
                return sock
    except BaseException:
        sock.close()
        raise
    raise AssertionError("unreachable")


async def dial_tcp(host: str, port: int) -> socket.socket:
    """Connect by TCP.

    Raises:
        OSError: of the most telling class (ConnectionRefusedError, socket.gaierror, ...), naming host and port.
    """
    try:
        stream = await trio.open_tcp_stream(host, int(port))
    except socket.gaierror as error:
        raise socket.gaierror(error.errno, f"{error.strerror}: {host}") from error
    except OSError as error:
        raise _most_telling(error) from error
    with stream.socket as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in KEEPALIVE.items():
            if hasattr(socket, name):
                sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
        return _taken_over(sock)


def _most_telling(error: OSError) -> OSError:
    """Trio reports one OSError over a group of attempts; when they failed alike, say what they say."""
    attempts = [each for each in getattr(error.__cause__, "exceptions", ()) if isinstance(each, OSError)]
    if attempts and len({(type(each), each.errno) for each in attempts}) == 1:
        return type(attempts[0])(attempts[0].errno, f"{attempts[0].strerror}: {error}")
    return error


def _taken_over(sock: trio.socket.SocketType) -> socket.socket:
    plain = socket.socket(fileno=sock.detach())
    plain.setblocking(False)
    return plain
