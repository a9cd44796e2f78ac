"""Addresses, and what is opened at them."""

from __future__ import annotations

import socket
import ssl
from contextlib import AsyncExitStack

import pytest
import trio
import trustme

from drena.errors import ConfigError
from drena.listeners import add_tls, bound_address, is_loopback, open_listeners, parse_address, peer_address
from support.limits import limited


@pytest.mark.parametrize("text", ["127.0.0.1:8764", "[::1]:1", ":0", "localhost:65535", "unix:/run/drena/http.sock"])
def test_an_address_is_read_and_told_the_same(text):
    assert str(parse_address(text)) == text


@pytest.mark.parametrize("text", ["", "off", " "])
def test_nothing_means_do_not_listen(text):
    assert parse_address(text) is None


@pytest.mark.parametrize("text", ["8764", "a:b", "h:65536", "h:-1", "::1:80", "unix:http.sock", "h x:1", "h:١"])
def test_what_is_no_address_is_named(text):
    with pytest.raises(ConfigError, match="is no address"):
        parse_address(text)


@pytest.mark.parametrize(
    "text,expected",
    [
        ("127.0.0.1:1", True), ("127.9.9.9:1", True), ("[::1]:1", True), ("localhost:1", True), ("unix:/a", True),
        (":1", False), ("0.0.0.0:1", False), ("[::]:1", False), ("example.com:1", False), ("10.0.0.1:1", False),
    ],
)  # fmt: skip
def test_whether_an_address_is_only_for_this_machine(text, expected):
    assert parse_address(text).is_loopback is expected


@limited(20)
async def test_a_port_of_zero_is_chosen_and_told():
    async with AsyncExitStack() as stack:
        for address in ("127.0.0.1:0", "localhost:0", ":0"):
            (listener,) = await open_listeners(address)
            stack.push_async_callback(listener.aclose)
            assert not bound_address(listener).endswith(":0")
            assert is_loopback(listener) is (address != ":0")


@limited(20)
async def test_off_opens_nothing():
    assert await open_listeners("off") == []


@limited(20)
async def test_a_taken_port_is_one_sentence():
    (first,) = await open_listeners("127.0.0.1:0")
    async with first:
        with pytest.raises(ConfigError, match=f"Cannot listen on {bound_address(first)}: address already in use"):
            await open_listeners(bound_address(first))


@limited(20)
async def test_a_name_that_does_not_resolve_is_one_sentence():
    with pytest.raises(ConfigError, match=r"Cannot listen on no\.such\.host\.invalid:1: "):
        await open_listeners("no.such.host.invalid:1")


@limited(20)
async def test_a_unix_socket_is_for_owner_and_group_and_replaces_a_stale_one(tmp_path):
    path = tmp_path / "http.sock"
    for _ in range(2):
        (listener,) = await open_listeners(f"unix:{path}")
        async with listener, await trio.open_unix_socket(path), await listener.accept() as served:
            assert path.stat().st_mode & 0o777 == 0o660
            assert bound_address(listener) == f"unix:{path}"
            assert is_loopback(listener)
            assert peer_address(served) == ""


@limited(20)
async def test_a_unix_socket_that_answers_is_not_taken_away(tmp_path):
    path = tmp_path / "http.sock"
    (listener,) = await open_listeners(f"unix:{path}")
    async with listener:
        with pytest.raises(ConfigError, match="address already in use"):
            await open_listeners(f"unix:{path}")
        async with await trio.open_unix_socket(path), await listener.accept():
            pass


@limited(20)
async def test_a_file_that_is_no_socket_is_left_alone(tmp_path):
    path = tmp_path / "precious"
    path.write_text("keep")
    with pytest.raises(ConfigError, match="address already in use"):
        await open_listeners(f"unix:{path}")
    assert path.read_text() == "keep"


@limited(20)
async def test_inherited_sockets_take_the_place_of_the_address():
    with socket.create_server(("127.0.0.1", 0)) as given:
        port = given.getsockname()[1]
        (listener,) = await open_listeners("off", [given])
        async with listener, await trio.open_tcp_stream("127.0.0.1", port), await listener.accept() as served:
            assert peer_address(served) == "127.0.0.1"


@limited(20)
async def test_an_inherited_socket_that_does_not_listen_is_one_sentence():
    with socket.socket() as given, pytest.raises(ConfigError, match="not listening"):
        await open_listeners("off", [given])


@limited(20)
async def test_tls_serves_with_the_certificate(tmp_path):
    authority = trustme.CA()
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    issued = authority.issue_cert("localhost")
    key.write_bytes(issued.private_key_pem.bytes())
    certificate.write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
    opened = await open_listeners("127.0.0.1:0")
    (listener,) = add_tls(opened, certificate, key)
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    async with listener, trio.open_nursery() as nursery:

        async def answer() -> None:
            async with await listener.accept() as stream:
                await stream.send_all(peer_address(stream).encode())

        nursery.start_soon(answer)
        transport = await trio.open_tcp_stream(*opened[0].socket.getsockname()[:2])
        async with trio.SSLStream(transport, trusting, server_hostname="localhost", https_compatible=True) as client:
            assert await client.receive_some() == b"127.0.0.1"


@limited(20)
async def test_a_wrong_certificate_is_one_sentence(tmp_path):
    (tmp_path / "cert.pem").write_text("no certificate")
    (listener,) = await open_listeners("127.0.0.1:0")
    async with listener:
        with pytest.raises(ConfigError, match="do not serve"):
            add_tls([listener], tmp_path / "cert.pem", tmp_path / "cert.pem")
        with pytest.raises(ConfigError, match=r"cannot be read: no such file"):
            add_tls([listener], tmp_path / "absent.pem", tmp_path / "cert.pem")
