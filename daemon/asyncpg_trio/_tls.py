"""TLS without I/O: bytes in, bytes out.

The socket stays with the transport, which reads and writes it without blocking; this layer only turns plain bytes into
encrypted ones and back, so a write needs no task of its own here either.
"""

from __future__ import annotations

import ssl

CHUNK_BYTES = 65536


class TLSLayer:
    """One TLS session over two memory buffers."""

    def __init__(self, context: ssl.SSLContext, server_hostname: str | None) -> None:
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self.object = context.wrap_bio(self._incoming, self._outgoing, server_hostname=server_hostname)

    def handshake(self, received: bytes = b"") -> bool:
        """Take a step of the handshake; True when it is complete. `pending()` holds what must be sent first.

        Raises:
            ssl.SSLError: when the peer or its certificate is refused.
        """
        self._incoming.write(received)
        try:
            self.object.do_handshake()
        except ssl.SSLWantReadError:
            return False
        return True

    def pending(self) -> bytes:
        """Encrypted bytes that wait to be sent."""
        return self._outgoing.read()

    def encrypt(self, data: bytes | bytearray | memoryview) -> bytes:
        """Plain bytes to encrypted ones."""
        view = memoryview(data)
        while view:
            view = view[self.object.write(view) :]
        return self._outgoing.read()

    def decrypt(self, received: bytes) -> list[bytes]:
        """Encrypted bytes to plain ones; an empty piece at the end means that the peer closed the session.

        Raises:
            ssl.SSLError: when the stream is damaged.
        """
        self._incoming.write(received)
        pieces: list[bytes] = []
        while True:
            try:
                piece = self.object.read(CHUNK_BYTES)
            except ssl.SSLWantReadError:
                return pieces
            except ssl.SSLZeroReturnError:
                piece = b""
            pieces.append(piece)
            if not piece:
                return pieces
