"""Websocket frames as bytes (RFC 6455). Pure.

Outwards: a text frame, made once and sent to many. Inwards: a meter that walks over the headers of what a client sends,
before the websocket library sees it, because the library counts characters instead of bytes, does not count empty
fragments at all, and keeps the socket of a client that sends too much.
"""

from __future__ import annotations

from typing import Final

TEXT: Final = 0x81
CLOSE: Final = 0x88
CONTINUATION: Final = 0
LARGEST_CONTROL: Final = 125
FRAGMENTS_LIMIT: Final = 256


def text_frame(payload: bytes) -> bytes:
    """A whole text message in one frame, as a server sends it: unmasked."""
    return _header(TEXT, len(payload)) + payload


def close_frame(code: int, reason: str = "") -> bytes:
    """A close frame of a server; the reason is cut to what fits."""
    body = code.to_bytes(2, "big") + reason.encode()[: LARGEST_CONTROL - 2].decode(errors="ignore").encode()
    return _header(CLOSE, len(body)) + body


def _header(first: int, size: int) -> bytes:
    if size < 126:
        return bytes((first, size))
    if size < 65536:
        return bytes((first, 126)) + size.to_bytes(2, "big")
    return bytes((first, 127)) + size.to_bytes(8, "big")


class TooMuchError(Exception):
    """A client sends more than it may."""


class Meter:
    """Walks over what a client sends after the handshake; holds no payload.

    Args:
        message_bytes: of one message, all fragments together.
    """

    __slots__ = ("_fragments", "_header", "_left", "_message", "_message_bytes", "controls")

    def __init__(self, message_bytes: int) -> None:
        self._message_bytes = message_bytes
        self._header = b""
        self._left = 0
        self._message = 0
        self._fragments = 0
        self.controls = 0
        """Control frames since somebody last set it to 0."""

    def feed(self, data: bytes | bytearray) -> None:
        """Look at the next bytes.

        Raises:
            TooMuchError: a message is too long, or in too many pieces.
        """
        place, end = 0, len(data)
        while place < end:
            if self._left:
                step = min(self._left, end - place)
                self._left -= step
                place += step
                continue
            # A header is 2 to 14 bytes: gather what there is, then see whether it is whole.
            start = len(self._header)
            header = self._header + bytes(data[place : place + 14 - start])
            size = _size_of_header(header)
            if size is None:
                self._header = header
                return
            place += size - start
            self._header = b""
            self._count(header)

    def _count(self, header: bytes) -> None:
        opcode, final, length = header[0] & 0x0F, header[0] & 0x80, header[1] & 0x7F
        if length == 126:
            length = int.from_bytes(header[2:4], "big")
        elif length == 127:
            length = int.from_bytes(header[2:10], "big")
        self._left = length
        if opcode >= 8:
            self.controls += 1
            return
        if opcode != CONTINUATION:
            self._message = self._fragments = 0
        self._message += length
        self._fragments += 1
        if self._message > self._message_bytes:
            raise TooMuchError(f"a message may have {self._message_bytes} bytes")
        if self._fragments > FRAGMENTS_LIMIT:
            raise TooMuchError(f"a message may have {FRAGMENTS_LIMIT} fragments")
        if final:
            self._message = self._fragments = 0


def _size_of_header(header: bytes) -> int | None:
    """How long the header that begins here is; None when not enough of it is there."""
    if len(header) < 2:
        return None
    length = header[1] & 0x7F
    size = 2 + (2 if length == 126 else 8 if length == 127 else 0) + (4 if header[1] & 0x80 else 0)
    return size if len(header) >= size else None
