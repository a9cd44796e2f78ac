"""Opening what clients connect to: TCP ports, Unix sockets, sockets inherited from systemd, TLS over any of them.

An address is `127.0.0.1:8764`, `localhost:8764`, `[::1]:8764`, `:8764` (every interface), `unix:/run/drena/http.sock`,
or nothing (`""`; `"off"` where the environment cannot say nothing). Everything that can go wrong here is the
operator's to put right, so it ends as one sentence that names the address.
"""

from __future__ import annotations

import ipaddress
import os
import socket
import ssl
import stat
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import trio

from drena.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

BACKLOG: Final = 1024
UNIX_MODE: Final = 0o660
"""Owner and group: whoever stands in front of the daemon joins its group."""
OFF: Final = ("", "off")
LOOPBACK_NAMES: Final = ("localhost", "localhost.localdomain", "ip6-localhost")


@dataclass(frozen=True, slots=True)
class Address:
    """Where to listen: a TCP host and port, or the path of a Unix socket."""

    host: str | None = None
    """None is every interface."""
    port: int = 0
    """0 lets the system choose."""
    path: Path | None = None

    @property
    def is_loopback(self) -> bool:
        """Whether nobody outside this machine can reach it, as far as the address tells."""
        if self.path is not None:
            return True
        if self.host is None:
            return False
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host.lower() in LOOPBACK_NAMES

    def __str__(self) -> str:
        if self.path is not None:
            return f"unix:{self.path}"
        host = f"[{self.host}]" if self.host and ":" in self.host else self.host or ""
        return f"{host}:{self.port}"


def parse_address(text: str) -> Address | None:
    """Read an address; None means: do not listen.

    Raises:
        ConfigError: it is none.
    """
    if text.strip() in OFF:
        return None
    if text.startswith("unix:"):
        path = text.removeprefix("unix:")
        if path.startswith("/") and "\0" not in path:
            return Address(path=Path(path))
        raise ConfigError(f"`{text}` is no address: a Unix socket needs a whole path, as in unix:/run/drena/http.sock.")
    host, colon, port = text.rpartition(":")
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    known = colon and port.isascii() and port.isdecimal() and int(port) <= 65535
    if not known or (":" in bare and bare == host) or any(c.isspace() for c in bare):
        raise ConfigError(f"`{text}` is no address: write host:port, :port, [::1]:port or unix:/path.")
    return Address(host=bare or None, port=int(port))


async def open_listeners(address: str, inherited: Sequence[socket.socket] = ()) -> list[trio.SocketListener]:
    """Open what an address names. Sockets inherited from systemd take its place: they are listening already.

    A port of 0 is opened once, on the first address of its host. The caller closes what is returned; a Unix socket's
    file stays behind and is replaced by the next start.

    Returns:
        The listeners; none when the address says so and nothing was inherited.

    Raises:
        ConfigError: the address is none, is taken, or may not be opened.
    """
    if inherited:
        return [_adopt(sock) for sock in inherited]
    place = parse_address(address)
    if place is None:
        return []
    try:
        if place.path is not None:
            return [await _open_unix(place.path)]
        listeners = await trio.open_tcp_listeners(place.port, host=place.host, backlog=BACKLOG)
    except OSError as error:  # socket.gaierror is one
        reason = os.strerror(error.errno).lower() if error.errno and error.errno > 0 else error.strerror or str(error)
        raise ConfigError(f"Cannot listen on {place}: {reason}. Set another address, or end what holds it.") from error
    if place.port == 0:
        while len(listeners) > 1:
            await listeners.pop().aclose()
    return listeners


def bound_address(listener: trio.SocketListener) -> str:
    """Where a listener listens, as an address that `open_listeners` takes: with the port the system chose."""
    name = listener.socket.getsockname()
    if listener.socket.family == socket.AF_UNIX:
        return f"unix:{os.fsdecode(name)}"
    host, port = name[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def is_loopback(listener: trio.SocketListener) -> bool:
    """Whether only this machine can reach a listener."""
    name = listener.socket.getsockname()
    return listener.socket.family == socket.AF_UNIX or _is_loopback_ip(name[0])


def peer_address(stream: trio.abc.Stream) -> str:
    """The IP address of a connection's other side, TLS or not; empty for a Unix socket and for one that is gone."""
    while isinstance(stream, trio.SSLStream):
        stream = stream.transport_stream
    if isinstance(stream, trio.SocketStream) and stream.socket.family != socket.AF_UNIX:
        with suppress(OSError):
            return str(stream.socket.getpeername()[0])
    return ""


def add_tls(
    listeners: Sequence[trio.SocketListener], certificate: Path, key: Path
) -> list[trio.SSLListener[trio.SocketStream]]:
    """Put TLS over listeners.

    Args:
        listeners: they belong to what is returned from now on.
        certificate: a PEM file, the server's certificate first, then those between it and its root.
        key: a PEM file without a password.

    Raises:
        ConfigError: a file cannot be read or is not what it should be.
    """
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    try:
        context.load_cert_chain(certificate, key, password=_no_password)
    except ssl.SSLError as error:
        reason = (error.reason or "not in PEM form").replace("_", " ").lower()
        raise ConfigError(f"The certificate {certificate} and the key {key} do not serve: {reason}.") from None
    except OSError as error:
        reason = error.strerror.lower() if error.strerror else str(error)
        raise ConfigError(f"The certificate {certificate} or the key {key} cannot be read: {reason}.") from error
    return [trio.SSLListener(listener, context, https_compatible=True) for listener in listeners]


def _no_password() -> str:
    """Asked for the password of a protected key; OpenSSL would ask the terminal otherwise."""
    return ""


def _adopt(sock: socket.socket) -> trio.SocketListener:
    try:
        return trio.SocketListener(trio.socket.from_stdlib_socket(sock))
    except (ValueError, OSError) as error:
        raise ConfigError("An inherited socket is not listening: check ListenStream= in its .socket unit.") from error


async def _open_unix(path: Path) -> trio.SocketListener:
    """Bind a Unix socket. A file left behind by a process that is gone is replaced; one that answers is not."""
    await trio.to_thread.run_sync(_remove_stale, path)
    sock = trio.socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        await sock.bind(os.fspath(path))
        os.chmod(path, UNIX_MODE)  # noqa: PTH101  # nobody can connect before listen()
        sock.listen(BACKLOG)
    except BaseException:
        sock.close()
        raise
    return trio.SocketListener(sock)


def _remove_stale(path: Path) -> None:
    try:
        if not stat.S_ISSOCK(path.lstat().st_mode):
            return  # somebody's file: bind will say so
    except FileNotFoundError:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1)
        try:
            probe.connect(os.fspath(path))
        except ConnectionRefusedError:
            path.unlink(missing_ok=True)
        except TimeoutError:
            return  # alive and busy: bind will say so


def _is_loopback_ip(text: str) -> bool:
    try:
        return ipaddress.ip_address(text.partition("%")[0]).is_loopback
    except ValueError:
        return False
