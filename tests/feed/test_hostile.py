"""Hostile clients: whatever they do, the server stays up, others notice nothing, and all they took is given back."""

from __future__ import annotations

import gc
import socket
import struct
from collections import Counter

import pytest
import trio

from drena.feed import outbox as outbox_module
from drena.feed import server as server_module
from drena.feed import session as session_module
from feed.attacks import (
    BINARY,
    CLOSE,
    CONTINUATION,
    PING,
    PONG,
    TEXT,
    attacker,
    bystander,
    emptied,
    frame,
    message,
    request,
)
from feed.viewer import open_viewer

BEFORE_HELLO = {
    "nothing": b"",
    "half a request line": b"GET / HT",
    "a plain GET": b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    "a POST": b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc",
    "a handshake without a key": request().replace(b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", b""),
    "another version of websockets": request().replace(b"Version: 13", b"Version: 8"),
    "garbage": bytes(range(256)) * 20,
    "a hello of TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"x" * 100,
    "100 KB of headers": request("X: " + "y" * 100_000),
    "a thousand headers": request(*(f"X-{n}: y" for n in range(1000))),
    "two requests at once": request() * 2,
}


@pytest.mark.parametrize("what", list(BEFORE_HELLO))
async def test_a_connection_that_is_reset_at_once_harms_nobody(feed, what):
    async with feed() as stage, bystander(stage):
        for _ in range(20):
            async with attacker(stage) as client:
                await client.send(BEFORE_HELLO[what])
                client.reset()
        await emptied(stage, left=1)
        assert stage.log.find("a feed connection failed") == []


@pytest.mark.parametrize("what", list(BEFORE_HELLO))
async def test_who_does_not_shake_hands_is_closed_after_a_while(feed, monkeypatch, what):
    monkeypatch.setattr(server_module, "HANDSHAKE_S", 0.5)
    monkeypatch.setattr(session_module, "HELLO_S", 0.5)
    async with feed() as stage, attacker(stage) as client:
        await client.send(BEFORE_HELLO[what])
        answer = await client.read_all(5)
        assert answer == b"" or answer.startswith(b"HTTP/1.1 ")
        await emptied(stage)


@pytest.mark.parametrize(
    "stage_of_life", ["handshake", "accepted", "hello", "welcome", "half a frame", "half a header"]
)
async def test_a_reset_at_any_moment_gives_everything_back(feed, stage_of_life):
    async with feed() as stage, bystander(stage):
        for _ in range(10):
            async with attacker(stage) as client:
                if stage_of_life == "handshake":
                    await client.send(request())
                else:
                    await client.upgrade()
                if stage_of_life in ("hello", "welcome", "half a frame", "half a header"):
                    await client.send(message(t="hello"))
                if stage_of_life == "welcome":
                    await client.read_until(b'"welcome"')
                if stage_of_life == "half a frame":
                    await client.send(frame(TEXT, b"x" * 1000)[:500])
                if stage_of_life == "half a header":
                    await client.send(frame(TEXT, b"x" * 1000)[:3])
                client.reset()
        await emptied(stage, left=1)
        assert stage.front.hub.watched == 1
        assert stage.log.find("a feed connection failed") == []


async def test_no_hello_in_time_is_told_so(feed, monkeypatch):
    monkeypatch.setattr(session_module, "HELLO_S", 0.3)
    async with feed() as stage:
        async with open_viewer(stage.url, hello=False) as viewer:
            bye, code = await viewer.end()
        assert (bye["code"], code) == (4008, 4008)


async def test_hello_a_byte_a_second_is_no_hello(feed, monkeypatch):
    monkeypatch.setattr(session_module, "HELLO_S", 0.5)
    async with feed() as stage, attacker(stage) as client:
        await client.upgrade()
        for byte in message(t="hello")[:8]:
            await client.send(bytes([byte]))
            await trio.sleep(0.1)
        assert b"4008" in await client.read_all() or stage.front.feed.connections == 0
        await emptied(stage)


@pytest.mark.parametrize(
    "data",
    [
        frame(TEXT, b"x" * 200_000),
        frame(TEXT, "€".encode() * 50_000),  # 50,000 characters are within the limit, their 150,000 bytes are not
        frame(BINARY, b"x" * 200_000),
        frame(TEXT, b"x" * 60_000, final=False) + frame(CONTINUATION, b"x" * 60_000, final=False) * 3,
        bytes((0x81, 0xFF)) + (2**63 - 1).to_bytes(8, "big") + b"maskxxxx",
        frame(TEXT, b"", final=False) + frame(CONTINUATION, b"", final=False) * 10_000,
        frame(TEXT, b"x", final=False) + (frame(CONTINUATION, b"x", final=False) + frame(PING)) * 1_000,
    ],
    ids=["long", "long in bytes", "long binary", "long in pieces", "the longest", "empty pieces", "pieces and pings"],
)
async def test_a_message_that_is_too_long_is_cut_off_at_once_and_everything_given_back(feed, data):
    async with feed() as stage, bystander(stage), attacker(stage) as client:
        await client.upgrade()
        await client.send(message(t="hello"))
        await client.read_until(b'"welcome"')
        await client.send(data)
        rest = await client.read_all(5)
        assert rest == b"" or (1009).to_bytes(2, "big") in rest or b"4004" in rest
        await emptied(stage, left=1)


async def test_a_million_empty_fragments_take_no_memory(feed):
    async with feed() as stage, bystander(stage), attacker(stage) as client:
        await client.upgrade()
        await client.send(message(t="hello"))
        await client.send(frame(TEXT, b"", final=False))
        pieces = frame(CONTINUATION, b"", final=False) * 10_000
        for _ in range(100):
            await client.send(pieces)
        await client.read_all(5)
        await emptied(stage, left=1)


BROKEN_FRAMES = {
    "not masked": (frame(TEXT, b'{"t":"ping"}', masked=False), 1002),
    "a reserved bit": (frame(TEXT, b'{"t":"ping"}', reserved=0x40), 1002),
    "a reserved opcode": (frame(3, b"x"), 1002),
    "a reserved control opcode": (frame(11, b"x"), 1002),
    "a long ping": (frame(PING, b"x" * 126), 1002),
    "half a ping": (frame(PING, b"x", final=False), 1002),
    "a piece of nothing": (frame(CONTINUATION, b"x"), 1002),
    "no UTF-8": (frame(TEXT, b"\xff\xfe"), 1007),
    "a close of one byte": (frame(CLOSE, b"x"), 1002),
    "a close without a sense": (frame(CLOSE, (999).to_bytes(2, "big")), 1002),
    "binary": (frame(BINARY, b'{"t":"ping"}'), 4004),
    "a message inside a message": (frame(TEXT, b"a", final=False) + frame(TEXT, b"b"), 1002),
    "garbage": (bytes(range(200, 256)) * 50, 1002),
}


@pytest.mark.parametrize("what", list(BROKEN_FRAMES))
async def test_a_broken_frame_ends_its_connection_alone_and_the_code_says_why(feed, what):
    data, code = BROKEN_FRAMES[what]
    async with feed() as stage, bystander(stage), attacker(stage) as client:
        await client.upgrade()
        await client.send(message(t="hello"))
        await client.read_until(b'"welcome"')
        await client.send(data)
        rest = await client.read_until(code.to_bytes(2, "big"), 8)
        assert bytes((0x88,)) in rest
        client.reset()
        await emptied(stage, left=1)
        assert stage.log.find("a feed connection failed") == []


async def test_who_closes_without_reading_is_let_go(feed):
    """An unread message must not hide a close."""
    async with feed() as stage, attacker(stage) as client:
        await client.upgrade()
        await client.send(message(t="hello") + message(t="ping") * 10 + frame(CLOSE, (1000).to_bytes(2, "big")))
        await emptied(stage, limit_s=3)


async def test_a_flood_of_messages_is_ended(feed):
    async with feed(messages_per_s=10) as stage, bystander(stage), open_viewer(stage.url) as viewer:
        for _ in range(40):
            await viewer.say("ping")
        assert (await viewer.end())[1] == 4100


@pytest.mark.parametrize("opcode", [PING, PONG])
async def test_a_flood_of_control_frames_is_ended(feed, opcode):
    async with feed() as stage, bystander(stage), attacker(stage) as client:
        await client.upgrade()
        await client.send(message(t="hello"))
        with trio.fail_after(20):
            while stage.front.feed.connections > 1:
                await client.send(frame(opcode, b"x") * 50)
                await trio.sleep(0.05)


async def test_a_reader_that_stops_reading_is_cut_off_and_others_miss_nothing(feed):
    async with feed(stuck_s=1) as stage:
        office = await stage.office()
        jobs = [await stage.job(office, str(n)) for n in range(50)]
        async with attacker(stage, receive_bytes=2048) as client, open_viewer(stage.url, tenants=[office]) as viewer:
            await viewer.until("snapshot")
            await client.upgrade()
            await client.send(message(t="hello", tenants=[office]))
            big = "x" * 3000
            with trio.fail_after(60):
                while stage.front.feed.slow_closed == 0:
                    await stage.pool.execute(
                        "update integration_jobs set attempts = attempts + 1, result = to_jsonb($1::text)", big
                    )
                    await viewer.next()
            await emptied(stage, left=1)
            latest = await stage.pool.fetchval("select max(attempts) from integration_jobs")
            await viewer.when(lambda: all(viewer.view(office).jobs[str(j)]["attempts"] == latest for j in jobs))


async def test_a_slow_reader_gets_merged_deltas_and_ends_with_the_truth(feed):
    async with feed(stuck_s=30) as stage:
        office = await stage.office()
        jobs = [await stage.job(office, str(n)) for n in range(50)]
        async with open_viewer(stage.url, tenants=[office]) as quick, open_viewer(stage.url, tenants=[office]) as slow:
            await quick.until("snapshot")
            await slow.until("snapshot")
            big = "x" * 3000
            for n in range(1, 81):
                await stage.pool.execute(
                    "update integration_jobs set attempts = $2, result = to_jsonb($1::text)", big, n
                )
                await quick.when(lambda n=n: quick.view(office).jobs[str(jobs[0])]["attempts"] == n)
            await slow.when(lambda: all(slow.view(office).jobs[str(j)]["attempts"] == 80 for j in jobs))
            assert slow.view(office).deltas < quick.view(office).deltas


async def test_who_is_overtaken_before_he_could_take_a_snapshot_three_times_in_a_row_is_told_that_he_is_too_slow(
    feed, monkeypatch
):
    monkeypatch.setattr(outbox_module, "ROWS_LIMIT", 30)
    async with feed(stuck_s=30) as stage:
        office = await stage.office()
        for n in range(60):
            await stage.job(office, str(n))
        async with attacker(stage, receive_bytes=16384) as client, open_viewer(stage.url, tenants=[office]) as viewer:
            await viewer.until("snapshot")
            await client.upgrade()
            await client.send(message(t="hello", tenants=[office]))
            await client.read_until(b'"t":"snapshot"')
            readers = stage.front.hub._channels[office].readers
            with trio.fail_after(60):
                while len(readers) == 2:
                    await stage.pool.execute(
                        "update integration_jobs set attempts = attempts + 1, result = to_jsonb(repeat('x', 3000))"
                    )
                    await viewer.until("delta")
                    await client.read()  # less than was added: he reads, and falls behind
            heard = await client.read_all(20)
            assert b'{"t":"bye","code":4102,"reason":"too slow for so many changes","retry_ms":5000}' in heard[-300:]
            assert frame(CLOSE, (4102).to_bytes(2, "big"), masked=False)[2:] in heard[-100:]
            await emptied(stage, left=1)
            assert stage.front.feed.slow_closed == 1
            await viewer.say("ping", id=1)
            await viewer.until("pong")


async def test_who_cannot_be_told_by_a_mistake_of_ours_begins_again_and_nobody_else_notices(feed):
    async with feed() as stage:
        office = await stage.office()
        async with open_viewer(stage.url) as unlucky, open_viewer(stage.url) as viewer:
            await unlucky.until("snapshot")
            await viewer.until("snapshot")
            session = next(iter(stage.front.feed._sessions))
            session._showing.outbox.wire = None
            job = str(await stage.job(office))
            bye, code = await unlucky.end()
            assert (bye["code"], bye["retry_ms"], code) == (4201, 0, 4201)
            await viewer.when(lambda: job in viewer.view(office).jobs)
            async with open_viewer(stage.url, resume={str(office): unlucky.position(office)}) as again:
                again.views[str(office)] = unlucky.view(office)
                await again.when(lambda: job in again.view(office).jobs)
                assert again.view(office).snapshots == 1
        assert len(stage.log.find("a feed's reader could not be told")) == 1
        await emptied(stage)


async def test_five_thousand_connections_that_vanish_leave_nothing_behind(feed):
    """At every stage, each with a RST; by plain sockets, since it is the server that is tried."""
    count = 5_000
    async with feed(max_unauthenticated=10_000, max_per_address=10_000) as stage, bystander(stage, 20.0):
        office = stage.offices["bystander"]
        before = None

        def come_and_go(first: int) -> None:
            for n in range(first, first + 500):
                with socket.create_connection(("127.0.0.1", stage.port), timeout=30) as client:
                    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    if n % 4 > 0:
                        client.sendall(request())
                    if n % 4 > 1:
                        client.recv(100)
                        client.sendall(message(t="hello", tenants=[office]))
                    if n % 4 > 2:
                        client.recv(1000)

        with trio.fail_after(250):
            for first in range(0, count, 500):
                await trio.to_thread.run_sync(come_and_go, first)
                if first == 500:  # what is made once is made
                    await emptied(stage, left=1, limit_s=20)
                    before = gc_counts()
        await emptied(stage, left=1, limit_s=20)
        after = gc_counts()
        assert before is not None
        more = {kind: number - before[kind] for kind, number in after.items()}
        assert {kind: number for kind, number in more.items() if number > LEFT_BEHIND.get(kind, 20)} == {}
        assert stage.front.feed.states == {"connecting": 0, "stranger": 0, "open": 1}
        assert stage.log.find("a feed connection failed") == []


LEFT_BEHIND = dict.fromkeys(("trio.CancelScope", "trio._core._run.CancelReason"), 1_500)
"""Trio forgets deadlines that have passed by only when a thousand of them are there; a leak would be of all 4,500."""


def gc_counts() -> Counter[str]:
    """How many of each of our own and Trio's things there are."""
    gc.collect()
    kinds = (f"{type(each).__module__}.{type(each).__name__}" for each in gc.get_objects())
    return Counter(kind for kind in kinds if kind.split(".", 1)[0] in ("drena", "trio", "trio_websocket", "wsproto"))
