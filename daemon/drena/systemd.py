"""The daemon's side of systemd: what it tells the service manager, and the sockets it inherits. Nothing waits here.

The protocols are small and stable: a datagram of `NAME=value` lines to `$NOTIFY_SOCKET` (sd_notify(3)), and open
sockets from descriptor 3 on, named in `$LISTEN_FDNAMES` (sd_listen_fds(3)). Where no systemd is, all of it does
nothing.

What is said, and when:

    READY=1          everything serves and jobs are being claimed; again after a reload
    RELOADING=1      SIGHUP was heard
    STOPPING=1       SIGTERM was heard: nothing new is claimed
    STATUS=          one line for `systemctl status`
    WATCHDOG=1       see `drena.engine.sign_of_life`
"""

from __future__ import annotations

import os
import socket
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, MutableMapping

FIRST_INHERITED: Final = 3
UNNAMED: Final = "unknown"
"""What systemd calls a socket without a name."""


def notify(*states: str, environ: Mapping[str, str] = os.environ) -> bool:
    """Tell the service manager.

    A manager that is gone or does not read is no error: the daemon goes on without it.

    Args:
        states: lines such as `READY=1`; a line break within one becomes a space.
        environ: `NOTIFY_SOCKET` names the socket: a path, or with a leading `@` an abstract name.

    Returns:
        Whether it was told.
    """
    address = environ.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return False
    if address.startswith("@"):
        address = "\0" + address[1:]
    message = "\n".join(state.replace("\n", " ") for state in states)
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as manager:
        manager.setblocking(False)  # its reader must never hold up the event loop
        manager.sendto(message.encode(errors="replace"), address)
        return True
    return False


def reloading() -> tuple[str, str]:
    """The states that begin a reload; `READY=1` ends it."""
    return "RELOADING=1", f"MONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}"


def watchdog_s(environ: Mapping[str, str] = os.environ) -> float | None:
    """After how many seconds without `WATCHDOG=1` the manager ends this process; None when it does not watch."""
    if environ.get("WATCHDOG_PID") not in (None, "", str(os.getpid())):
        return None
    try:
        limit_us = int(environ.get("WATCHDOG_USEC", ""))
    except ValueError:
        return None
    return limit_us / 1e6 if limit_us > 0 else None


def inherited_sockets(environ: MutableMapping[str, str] = os.environ) -> dict[str, list[socket.socket]]:
    """The listening sockets that systemd opened for this process, by the name of their unit's `FileDescriptorName=`.

    The caller owns them. They stay with this process: descriptors and variables are kept from its children, so that a
    second call finds nothing.

    Args:
        environ: `LISTEN_PID`, `LISTEN_FDS` and `LISTEN_FDNAMES`, which are removed.
    """
    pid, count, names = (environ.pop(name, "") for name in ("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"))
    if pid != str(os.getpid()) or not count.isdecimal():
        return {}
    named = names.split(":") if names else []
    found: dict[str, list[socket.socket]] = {}
    for place in range(int(count)):
        descriptor = FIRST_INHERITED + place
        try:
            opened = socket.socket(fileno=descriptor)
        except OSError:  # a descriptor that is no socket is none of ours
            continue
        opened.set_inheritable(False)
        opened.setblocking(False)
        found.setdefault(named[place] if place < len(named) else UNNAMED, []).append(opened)
    return found
