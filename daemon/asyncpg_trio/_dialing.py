"""Opening sockets: Trio dials, and hands over a plain non-blocking socket.

TCP is dialled with happy eyeballs over all addresses of a name. Keepalive is on, so that a peer which vanished without
a word is noticed within about a minute even by a connection that only listens.
"""

from __future__ import annotations

import socket

import trio

KEEPALIVE = {"TCP_KEEPIDLE": 30, "TCP_KEEPINTVL": 10, "TCP_KEEPCNT": 3}


async def dial_unix(path: str) -> socket.socket:
    """Connect to a Unix socket; OSError as the kernel gives it."""
    sock = trio.socket.socket(trio.socket.AF_UNIX, trio.socket.SOCK_STREAM)
    with sock:
        await sock.connect(path)
        return _taken_over(sock)


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
