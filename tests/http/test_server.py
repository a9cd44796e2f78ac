"""The server under clients that do not behave. A toy application, real sockets; see the head of drena/http/server.py.

One side always closes first, and everything stands under a time limit.
"""

from __future__ import annotations

import random
import ssl
from contextlib import suppress

import pytest
import trio
import trustme

from drena.listeners import add_tls
from support.limits import limited
from support.toy_app import GET, LIMIT_S, read_all, read_one, reset, serving

WEBSOCKET = (
    b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
)


@limited(LIMIT_S)
async def test_resets_at_random_moments_end_one_connection_each():
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    requests = [
        GET % (b"/", b""), GET % (b"/slow", b""), GET % (b"/wait", b""), GET % (b"/big", b""), GET % (b"/broken", b""),
        b"POST /count HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nabc", b"\x16\x03\x01junk", b"GET / HT",
    ]  # fmt: skip
    async with serving() as place:
        for _ in range(150):
            stream = await place.connect()
            await stream.send_all(chance.choice(requests))
            if chance.random() < 0.3:
                await trio.sleep(chance.random() * 0.01)
            reset(stream)
        assert await place.is_alive()
        await place.until_empty()
        assert place.log.lines == []


@limited(LIMIT_S)
@pytest.mark.parametrize("leave", [reset, lambda stream: stream.socket.close(), "half"])
async def test_a_waiting_call_learns_that_its_client_is_gone(leave):
    async with serving() as place:
        stream = await place.connect()
        await stream.send_all(GET % (b"/wait", b""))
        await place.toy.until("/wait")
        if leave == "half":
            await stream.send_eof()
        else:
            leave(stream)
        await place.toy.until("/wait gone")
        stream.socket.close()
        await place.until_empty()


@limited(LIMIT_S)
async def test_a_client_that_closed_its_sending_half_gets_its_answer():
    async with serving() as place:
        for path, body in ((b"/slow", b"slow"), (b"/", b"http")):
            answer = await place.exchange(GET % (path, b""), eof=True)
            assert answer.startswith(b"HTTP/1.1 200")
            assert answer.endswith(body)
        await place.until_empty()


@limited(LIMIT_S)
async def test_bytes_after_a_request_are_refused_as_one():
    async with serving() as place:
        answer = await place.exchange(GET % (b"/", b"") + b"JUNK \x00\xff\r\n\r\n")
        assert answer.count(b"HTTP/1.1 ") == 2
        assert b"HTTP/1.1 400" in answer
        assert answer.endswith(b"refused")
        answer = await place.exchange(GET % (b"/", b"Connection: close\r\n") + b"JUNK \x00\xff\r\n\r\n")
        assert answer.count(b"HTTP/1.1 ") == 1


@limited(LIMIT_S)
async def test_requests_ahead_of_their_turn_are_answered_in_turn():
    async with serving() as place:
        answer = await place.exchange(GET % (b"/slow", b"") + GET % (b"/", b"Connection: close\r\n"))
        assert answer.count(b"HTTP/1.1 200") == 2
        assert answer.index(b"slow") < answer.index(b"http")


@limited(LIMIT_S)
async def test_a_head_that_comes_slowly_is_cut_off_with_408():
    async with serving() as place, await place.connect() as stream:
        began_s = trio.current_time()
        try:
            for byte in GET % (b"/", b"X-A: " + b"a" * 1000 + b"\r\n"):
                await stream.send_all(bytes([byte]))
                await trio.sleep(0.02)
        except trio.BrokenResourceError:
            pass
        else:
            pytest.fail("it was waited for")
        assert trio.current_time() - began_s < 5
    async with serving() as place, await place.connect() as stream:
        await stream.send_all(b"GET / HTTP/1.1\r\nHost")
        assert (await read_all(stream)).startswith(b"HTTP/1.1 408")


@limited(LIMIT_S)
async def test_a_silent_connection_is_closed_without_a_word():
    async with serving() as place, await place.connect() as stream:
        assert await read_all(stream) == b""
    async with serving() as place, await place.connect() as stream:
        await stream.send_all(GET % (b"/", b""))
        assert (await read_all(stream)).count(b"HTTP/1.1 ") == 1


@limited(LIMIT_S)
@pytest.mark.parametrize("size,status", [(15_000, b"200"), (16_500, b"431"), (70_000, b"431"), (2_000_000, b"431")])
async def test_a_huge_head_is_refused_and_the_refusal_arrives(size, status):
    async with serving() as place:
        async with await place.connect() as stream, trio.open_nursery() as nursery:

            async def send():
                with suppress(trio.BrokenResourceError):
                    await stream.send_all(GET % (b"/", b"Connection: close\r\nX-A: " + b"a" * size + b"\r\n"))

            nursery.start_soon(send)
            assert (await read_all(stream)).startswith(b"HTTP/1.1 " + status)
        assert await place.is_alive()


@limited(LIMIT_S)
@pytest.mark.parametrize(
    "header,status",
    [
        (b"Content-Length: 3\r\nTransfer-Encoding: chunked", b"400"),
        (b"Transfer-Encoding: chunked\r\nContent-Length: 0", b"400"),
        (b"Content-Length: 3\r\nContent-Length: 4", b"400"),
        (b"Transfer-Encoding : chunked", b"400"),
        (b"Transfer-Encoding: xchunked", b"501"),
        (b"Transfer-Encoding: chunked, identity", b"501"),
        (b"Content-Length: +3", b"400"),
        (b"Content-Length: 3\r\n Transfer-Encoding: chunked", b"400"),
    ],
)
async def test_nothing_is_smuggled_behind_an_ambiguous_length(header, status):
    async with serving() as place:
        hidden = GET % (b"/smuggled", b"")
        answer = await place.exchange(b"POST /count HTTP/1.1\r\nHost: x\r\n" + header + b"\r\n\r\n0\r\n\r\n" + hidden)
        assert answer.startswith(b"HTTP/1.1 " + status)
        assert answer.count(b"HTTP/1.1 ") == 1
        assert "/smuggled" not in place.toy.events


@limited(LIMIT_S)
@pytest.mark.parametrize(
    "request_,status",
    [
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0", b"505"),
        (GET % (b"/wait", WEBSOCKET) + b"junkjunk", b"400"),
        (GET % (b"/%ff%fe", b""), b"400"), (GET % (b"/%00", b""), b"400"), (GET % (b"/%zz", b""), b"400"),
        (GET % (b"/%4", b""), b"400"), (GET % (b"/\xc3\xa9", b""), b"400"), (GET % (b"http://x/", b""), b"400"),
        (b"HEAD /%00 HTTP/1.1\r\nHost: x\r\n\r\n", b"400"), (b"GET / HTTP/1.1\r\n\r\n", b"400"),
        (b"CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n", b"400"),
    ],
)  # fmt: skip
async def test_what_is_not_ours_to_answer_is_refused(request_, status):
    async with serving() as place:
        answer = await place.exchange(request_)
        assert answer.startswith(b"HTTP/1.1 " + status)
        assert answer.count(b"HTTP/1.1 ") == 1
        assert place.toy.events == []
        assert await place.is_alive()
        assert place.log.lines == []


@limited(LIMIT_S)
async def test_an_upgrade_to_http2_is_ignored():
    async with serving() as place:
        upgrade = b"Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings, close\r\nHTTP2-Settings: !!!\r\n"
        assert (await place.exchange(GET % (b"/", upgrade))).startswith(b"HTTP/1.1 200")


@limited(LIMIT_S)
async def test_an_answer_before_the_end_of_a_large_body_arrives():
    async with serving() as place, await place.connect() as stream, trio.open_nursery() as nursery:

        async def send():
            try:
                await stream.send_all(b"POST /early HTTP/1.1\r\nHost: x\r\nContent-Length: 3000000\r\n\r\n")
                for _ in range(30):
                    await stream.send_all(b"x" * 100_000)
            except trio.BrokenResourceError:
                pass

        nursery.start_soon(send)
        answer = await read_all(stream)
        assert answer.startswith(b"HTTP/1.1 413")
        assert answer.endswith(b"enough")


@limited(LIMIT_S)
async def test_a_client_that_does_not_read_is_let_go_and_its_call_with_it():
    async with serving() as place:
        stream = await place.connect()
        await stream.send_all(GET % (b"/big", b""))
        await place.toy.until("/big cancelled")
        await place.until_empty()
        stream.socket.close()


@limited(LIMIT_S)
async def test_a_hundred_slow_clients_hold_up_nobody():
    async with serving() as place:
        streams = [await place.connect() for _ in range(100)]
        for number, stream in enumerate(streams):
            await stream.send_all(
                (b"GET / HT", GET % (b"/big", b""), GET % (b"/wait", b""), b"POST /count HTTP/1.1\r\n")[number % 4]
            )
        began_s = trio.current_time()
        for _ in range(10):
            assert await place.is_alive()
        assert trio.current_time() - began_s < 5
        for stream in streams:
            stream.socket.close()
        await place.until_empty()


@limited(LIMIT_S)
async def test_more_connections_than_may_be_are_closed_at_once():
    async with serving(max_connections=3) as place:
        held = [await place.connect() for _ in range(3)]
        for stream in held:
            await stream.send_all(GET % (b"/wait", b""))
        await place.toy.until("/wait", 3)
        assert await place.exchange(GET % (b"/", b"")) == b""
        assert [message for message, _ in place.log.lines] == ["too many HTTP connections; closing new ones"]
        for stream in held:
            stream.socket.close()
        await place.until_empty()
        assert await place.is_alive()


@limited(LIMIT_S)
async def test_one_address_has_fewer_connections():
    async with serving(max_per_address=1) as place, await place.connect() as held:
        await held.send_all(GET % (b"/wait", b""))
        await place.toy.until("/wait")
        assert await place.exchange(GET % (b"/", b"")) == b""


@limited(LIMIT_S)
async def test_the_end_lets_calls_under_way_answer_and_idle_clients_go():
    async with serving() as place, await place.connect() as idle, await place.connect() as busy:
        await idle.send_all(GET % (b"/", b""))
        await read_one(idle)
        await busy.send_all(GET % (b"/slow", b""))
        await place.toy.until("/slow")
        place.server.stop()
        assert await read_all(idle) == b""
        head, body = await read_one(busy)
        assert (head[:12], body) == (b"HTTP/1.1 200", b"slow")
        assert await busy.receive_some(1) == b""
        with pytest.raises(OSError, match="connect"):
            await place.connect()


@limited(LIMIT_S)
async def test_the_end_does_not_wait_for_a_client_that_does_not_read():
    began_s = trio.current_time()
    async with serving() as place:
        stream = await place.connect()
        await stream.send_all(GET % (b"/big", b""))
        await place.toy.until("/big")
        waiting = await place.connect()
        await waiting.send_all(GET % (b"/wait", b""))
        await place.toy.until("/wait")
    assert trio.current_time() - began_s < 5
    stream.socket.close()
    waiting.socket.close()


@limited(LIMIT_S)
async def test_tls_is_served_and_what_is_no_tls_is_dropped(tmp_path):
    authority = trustme.CA()
    issued = authority.issue_cert("localhost")
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    key.write_bytes(issued.private_key_pem.bytes())
    certificate.write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    async with serving(tls=lambda listeners: add_tls(listeners, certificate, key)) as place:
        assert b"http" not in await place.exchange(GET % (b"/", b""))
        async with await place.connect() as silent:
            assert await read_all(silent) == b""
        stream = trio.SSLStream(await place.connect(), trusting, server_hostname="localhost", https_compatible=True)
        async with stream:
            await stream.send_all(GET % (b"/", b"Connection: close\r\n"))
            assert (await read_all(stream)).endswith(b"https")
        await place.until_empty()
