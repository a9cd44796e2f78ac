"""HTTP/1.1 without I/O: bytes in, requests out; answers in, bytes out. h11 does the protocol."""

from __future__ import annotations

import enum
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

import h11
import msgspec

if TYPE_CHECKING:
    from fake_acessorias.messages import Answer

HEAD_BYTES: Final = 64 * 1024
BODY_BYTES: Final = 16 * 1024 * 1024
_REASONS: Final = {status.value: status.phrase.encode() for status in HTTPStatus}


class Malformed(Exception):
    """What came is no request; ``status`` is what to answer, or 0 when it is too late for an answer."""

    def __init__(self, problem: h11.RemoteProtocolError, *, answerable: bool) -> None:
        super().__init__(str(problem))
        self.status = problem.error_status_hint if answerable else 0


class Arrived(msgspec.Struct, frozen=True):
    """A request read whole."""

    method: str
    target: str
    headers: dict[bytes, bytes]
    body: bytes


class Pending(enum.Enum):
    """Why there is no request (yet)."""

    MORE = "more bytes are needed"
    OVER = "the caller has closed, or asked to"


class Wire:
    """One connection's protocol state."""

    def __init__(self) -> None:
        self._h11 = h11.Connection(h11.SERVER, max_incomplete_event_size=HEAD_BYTES)
        self._head: h11.Request | None = None
        self._body = bytearray()

    def feed(self, data: bytes) -> None:
        """Take in what was received; no bytes mean that the caller closed."""
        self._h11.receive_data(data)

    def pull(self) -> Arrived | Pending:
        """Return the next whole request, or why there is none.

        Raises:
            Malformed: what came is no request.
        """
        try:
            return self._pull()
        except h11.RemoteProtocolError as problem:
            answerable = self._h11.our_state in (h11.IDLE, h11.SEND_RESPONSE)
            raise Malformed(problem, answerable=answerable) from problem

    def _pull(self) -> Arrived | Pending:
        while True:
            event = self._h11.next_event()
            if event is h11.NEED_DATA:
                return Pending.MORE
            if isinstance(event, h11.Request):
                self._head, self._body = event, bytearray()
            elif isinstance(event, h11.Data):
                self._extend(event.data)
            elif isinstance(event, h11.EndOfMessage):
                return self._arrived()
            else:
                return Pending.OVER

    def _extend(self, data: bytes) -> None:
        self._body += data
        if len(self._body) > BODY_BYTES:
            raise h11.RemoteProtocolError("body too large", error_status_hint=413)

    def _arrived(self) -> Arrived:
        head = self._head
        assert head is not None
        return Arrived(
            head.method.decode("ascii"), head.target.decode("latin-1"), dict(head.headers), bytes(self._body)
        )

    def go_ahead(self) -> bytes:
        """Return the ``100 Continue`` that the caller waits for, or nothing."""
        if not self._h11.they_are_waiting_for_100_continue:
            return b""
        return self._h11.send(h11.InformationalResponse(status_code=100, headers=[])) or b""

    def encode(self, answer: Answer) -> tuple[bytes, bytes]:
        """Return the head and the body of an answer as they go over the wire."""
        bodiless = answer.status in (204, 304)
        headers = list(answer.headers)
        if not bodiless:
            headers += [("Content-Type", answer.content_type), ("Content-Length", str(len(answer.body)))]
        reason = _REASONS.get(answer.status, b"")
        head = self._h11.send(h11.Response(status_code=answer.status, headers=headers, reason=reason)) or b""
        bodiless = bodiless or (self._head is not None and self._head.method == b"HEAD")
        body = b"" if bodiless else self._h11.send(h11.Data(data=answer.body)) or b""
        return head, body + (self._h11.send(h11.EndOfMessage()) or b"")

    def again(self) -> bool:
        """Make ready for the next request; say whether there can be one."""
        if self._h11.our_state is not h11.DONE or self._h11.their_state is not h11.DONE:
            return False
        self._h11.start_next_cycle()
        self._head = None
        return True
