"""A webhook's server on a loopback socket, with every fault on demand."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import trio

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@dataclass
class Post:
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def event(self) -> str:
        return str(self.json["event"])


@dataclass
class Receiver:
    """What came, and what is answered: statuses, `reset`, `hang`, `mute` (takes it, closes without an answer)."""

    port: int
    posts: list[Post] = field(default_factory=list)
    faults: list[int | str] = field(default_factory=list)
    """One a post; beyond them 204."""
    news: trio.Event = field(default_factory=trio.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hooks/a-long-token-in-the-path"

    async def expect(self, number: int, limit_s: float = 20) -> list[Post]:
        with trio.fail_after(limit_s):
            while len(self.posts) < number:
                self.news = trio.Event()
                await self.news.wait()
        return self.posts

    async def serve(self, stream: trio.SocketStream) -> None:
        data = b""
        while b"\r\n\r\n" not in data:
            more = await stream.receive_some()
            if not more:
                return
            data += more
        head, _, body = data.partition(b"\r\n\r\n")
        lines = head.decode().split("\r\n")[1:]
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        while len(body) < int(headers.get("content-length", "0")):
            body += await stream.receive_some()
        self.posts.append(Post(headers, body))
        fault = self.faults.pop(0) if self.faults else 204
        self.news.set()
        if fault == "hang":
            await trio.sleep_forever()
        if fault == "reset":
            stream.setsockopt(1, 13, b"\x01\x00\x00\x00\x00\x00\x00\x00")  # SO_LINGER 0: close is a reset
        if isinstance(fault, int):
            more = "Location: /elsewhere\r\n" if fault == 302 else "Retry-After: 1\r\n" if fault == 429 else ""
            answer = f"HTTP/1.1 {fault} Said\r\n{more}Content-Length: 0\r\nConnection: close\r\n\r\n"
            await stream.send_all(answer.encode())
        await stream.aclose()


@asynccontextmanager
async def open_receiver() -> AsyncIterator[Receiver]:
    async with trio.open_nursery() as nursery:
        (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
        receiver = Receiver(listener.socket.getsockname()[1])

        async def serve(stream: trio.SocketStream) -> None:
            with suppress(trio.BrokenResourceError, trio.ClosedResourceError):
                await receiver.serve(stream)

        await nursery.start(trio.serve_listeners, serve, [listener])
        yield receiver
        nursery.cancel_scope.cancel()
