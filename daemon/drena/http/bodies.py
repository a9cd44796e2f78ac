"""The end of a request's body, which an answer must not overtake unsaid.

An operation may answer before it has read the body: a refusal often does. HTTP/1.1 cannot go on behind a body that was
never read, so the server closes then; a client that is not told takes the connection for its next request, and loses
that one. Therefore the rest of a small body is read away, for a moment, and where it is large or late the answer says
`Connection: close`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import trio
from starlette.datastructures import Headers

if TYPE_CHECKING:
    from starlette.types import Message, Receive, Scope

SMALL_BYTES: Final = 64 * 1024
MOMENT_S: Final = 0.5


class Body:
    """Watches a request's messages; hand `receive` to whoever reads the request.

    Args:
        scope: of the request.
        receive: its messages.
    """

    def __init__(self, scope: Scope, receive: Receive) -> None:
        headers = Headers(scope=scope)
        length = headers.get("content-length", "0")
        self._receive = receive
        self._small = "transfer-encoding" not in headers and length.isdecimal() and int(length) <= SMALL_BYTES
        self.ended = "transfer-encoding" not in headers and length == "0"
        """All of it was read, or there is none."""

    async def receive(self) -> Message:
        """The next message."""
        message = await self._receive()
        if message["type"] == "http.disconnect" or not message.get("more_body", False):
            self.ended = True
        return message

    async def finish(self) -> bool:
        """Read away what is small and comes soon.

        Returns:
            Whether nothing is left, so that another request may follow.
        """
        if self._small:
            with trio.move_on_after(MOMENT_S):
                while not self.ended:
                    await self.receive()
        return self.ended
