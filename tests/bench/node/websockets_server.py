"""The `websockets` library's broadcast: 200 bytes, to all who are connected."""

from __future__ import annotations

import asyncio
import resource
import sys
import time

from websockets.asyncio.server import broadcast, serve


async def main() -> None:
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    connections = set()

    async def handle(connection):
        connections.add(connection)
        await connection.wait_closed()

    async with serve(handle, "127.0.0.1", 0, compression=None, ping_interval=None, backlog=1000) as server:
        print(server.sockets[0].getsockname()[1], flush=True)
        loop = asyncio.get_running_loop()
        line = await loop.run_in_executor(None, sys.stdin.readline)
        count, interval_s = int(line.split()[0]), float(line.split()[1])
        began_s = time.monotonic()
        for n in range(count):
            message = f'{{"at": {time.time():.6f}, "x": "'
            message += "x" * (198 - len(message)) + '"}'
            while not interval_s and any(c.transport.get_write_buffer_size() > 65536 for c in connections):  # noqa: ASYNC110
                await asyncio.sleep(0)  # as fast as possible, but nothing buffered without end
            broadcast(connections, message)
            await asyncio.sleep(began_s + (n + 1) * interval_s - time.monotonic())
        await asyncio.get_running_loop().create_future()


asyncio.run(main())
