"""Recording a real conversation once, so that tests can have it again without the network."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import httpx2

from drena.redaction import Redactor
from drena.testing.tape import Exchange, write_tape

__all__ = ["Recording"]

KEPT_HEADERS: Final = ("content-type", "link", "retry-after")


class Recording(httpx2.AsyncBaseTransport):
    """Passes requests on to the network and keeps what was said, for `Conversation.replay`.

        recording = Recording(secrets=[token])
        await check_once(provider, secrets={"token": token}, transport=recording)
        recording.save("conversation.json")

    Args:
        secrets: taken out of paths, queries and bodies, in every spelling the daemon's own redaction knows. Headers of
            requests are not kept; of answers only those that matter to a provider. Read the file before you commit it:
            personal data is not recognised.
        inner: what sends the requests; the network by default.
    """

    def __init__(self, *, secrets: Iterable[str] = (), inner: httpx2.AsyncBaseTransport | None = None) -> None:
        self._inner = inner or httpx2.AsyncHTTPTransport(trust_env=False)
        self._redactor = Redactor(secrets)
        self.exchanges: list[Exchange] = []
        """What was said so far."""

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Pass a request on and keep its answer, read whole and decompressed."""
        response = await self._inner.handle_async_request(request)
        try:
            content = await response.aread()
        finally:
            await response.aclose()
        kept = {name: response.headers[name] for name in KEPT_HEADERS if name in response.headers}
        self.exchanges.append(self._exchange(request, response.status_code, kept, content))
        return httpx2.Response(response.status_code, headers=kept, content=content)

    def save(self, file: Path | str) -> None:
        """Write what was said to a file, in place of what it held."""
        write_tape(Path(file), self.exchanges)

    async def aclose(self) -> None:
        await self._inner.aclose()

    def _exchange(self, request: httpx2.Request, status: int, headers: dict[str, str], content: bytes) -> Exchange:
        clean = self._redactor.text
        try:
            encoding, body = "text", clean(content.decode())
        except UnicodeDecodeError:  # an export, a picture: no net for secrets reaches inside
            encoding, body = "base64", base64.b64encode(content).decode()
        return Exchange(
            method=request.method,
            path=clean(request.url.path),
            query={name: self._redactor.value({name: value})[name] for name, value in request.url.params.items()},
            status=status,
            headers={name: clean(value) for name, value in headers.items()},
            encoding="text" if encoding == "text" else "base64",
            body=body,
        )
