"""How many pages of twenty companies the fake serves in a second: ``python bench_pages.py``.

One keep-alive connection, 160 pages with all flags, once cold (every company is encoded) and then warm; by a raw
socket, which shows the fake's limit, and by httpx2, which shows its own. CPU time of the fake is printed too: it moves
least with what else the machine does.
"""

from __future__ import annotations

import os
import socket
import time
from pathlib import Path
from typing import TYPE_CHECKING

import httpx2
import trio

from fake_acessorias.launch import launch_fake
from fake_acessorias.world import FLAG_KEYS

if TYPE_CHECKING:
    from collections.abc import Callable

PAGES = 160
ROUNDS = 5
TARGET = f"/companies/ListAll?{'&'.join(FLAG_KEYS)}&Pagina="


def cpu_s(pid: int) -> float:
    """Return the CPU time a process has used."""
    user, system = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def read_raw(url: str, lap: Callable[[str], None]) -> None:
    """Read all pages with a raw socket, round after round."""
    host, _, port = url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port))) as link:
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for _ in range(ROUNDS):
            for page in range(1, PAGES + 1):
                link.sendall(f"GET {TARGET}{page} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer t\r\n\r\n".encode())
                found = b""
                while b"\r\n\r\n" not in found:
                    found += link.recv(1 << 18)
                head, _, body = found.partition(b"\r\n\r\n")
                left = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0]) - len(body)
                while left:
                    left -= len(link.recv(1 << 18))
            lap("raw socket")


async def read_httpx2(url: str, lap: Callable[[str], None]) -> None:
    """Read all pages with httpx2, round after round."""
    async with httpx2.AsyncClient(base_url=url, headers={"Authorization": "Bearer t"}) as client:
        for _ in range(ROUNDS):
            for page in range(1, PAGES + 1):
                assert len((await client.get(f"{TARGET}{page}")).content) > 2
            lap("httpx2")


async def main() -> None:
    """Print one line a round."""
    async with launch_fake({"t": PAGES * 20}) as fake:
        last = [time.perf_counter(), cpu_s(fake.pid)]

        def lap(who: str) -> None:
            now = [time.perf_counter(), cpu_s(fake.pid)]
            wall_s, used_s = now[0] - last[0], now[1] - last[1]
            print(f"{who:10} {PAGES / wall_s:7.0f} pages/s, {used_s / PAGES * 1e6:5.0f} µs of the fake's CPU a page")
            last[:] = now

        await trio.to_thread.run_sync(read_raw, fake.url, lap)
        await read_httpx2(fake.url, lap)


if __name__ == "__main__":
    trio.run(main)
