"""Drena's sending path alone: deltas of 200 bytes published to outboxes, as the hub does it."""

from __future__ import annotations

import resource
import sys
from uuid import UUID

import trio

from drena.feed.channel import Delta
from drena.feed.errands import Errands
from drena.feed.frames import text_frame
from drena.feed.outbox import Outbox
from drena.feed.websocket import Handshake, Served
from drena.feed.wire import Wire

BREATH = 128
TENANT = UUID(int=1)


class Nobody:
    """The owner of the outboxes: all clients are quick."""

    def start_again(self, _tenant: UUID) -> None:
        raise AssertionError("a client was too slow")

    def fail(self) -> None:
        raise AssertionError("a client was lost")


async def main() -> None:
    outboxes: list[Outbox] = []
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)

    async def serve(stream: trio.SocketStream) -> None:
        wire = Wire(stream, Errands(nursery, print).start_soon, stuck_s=10)

        async def greet(_served: Served, handshake: Handshake) -> None:
            await handshake.accept("drena.v1")
            outboxes.append(Outbox(wire, Nobody()))

        await Served(wire, greet).run()

    listeners = await trio.open_tcp_listeners(0, host="127.0.0.1", backlog=1000)
    print(listeners[0].socket.getsockname()[1], flush=True)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.serve_listeners, serve, listeners)
        line = await trio.to_thread.run_sync(sys.stdin.readline)
        count, interval_s = int(line.split()[0]), float(line.split()[1])
        for n in range(count):
            delta = Delta(TENANT, TENANT, n, n, {"k": b""})
            head = len(delta.payload)
            delta = Delta(TENANT, TENANT, n, n, {"k": b"x" * (200 - head)})
            assert len(delta.frame) == 204
            # As fast as possible, but nothing merged; the wires have no common event.
            while not all(outbox.wire.free for outbox in outboxes):  # noqa: ASYNC110
                await trio.lowlevel.checkpoint()
            for start in range(0, len(outboxes), BREATH):
                if start:
                    await trio.lowlevel.checkpoint()
                for outbox in outboxes[start : start + BREATH]:
                    outbox.publish(delta)
            await trio.sleep(interval_s)
        await trio.sleep_forever()


assert len(text_frame(b"x" * 200)) == 204
trio.run(main)
