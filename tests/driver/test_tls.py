"""TLS in every mode, with a certificate authority that lives as long as the test.

The embedded PostgreSQL is built without TLS, so these run on Debian's. Direct TLS, which wants PostgreSQL 17, is tested
through a proxy that takes TLS from the first byte and passes the plain bytes on.
"""

from __future__ import annotations

import socket
import ssl
from pathlib import Path

import pytest
import trio
import trustme

import asyncpg_trio
from support.postgres import PostgresServer, debian_bindirs

HBA = [
    "local all all trust",
    "hostssl all certified 127.0.0.1/32 cert",
    "hostssl all scrammed 127.0.0.1/32 scram-sha-256",
    "hostssl all plain 127.0.0.1/32 reject",
    "hostssl all all 127.0.0.1/32 trust",
    "hostnossl all plain 127.0.0.1/32 trust",
]


class Authority:
    """A throwaway CA with what it signed, as files."""

    def __init__(self, folder: Path) -> None:
        self.ca = trustme.CA()
        self.root = folder / "root.crt"
        self.ca.cert_pem.write_to_path(str(self.root))
        self.server_cert, self.server_key = self._issue(folder, "server", "127.0.0.1", "localhost")
        self.client_cert, self.client_key = self._issue(
            folder, "client", "certified@example.org", common_name="certified"
        )
        stranger = trustme.CA()
        self.strangers_root = folder / "stranger.crt"
        stranger.cert_pem.write_to_path(str(self.strangers_root))

    def _issue(self, folder: Path, name: str, *identities: str, common_name: str | None = None) -> tuple[Path, Path]:
        issued = self.ca.issue_cert(*identities, common_name=common_name)
        chain, key = folder / f"{name}.crt", folder / f"{name}.key"
        chain.write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
        issued.private_key_pem.write_to_path(str(key))
        return chain, key


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="module")
def tls_server(authority):
    if not debian_bindirs():
        pytest.skip("no PostgreSQL with TLS on this machine")
    server = PostgresServer(debian_bindirs()[-1], hba=HBA[:1])
    settings = {"ssl": "on", "ssl_ca_file": "root.crt", "ssl_cert_file": "server.crt", "ssl_key_file": "server.key"}
    with server:
        server.stop()
        for source in (authority.root, authority.server_cert, authority.server_key):
            server.put_file(source.name, source.read_bytes())
        server.put_file("pg_hba.conf", "\n".join([*HBA, ""]).encode())
        server.settings |= settings
        server.start()
        server.sql("create user plain; create user certified; create user scrammed password 'sésame'")
        yield server


@pytest.fixture
def address(tls_server, monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))  # no ~/.postgresql of whoever runs this
    return {"host": "127.0.0.1", "port": tls_server.port, "user": "postgres", "database": "postgres"}


async def uses_tls(**options):
    async with asyncpg_trio.connect(**options) as conn:
        return await conn.fetchval("select ssl from pg_stat_ssl where pid = pg_backend_pid()")


@pytest.mark.parametrize("mode", ["prefer", "require"])
async def test_unverified_modes_encrypt(address, mode):
    assert await uses_tls(**address, ssl=mode) is True


async def test_allow_goes_on_to_tls_when_the_server_wants_it(address):
    assert await uses_tls(**address, ssl="allow") is True


async def test_prefer_goes_back_to_plain_when_the_server_wants_it(address):
    assert await uses_tls(**address | {"user": "plain", "ssl": "prefer"}) is False


async def test_disable_stays_plain_or_is_refused(address):
    assert await uses_tls(**address | {"user": "plain", "ssl": "disable"}) is False
    with pytest.raises(asyncpg_trio.InvalidAuthorizationSpecificationError, match="no encryption"):
        await uses_tls(**address, ssl="disable")


@pytest.mark.parametrize("mode", ["verify-ca", "verify-full"])
async def test_verifying_modes_trust_the_given_root(address, authority, mode):
    dsn = f"postgresql://postgres@127.0.0.1:{address['port']}/postgres?sslmode={mode}&sslrootcert={authority.root}"
    assert await uses_tls(dsn=dsn) is True


@pytest.mark.parametrize("mode", ["verify-ca", "verify-full"])
async def test_verifying_modes_refuse_a_strangers_root(address, authority, mode):
    dsn = f"postgresql://postgres@127.0.0.1:{address['port']}/postgres?sslmode={mode}&sslrootcert={authority.strangers_root}"
    with pytest.raises(ssl.SSLCertVerificationError):
        await uses_tls(dsn=dsn)


async def test_verify_full_refuses_another_name(address, authority):
    context = ssl.create_default_context(cafile=authority.root)
    trio.socket.set_custom_hostname_resolver(EverythingIsLocal())
    with pytest.raises(ssl.SSLCertVerificationError, match="elsewhere"):
        await uses_tls(**address | {"host": "elsewhere.example.org", "ssl": context})


class EverythingIsLocal(trio.abc.HostnameResolver):
    async def getaddrinfo(self, host, port, family=0, type=0, proto=0, flags=0):  # noqa: A002
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", int(port)))]

    async def getnameinfo(self, sockaddr, flags):
        raise NotImplementedError


async def test_direct_tls(server, authority):
    negotiated = []

    async def terminate(stream):
        await stream.do_handshake()
        negotiated.append(stream.selected_alpn_protocol())
        plain = await trio.open_tcp_stream("127.0.0.1", server.port)
        async with plain, trio.open_nursery() as nursery:
            nursery.start_soon(pass_on, plain, stream, nursery.cancel_scope)
            nursery.start_soon(pass_on, stream, plain, nursery.cancel_scope)

    async def pass_on(source, target, done):
        while data := await source.receive_some():
            await target.send_all(data)
        done.cancel()

    serving = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    serving.load_cert_chain(authority.server_cert, authority.server_key)
    serving.set_alpn_protocols(["postgresql"])
    async with trio.open_nursery() as nursery:
        (listener,) = await trio.open_ssl_over_tcp_listeners(0, serving, host="127.0.0.1", https_compatible=True)
        nursery.start_soon(trio.serve_listeners, terminate, [listener])
        port = listener.transport_listener.socket.getsockname()[1]
        context = ssl.create_default_context(cafile=authority.root)
        context.set_alpn_protocols(["postgresql"])
        options = {"host": "127.0.0.1", "port": port, "user": "postgres", "ssl": context, "direct_tls": True}
        async with asyncpg_trio.connect(**options) as conn:
            assert await conn.fetchval("select 1") == 1
        nursery.cancel_scope.cancel()
    assert negotiated == ["postgresql"]


async def test_a_client_certificate_is_the_login(address, authority):
    context = ssl.create_default_context(cafile=authority.root)
    with pytest.raises((asyncpg_trio.PostgresError, OSError)):
        await uses_tls(**address | {"user": "certified", "ssl": context})
    context.load_cert_chain(authority.client_cert, authority.client_key)
    assert await uses_tls(**address | {"user": "certified", "ssl": context}) is True


async def test_scram_over_tls(address):
    scrammed = address | {"user": "scrammed", "ssl": "require"}
    assert await uses_tls(**scrammed, password="sésame") is True
    with pytest.raises(asyncpg_trio.InvalidPasswordError):
        await uses_tls(**scrammed, password="wrong")


async def test_large_results_and_writes_pass_through_tls(address):
    async with asyncpg_trio.connect(**address, ssl="require") as conn:
        await conn.execute("create temp table t (a int, b text)")
        rows = [(number, "x" * 200) for number in range(20_000)]
        await conn.executemany("insert into t values ($1, $2)", rows)
        assert [tuple(row) for row in await conn.fetch("select a, b from t order by a")] == rows
        assert await conn.copy_records_to_table("t", records=rows) == "COPY 20000"


async def test_cancellation_reaches_a_server_behind_tls(address):
    async with asyncpg_trio.connect(**address, ssl="require") as conn:
        with trio.move_on_after(0.1) as scope:
            await conn.execute("select pg_sleep(600)")
        assert scope.cancelled_caught
        assert await conn.fetchval("select 1") == 1


async def test_a_listener_behind_tls_hears(address):
    async with asyncpg_trio.connect(**address, ssl="require") as conn, conn.listen("a") as notifications:
        await conn.execute("notify a, 'x'")
        assert (await notifications.receive()).payload == "x"


async def test_a_killed_backend_behind_tls_is_an_error(address, tls_server):
    async with asyncpg_trio.connect(**address, ssl="require") as conn:
        tls_server.sql(f"select pg_terminate_backend({conn.get_server_pid()})")
        with pytest.raises((asyncpg_trio.ConnectionDoesNotExistError, asyncpg_trio.InterfaceError)):
            await conn.execute("select 1")


async def test_a_peer_that_hangs_up_in_the_handshake_is_an_error():
    async def accept_and_hang_up(stream):
        await stream.receive_some()
        await stream.send_all(b"S")
        await stream.receive_some()
        await stream.aclose()

    async with trio.open_nursery() as nursery:
        (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
        nursery.start_soon(trio.serve_listeners, accept_and_hang_up, [listener])
        port = listener.socket.getsockname()[1]
        with pytest.raises(OSError, match=r"handshake|EOF|reset"):
            await uses_tls(host="127.0.0.1", port=port, user="x", ssl="require")
        nursery.cancel_scope.cancel()
