"""Ways to name a server, and to be let in."""

from __future__ import annotations

import socket

import pytest
import trio

import asyncpg_trio
from driver.waiting import until
from support.postgres import PostgresServer


@pytest.fixture(scope="module")
def strict_server():
    """Wants SCRAM over TCP and knows one role."""
    with PostgresServer(hba=["local all all trust", "host all all 127.0.0.1/32 scram-sha-256"]) as server:
        server.sql("create user tester password 'segredo'; create database house owner tester")
        yield server


@pytest.fixture
def bare(monkeypatch, tmp_path):
    """No PG* variable, no file in the home folder."""
    import os

    for name in list(os.environ):
        if name.startswith("PG"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


async def whom(*args, **options):
    async with asyncpg_trio.connect(*args, **options) as conn:
        return await conn.fetchval("select current_user || '@' || current_database()")


async def test_scram_with_the_right_and_the_wrong_password(strict_server, bare):
    address = f"postgresql://tester:{{}}@127.0.0.1:{strict_server.port}/house"
    assert await whom(address.format("segredo")) == "tester@house"
    with pytest.raises(asyncpg_trio.InvalidPasswordError):
        await whom(address.format("wrong"))


async def test_a_password_may_come_from_a_function_sync_or_async(strict_server, bare):
    address = f"postgresql://tester@127.0.0.1:{strict_server.port}/house"

    async def ask():
        await trio.sleep(0.01)
        return "segredo"

    assert await whom(address, password=lambda: "segredo") == "tester@house"
    assert await whom(address, password=ask) == "tester@house"
    with trio.move_on_after(0.05) as scope:
        await whom(address, password=trio.sleep_forever)
    assert scope.cancelled_caught


async def test_pg_variables_name_everything(strict_server, bare, monkeypatch):
    values = {"HOST": "127.0.0.1", "PORT": str(strict_server.port), "USER": "tester", "DATABASE": "house"}
    for name, value in {**values, "PASSWORD": "segredo"}.items():
        monkeypatch.setenv(f"PG{name}", value)
    assert await whom() == "tester@house"


async def test_a_password_file(strict_server, bare):
    passfile = bare / "passwords"
    passfile.write_text(f"127.0.0.1:{strict_server.port}:house:tester:segredo\n")
    passfile.chmod(0o600)
    address = f"postgresql://tester@127.0.0.1:{strict_server.port}/house"
    assert await whom(address, passfile=str(passfile)) == "tester@house"


async def test_a_service_file(strict_server, bare):
    services = bare / "services"
    lines = [f"port={strict_server.port}", "host=127.0.0.1", "user=tester", "password=segredo", "dbname=house"]
    services.write_text("\n".join(["[home]", *lines, ""]))
    assert await whom("postgresql://?service=home", servicefile=str(services)) == "tester@house"


async def test_a_unix_socket_by_host_and_port(strict_server, bare):
    options = {"host": str(strict_server.root), "port": strict_server.port, "user": "tester", "database": "house"}
    assert await whom(**options) == "tester@house"


async def test_a_host_that_refuses_is_passed_over_for_the_next(server, bare):
    address = f"postgresql://postgres@127.0.0.1:1,127.0.0.1:{server.port}/postgres"
    assert await whom(address) == "postgres@postgres"


async def test_target_session_attrs_picks_and_refuses(server, bare):
    address = f"postgresql://postgres@127.0.0.1:{server.port},127.0.0.1:{server.port}/postgres?target_session_attrs="
    for attribute in ("any", "primary", "read-write", "prefer-standby"):
        assert await whom(address + attribute) == "postgres@postgres"
    for attribute in ("standby", "read-only"):
        with pytest.raises(asyncpg_trio.TargetServerAttributeNotMatched):
            await whom(address + attribute)
    count = "select count(*) from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid()"
    await until(lambda: server.sql(count) == "0")


async def test_ipv6(bare):
    if not socket.has_ipv6:
        pytest.skip("no IPv6 on this machine")
    with socket.socket(socket.AF_INET6) as probe:
        try:
            probe.bind(("::1", 0))
        except OSError:
            pytest.skip("no IPv6 loopback on this machine")
    hba = ["local all all trust", "host all all ::1/128 trust"]
    with PostgresServer(settings={"listen_addresses": "::1"}, hba=hba) as server:
        assert await whom(f"postgresql://postgres@[::1]:{server.port}/postgres") == "postgres@postgres"


async def test_happy_eyeballs_try_every_address_of_a_name(server, bare):
    class TwoAddresses(trio.abc.HostnameResolver):
        async def getaddrinfo(self, host, port, family=0, type=0, proto=0, flags=0):  # noqa: A002
            dead, alive = ("127.0.0.2", port), ("127.0.0.1", port)
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", address) for address in (dead, alive)]

        async def getnameinfo(self, sockaddr, flags):
            raise NotImplementedError

    trio.socket.set_custom_hostname_resolver(TwoAddresses())
    assert await whom(host="two.example.org", port=server.port, user="postgres") == "postgres@postgres"


async def test_an_unknown_database_is_the_servers_error(server, bare):
    with pytest.raises(asyncpg_trio.InvalidCatalogNameError):
        await whom(server.dsn("nowhere"))


async def test_server_settings_hold_for_the_session(server, bare):
    async with asyncpg_trio.connect(server.dsn(), server_settings={"application_name": "mine"}) as conn:
        assert await conn.fetchval("show application_name") == "mine"
        assert conn.get_settings().application_name == "mine"
        assert conn.get_server_version().major >= 15


@pytest.mark.parametrize(
    "option", [{"loop": object()}, {"connection_class": object}, {"timeout": 1}, {"command_timeout": 1}], ids=str
)
async def test_what_is_not_supported_says_so(option):
    with pytest.raises(NotImplementedError, match=next(iter(option))):
        async with asyncpg_trio.connect(**option):
            pass


async def test_a_mistyped_option_is_an_error(server):
    with pytest.raises(TypeError, match="databse"):
        async with asyncpg_trio.connect(server.dsn(), databse="x"):
            pass


async def test_asyncpgs_exceptions_are_offered_and_the_same():  # noqa: ASYNC124
    import asyncpg

    assert asyncpg_trio.exceptions is asyncpg.exceptions
    for name in asyncpg.exceptions.__all__:
        assert getattr(asyncpg_trio, name) is getattr(asyncpg.exceptions, name)
