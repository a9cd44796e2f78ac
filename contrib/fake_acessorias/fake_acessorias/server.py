"""The sockets: raw Trio streams, because the faults worth faking happen below any framework.

What this file guarantees, and how:

* One connection's garbage, reset or bug ends that connection and nothing else: each has its own task, and the only
  place that catches ``Exception`` is around the (synchronous) decision, which then answers 500.
* Nobody holds a task for ever: an idle connection, a request that has begun to arrive and an answer that has begun to
  leave each have their ``Terms``, a cancel scope around the I/O.
* What is served is a `Service`: this file knows no API, and other fakes stand on it too.
* Decisions have no await in them, so counts and countdowns are exact however many connections ask.
* An answer leaves in one ``send_all``: head and body together, which is also what makes pages cheap.
"""

from __future__ import annotations

import datetime as dt
import ipaddress
import math
import socket
import struct
import sys
import traceback
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Final, Protocol

import trio

from fake_acessorias.messages import BRASILIA, Answer, Request, html_answer
from fake_acessorias.wire import Arrived, Malformed, Pending, Wire

if TYPE_CHECKING:
    from collections.abc import Callable

    from fake_acessorias.ledger import Ledger

ADMIN: Final = "/_admin"
READ_BYTES: Final = 64 * 1024
PIECES: Final = 8
_ABORT: Final = struct.pack("ii", 1, 0)
_DROPPED: Final = (trio.BrokenResourceError, trio.ClosedResourceError)


class Service(Protocol):
    """What is served: functions of state and request."""

    ledger: Ledger

    def answer(self, request: Request) -> Answer:
        """Answer a request of the API and write it into the ledger."""

    def administered(self, request: Request) -> Answer:
        """Answer a request under `ADMIN`."""


@dataclass(frozen=True, slots=True)
class Terms:
    """How long a caller may take."""

    idle_s: float = 75.0
    """Between one request and the next."""
    request_s: float = 15.0
    """From the first bytes of a request to its end."""
    send_s: float = 60.0
    """For an answer to leave."""


@dataclass(slots=True)
class Peer:
    """One connection."""

    stream: trio.SocketStream
    loopback: bool
    terms: Terms
    wire: Wire = field(default_factory=Wire)


async def serve(service: Service, listeners: list[trio.SocketListener], terms: Terms = Terms()) -> None:
    """Serve until cancelled; every connection is closed when this returns."""
    started_s = trio.current_time()

    async def connected(stream: trio.SocketStream) -> None:
        async with stream:
            await _converse(service, Peer(stream, _is_loopback(stream), terms), started_s)

    await trio.serve_listeners(connected, listeners)


def _is_loopback(stream: trio.SocketStream) -> bool:
    try:
        address = ipaddress.ip_address(stream.socket.getpeername()[0])
    except (OSError, ValueError):
        return False
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return (mapped or address).is_loopback


async def _converse(service: Service, peer: Peer, started_s: float) -> None:
    """Answer request after request until either side has enough."""
    await trio.lowlevel.checkpoint()
    try:
        while (arrived := await _read(peer)) is not None:
            await _attend(service, peer, _request(arrived, peer, started_s))
            if not peer.wire.again():
                return
    except Malformed as problem:
        await _refuse(peer, problem)
    except _DROPPED:
        return


async def _attend(service: Service, peer: Peer, request: Request) -> None:
    """Answer one request; those for the admin routes are not counted."""
    if request.path == ADMIN or request.path.startswith(ADMIN + "/"):
        await _send(peer, _decided(service.administered, request))
        return
    with service.ledger.in_flight():
        await _send(peer, _decided(service.answer, request))


async def _refuse(peer: Peer, problem: Malformed) -> None:
    """Say what was wrong with a request that is none, when there is still a way to say it."""
    await trio.lowlevel.checkpoint()
    if not problem.status:
        return
    try:
        await _send(peer, html_answer(problem.status, HTTPStatus(problem.status).phrase))
    except _DROPPED:
        return


async def _read(peer: Peer) -> Arrived | None:
    """Return the next request, or None when none will come (in time). Its first bytes shorten the patience."""
    with trio.CancelScope(relative_deadline=peer.terms.idle_s) as patience:
        await trio.lowlevel.checkpoint()
        hurried = False
        while (found := peer.wire.pull()) is Pending.MORE:
            await _receive(peer)
            if not hurried:
                patience.deadline, hurried = trio.current_time() + peer.terms.request_s, True
        return found if isinstance(found, Arrived) else None
    return None


async def _receive(peer: Peer) -> None:
    if go_ahead := peer.wire.go_ahead():
        await peer.stream.send_all(go_ahead)
    peer.wire.feed(await peer.stream.receive_some(READ_BYTES))


def _request(arrived: Arrived, peer: Peer, started_s: float) -> Request:
    return Request(
        method=arrived.method,
        target=arrived.target,
        authorization=arrived.headers.get(b"authorization", b"").decode("latin-1"),
        content_type=arrived.headers.get(b"content-type", b"").decode("latin-1"),
        body=arrived.body,
        at_s=trio.current_time() - started_s,
        moment=dt.datetime.now(BRASILIA),
        loopback=peer.loopback,
    )


def _decided(decide: Callable[[Request], Answer], request: Request) -> Answer:
    try:
        return decide(request)
    except Exception:  # noqa: BLE001 - a bug in the fake must not take the other connections with it
        traceback.print_exc(file=sys.stderr)
        return html_answer(500, "Bug in the fake")


async def _send(peer: Peer, found: Answer) -> None:
    """Carry an answer out, faults included."""
    await trio.sleep(found.delay_s)
    if found.fault == "reset":
        _reset(peer)
        return
    with trio.move_on_after(peer.terms.send_s + PIECES * found.trickle_s) as patience:
        head, body = peer.wire.encode(found)
        if found.fault == "cut":
            await _send_part(peer, head, body, found.keep)
        elif found.trickle_s:
            await _send_slowly(peer, head, body, found.trickle_s)
        else:
            await peer.stream.send_all(head + body)
    if patience.cancelled_caught:
        _reset(peer)


async def _send_part(peer: Peer, head: bytes, body: bytes, share: float) -> None:
    """Send the head and a share of the body, never all of it, and close."""
    kept = min(len(body) - 1, int(len(body) * share))
    await peer.stream.send_all(head + body[: max(0, kept)])
    await peer.stream.aclose()


async def _send_slowly(peer: Peer, head: bytes, body: bytes, pause_s: float) -> None:
    await peer.stream.send_all(head)
    size = max(1, math.ceil(len(body) / PIECES))
    for start in range(0, len(body), size):
        await trio.sleep(pause_s)
        await peer.stream.send_all(body[start : start + size])


def _reset(peer: Peer) -> None:
    """Close with a reset: the peer's next read fails instead of ending."""
    peer.stream.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _ABORT)
    peer.stream.socket.close()
