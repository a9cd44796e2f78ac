"""aiohttp: 200 bytes, to all who are connected, one frame after the other, since it has no broadcast."""

from __future__ import annotations

import asyncio
import resource
import sys
import time

from aiohttp import web


async def main() -> None:
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    sockets: list[web.WebSocketResponse] = []

    async def handle(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(compress=False)
        await socket.prepare(request)
        sockets.append(socket)
        await socket.receive()
        return socket

    application = web.Application()
    application.router.add_get("/", handle)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, backlog=1000)
    await site.start()
    print(runner.addresses[0][1], flush=True)
    line = await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)
    count, interval_s = int(line.split()[0]), float(line.split()[1])
    began_s = time.monotonic()
    for n in range(count):
        message = f'{{"at": {time.time():.6f}, "x": "'
        message += "x" * (198 - len(message)) + '"}'
        for socket in sockets:
            await socket.send_str(message)  # waits for the one that is slow, and all others with it
        await asyncio.sleep(began_s + (n + 1) * interval_s - time.monotonic())
    await asyncio.get_running_loop().create_future()


asyncio.run(main())
