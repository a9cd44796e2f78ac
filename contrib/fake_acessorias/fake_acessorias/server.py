"""The sockets: h11 over raw Trio streams, because the faults worth faking happen below any framework.

What this file guarantees, and how:

* One connection's garbage, reset or bug ends that connection and nothing else: each has its own task, and the only
  place that catches ``Exception`` is around the (synchronous) decision, which then answers 500.
* Nobody holds a task for ever: a connection may be idle ``IDLE_S``, a request that has begun has ``REQUEST_S`` to
  arrive, an answer has ``SEND_S`` to leave; each is a cancel scope around the I/O.
* Decisions are synchronous and have no await in them, so counts and countdowns are exact however many connections ask.
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
from typing import TYPE_CHECKING, Final

import h11
import trio

from fake_acessorias.admin import administered
from fake_acessorias.gate import answer
from fake_acessorias.messages import BRASILIA, Answer, Request, html_answer

if TYPE_CHECKING:
    from fake_acessorias.source import Source

IDLE_S: Final = 75.0
REQUEST_S: Final = 15.0
SEND_S: Final = 60.0
HEAD_BYTES: Final = 64 * 1024
BODY_BYTES: Final = 16 * 1024 * 1024
READ_BYTES: Final = 64 * 1024
PIECES: Final = 8
_ABORT: Final = struct.pack("ii", 1, 0)
_REASONS: Final = {status.value: status.phrase.encode() for status in HTTPStatus}
_DROPPED: Final = (trio.BrokenResourceError, trio.ClosedResourceError, h11.RemoteProtocolError)


@dataclass(slots=True)
class Peer:
    """One connection and where its bytes are in the protocol."""

    stream: trio.SocketStream
    loopback: bool
    head_only: bool = False
    """Whether the request being answered is a HEAD, whose answer has no body."""
    wire: h11.Connection = field(
        default_factory=lambda: h11.Connection(h11.SERVER, max_incomplete_event_size=HEAD_BYTES)
    )


async def serve(source: Source, listeners: list[trio.SocketListener]) -> None:
    """Serve until cancelled; every connection is closed when this returns."""
    started_s = trio.current_time()

    async def connected(stream: trio.SocketStream) -> None:
        async with stream:
            await _converse(source, Peer(stream, _is_loopback(stream)), started_s)

    await trio.serve_listeners(connected, listeners)


def _is_loopback(stream: trio.SocketStream) -> bool:
    try:
        address = ipaddress.ip_address(stream.socket.getpeername()[0])
    except (OSError, ValueError):
        return False
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return (mapped or address).is_loopback


async def _converse(source: Source, peer: Peer, started_s: float) -> None:
    """Answer request after request until either side has enough."""
    try:
        while True:
            request = await _read(peer, started_s)
            if request is None:
                return
            source.ledger.enter()
            try:
                await _send(peer, _decided(source, request))
            finally:
                source.ledger.leave()
            if peer.wire.our_state is not h11.DONE or peer.wire.their_state is not h11.DONE:
                return
            peer.wire.start_next_cycle()
    except h11.RemoteProtocolError as problem:
        await _refuse(peer, problem)
    except _DROPPED:
        return


async def _refuse(peer: Peer, problem: h11.RemoteProtocolError) -> None:
    """Say what was wrong with a request that is none, when there is still a way to say it."""
    if peer.wire.our_state not in (h11.IDLE, h11.SEND_RESPONSE):
        return
    status = problem.error_status_hint
    try:
        await _send(peer, html_answer(status, HTTPStatus(status).phrase))
    except _DROPPED:
        return


async def _read(peer: Peer, started_s: float) -> Request | None:
    """Return the next request, or None when none will come (in time)."""
    found: Request | None = None
    with trio.move_on_after(IDLE_S) as patience:
        found = await _assembled(peer, patience, started_s)
    return found


async def _assembled(peer: Peer, patience: trio.CancelScope, started_s: float) -> Request | None:
    """Put the next request together; its first bytes shorten the patience for the rest."""
    head: h11.Request | None = None
    body = bytearray()
    while True:
        event = peer.wire.next_event()
        if event is h11.NEED_DATA:
            await _receive(peer)
            patience.deadline = min(patience.deadline, trio.current_time() + REQUEST_S)
        elif isinstance(event, h11.Request):
            head = event
            peer.head_only = event.method == b"HEAD"
        elif isinstance(event, h11.Data):
            body += event.data
            if len(body) > BODY_BYTES:
                raise h11.RemoteProtocolError("body too large", error_status_hint=413)
        elif isinstance(event, h11.EndOfMessage):
            assert head is not None
            return _request(head, bytes(body), peer, started_s)
        else:  # ConnectionClosed, PAUSED
            return None


async def _receive(peer: Peer) -> None:
    if peer.wire.they_are_waiting_for_100_continue:
        go_ahead = peer.wire.send(h11.InformationalResponse(status_code=100, headers=[]))
        await peer.stream.send_all(go_ahead or b"")
    peer.wire.receive_data(await peer.stream.receive_some(READ_BYTES))


def _request(head: h11.Request, body: bytes, peer: Peer, started_s: float) -> Request:
    headers = dict(head.headers)
    return Request(
        method=head.method.decode("ascii"),
        target=head.target.decode("latin-1"),
        authorization=headers.get(b"authorization", b"").decode("latin-1"),
        content_type=headers.get(b"content-type", b"").decode("latin-1"),
        body=body,
        at_s=trio.current_time() - started_s,
        moment=dt.datetime.now(BRASILIA),
        loopback=peer.loopback,
    )


def _decided(source: Source, request: Request) -> Answer:
    try:
        decide = administered if request.path.startswith("/_admin") else answer
        return decide(source, request)
    except Exception:  # noqa: BLE001 - a bug in the fake must not take the other connections with it
        traceback.print_exc(file=sys.stderr)
        return html_answer(500, "Bug in the fake")


async def _send(peer: Peer, found: Answer) -> None:
    """Carry an answer out, faults included."""
    if found.delay_s:
        await trio.sleep(found.delay_s)
    if found.fault == "reset":
        _reset(peer)
        return
    with trio.move_on_after(SEND_S + PIECES * found.trickle_s) as patience:
        head, body = _encoded(peer, found)
        if found.fault == "cut":
            await _send_part(peer, head, body, found.keep)
        elif found.trickle_s:
            await _send_slowly(peer, head, body, found.trickle_s)
        else:
            await peer.stream.send_all(head + body)
    if patience.cancelled_caught:
        _reset(peer)


def _encoded(peer: Peer, found: Answer) -> tuple[bytes, bytes]:
    """Return head and body as they go over the wire."""
    wire, bodiless = peer.wire, found.status in (204, 304)
    headers = list(found.headers)
    if not bodiless:
        headers += [("Content-Type", found.content_type), ("Content-Length", str(len(found.body)))]
    head = wire.send(h11.Response(status_code=found.status, headers=headers, reason=_REASONS.get(found.status, b"")))
    body = b"" if bodiless or peer.head_only else wire.send(h11.Data(data=found.body))
    return head or b"", (body or b"") + (wire.send(h11.EndOfMessage()) or b"")


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
