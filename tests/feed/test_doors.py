"""Who may come in: caps, origins, proxies, subprotocols, TLS, Unix sockets."""

from __future__ import annotations

import ssl
from contextlib import AsyncExitStack

import pytest
import trio
import trustme

from drena.feed.admission import Bucket, Doors, origin_is_allowed
from drena.feed.websocket import Gone, open_client
from drena.proxies import client_address, parse_networks
from feed.attacks import Attacker, attacker, emptied, message
from feed.viewer import Viewer, open_viewer

PROXIES = parse_networks(["10.0.0.0/8", "127.0.0.1"])


@pytest.mark.parametrize(
    "peer, header, address",
    [
        ("192.0.2.1", "198.51.100.7", "192.0.2.1"),  # no proxy of ours says so
        ("127.0.0.1", None, "127.0.0.1"),
        ("127.0.0.1", "198.51.100.7", "198.51.100.7"),
        ("127.0.0.1", "203.0.113.9, 198.51.100.7", "198.51.100.7"),  # what a client wrote there itself is not believed
        ("127.0.0.1", "198.51.100.7, 10.1.2.3", "198.51.100.7"),
        ("127.0.0.1", "10.9.9.9, 10.1.2.3", "10.9.9.9"),
        ("127.0.0.1", "198.51.100.7:4711", "198.51.100.7"),
        ("127.0.0.1", "[2001:db8::7]:4711", "2001:db8::7"),
        ("127.0.0.1", "unknown", "127.0.0.1"),
        ("", "198.51.100.7", "198.51.100.7"),
        ("::ffff:10.1.1.1", "198.51.100.7", "198.51.100.7"),
    ],
)
def test_the_address_of_a_client_is_what_our_own_proxies_say(peer, header, address):
    assert client_address(peer, header or "", PROXIES) == address


def test_without_trusted_proxies_the_header_says_nothing():
    assert client_address("127.0.0.1", "198.51.100.7", []) == "127.0.0.1"
    assert client_address("", "198.51.100.7", []) == ""


@pytest.mark.parametrize(
    "origin, host, allowed",
    [
        (None, "127.0.0.1:8765", True),
        ("http://127.0.0.1:8764", "127.0.0.1:8765", True),
        ("http://localhost:8764", "127.0.0.1:8765", True),
        ("https://app.example", "drena.example", True),
        ("https://app.example:444", "drena.example", False),
        ("http://app.example", "drena.example", False),
        ("https://evil.example", "127.0.0.1:8765", False),
        ("http://localhost:3000", "drena.example", False),
        ("http://evil.example", "evil.example:8765", False),  # a name can be made to point to this machine
        ("null", "127.0.0.1", False),
        ("http://[::1", "127.0.0.1", False),
        ("", "127.0.0.1", False),
    ],
)
def test_an_origin_is_allowed_by_the_list_or_when_all_is_this_machine(origin, host, allowed):
    assert origin_is_allowed(origin, host, ("https://app.example",), same_host=False) is allowed


def test_where_a_token_is_needed_a_page_of_the_same_host_may_try():
    for host, allowed in (
        ("drena.example:8765", True),
        ("drena.example", True),
        ("other.example", False),
        (None, False),
    ):
        assert origin_is_allowed("https://drena.example", host, (), same_host=True) is allowed


def test_doors_count_everybody_each_address_and_strangers():
    doors = Doors(everybody=3, per_address=2, strangers=1)
    assert doors.enter("a") is None
    assert "who they are" in doors.enter("a")
    doors.introduce("a")
    assert doors.enter("a") is None
    doors.introduce("a")
    assert "address" in doors.enter("a")
    assert doors.enter("b") is None
    assert "full" in doors.enter("c")
    doors.leave("a", stranger=False)
    doors.leave("b", stranger=True)
    assert doors.inside == 1
    assert doors.enter("b") is None


def test_a_bucket_gives_so_many_a_second_and_twice_as_many_at_first():
    bucket = Bucket(10, 0.0)
    assert [bucket.take(0.0) for _ in range(21)] == [True] * 20 + [False]
    assert [bucket.take(0.5) for _ in range(6)] == [True] * 5 + [False]


async def test_a_foreign_origin_is_refused_before_the_websocket_opens(feed):
    async with feed(origins=("https://app.example",)) as stage:
        for origin, taken in (("https://evil.example", False), ("https://app.example", True)):
            async with attacker(stage) as client:
                answer = await client.upgrade(f"Origin: {origin}")
                assert answer.startswith(b"HTTP/1.1 101" if taken else b"HTTP/1.1 403")


async def test_beyond_the_caps_one_is_told_to_come_back_later(feed):
    async with feed(max_connections=3) as stage, AsyncExitStack() as stack:
        for _ in range(3):
            viewer = await stack.enter_async_context(open_viewer(stage.url))
            await viewer.until("welcome")
        async with open_viewer(stage.url) as late:
            bye, code = await late.end()
        assert code == 4100
        assert bye["retry_ms"] >= 1000


async def test_strangers_of_one_address_are_few(feed):
    async with feed(max_unauthenticated=2, trusted_proxies=("127.0.0.1",)) as stage, AsyncExitStack() as stack:
        header = {"X-Forwarded-For": "198.51.100.7"}
        for _ in range(2):
            await stack.enter_async_context(open_viewer(stage.url, hello=False, headers=header))
        async with open_viewer(stage.url, hello=False, headers=header) as third:
            assert (await third.end())[1] == 4100
        other = {"X-Forwarded-For": "127.0.0.1"}
        async with open_viewer(stage.url, headers=other) as elsewhere:
            await elsewhere.until("welcome")


async def test_connections_of_one_address_are_bounded_and_what_a_client_says_of_his_address_is_not_believed(feed):
    async with feed(max_per_address=2) as stage, AsyncExitStack() as stack:
        for n in range(2):
            header = {"X-Forwarded-For": f"198.51.100.{n}"}  # no proxy is trusted here
            viewer = await stack.enter_async_context(open_viewer(stage.url, headers=header))
            await viewer.until("welcome")
        async with open_viewer(stage.url, headers={"X-Forwarded-For": "198.51.100.9"}) as third:
            assert (await third.end())[1] == 4100


async def test_a_subprotocol_is_named_only_when_it_was_offered_and_another_is_refused(feed):
    async with feed() as stage:
        async with attacker(stage) as client:
            assert b"sec-websocket-protocol" not in (await client.upgrade()).lower()
        async with attacker(stage) as client:
            assert b"drena.v1" in await client.upgrade("Sec-WebSocket-Protocol: other, drena.v1")
        async with open_client(stage.url, subprotocol="drena.v9") as connection:
            assert (await Viewer(connection).end())[1] == 4005
        await emptied(stage)


async def test_a_feed_on_a_unix_socket(feed, tmp_path):
    async with feed(listen=f"unix:{tmp_path}/feed.sock", trusted_proxies=("127.0.0.1",)) as stage:
        office = await stage.office()
        async with await trio.open_unix_socket(f"{tmp_path}/feed.sock") as stream:
            client = Attacker(stream)
            assert (await client.upgrade()).startswith(b"HTTP/1.1 101")
            await client.send(message(t="hello", tenants=[office]))
            await client.read_until(b'"snapshot"')


async def test_a_feed_with_tls_and_a_client_that_speaks_none(feed, tmp_path):
    authority = trustme.CA()
    certificate = authority.issue_cert("127.0.0.1")
    certificate.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
    certificate.private_key_pem.write_to_path(tmp_path / "key.pem")
    trust = ssl.create_default_context()
    authority.configure_trust(trust)
    async with feed(tls_cert=tmp_path / "cert.pem", tls_key=tmp_path / "key.pem") as stage:
        office = await stage.office()
        async with open_client(stage.url.replace("ws:", "wss:"), subprotocol="drena.v1", tls=trust) as connection:
            viewer = Viewer(connection)
            await viewer.say("hello", tenants=[office])
            await viewer.until("snapshot")
            async with attacker(stage) as client:
                await client.send(b"GET / HTTP/1.1\r\n\r\n" * 10)
                await client.read_all()
            job = await stage.job(office)
            await viewer.when(lambda: str(job) in viewer.view(office).jobs)


async def test_who_speaks_no_websocket_is_told_apart_by_our_client(feed):
    async def answer(stream: trio.SocketStream) -> None:
        async with stream:
            await stream.receive_some()
            await stream.send_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")

    async with trio.open_nursery() as nursery:
        listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
        await nursery.start(trio.serve_listeners, answer, listeners)
        port = listeners[0].socket.getsockname()[1]
        with pytest.RaisesGroup(pytest.RaisesExc(Gone, match="404")):
            async with open_client(f"ws://127.0.0.1:{port}", subprotocol="drena.v1"):
                pass
        nursery.cancel_scope.cancel()
