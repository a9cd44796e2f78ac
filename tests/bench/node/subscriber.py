"""One client of the feed that watches every tenant while a queue is measured: `python subscriber.py PORT TENANTS`.

It says `watching` when it has the snapshot of so many tenants. Told a number on its standard input, it goes on until
the offsets it has come to add up to that, which is all that was ever counted, and says how many frames and bytes it
took.
"""

from __future__ import annotations

import os
import re
import selectors
import socket
import sys

from crowd import REQUEST, frame_at, masked

HEAD = re.compile(rb'\{"t":"(snapshot|delta)","tenant":"([0-9a-f-]{36})","epoch":"[^"]*",(.{0,80})', re.DOTALL)
REACHED = re.compile(rb'"(?:to|offset)":(\d+)')


def main(port: int, tenants: int) -> None:
    sock = socket.create_connection(("127.0.0.1", port))
    sock.sendall(REQUEST)
    data = b""
    while b"\r\n\r\n" not in data:
        data += sock.recv(4096)
    data = data.partition(b"\r\n\r\n")[2]
    sock.sendall(masked(b'{"t":"hello"}'))
    selector = selectors.DefaultSelector()
    selector.register(sock, selectors.EVENT_READ)
    selector.register(sys.stdin.fileno(), selectors.EVENT_READ)
    reached: dict[bytes, int] = {}
    wanted, frames, size, said = b"", 0, 0, False
    while not wanted.endswith(b"\n") or sum(reached.values()) < int(wanted):
        for key, _ in selector.select():
            if key.fileobj is not sock:
                wanted += os.read(sys.stdin.fileno(), 64)
                continue
            piece = sock.recv(1 << 20)
            assert piece, "the feed closed the connection"
            data, size, place = data + piece, size + len(piece), 0
            while (found := frame_at(data, place)) is not None:
                start, place = found
                frames += 1
                if (head := HEAD.match(data, start, min(place, start + 300))) is not None:
                    reached[head[2]] = int(REACHED.search(head[3])[1])
            data = data[place:]
        if not said and len(reached) == tenants:
            said, frames, size = True, 0, 0
            print("watching", flush=True)
    print(frames, size, flush=True)


main(int(sys.argv[1]), int(sys.argv[2]))
