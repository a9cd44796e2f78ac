"""The client of an attempt over real sockets: one test per way a connection goes wrong.

Every server listens on a free port of 127.0.0.1, answers by a script, and every test is under a time limit. The clock
is real; waits are made short by settings.
"""

from __future__ import annotations

import shutil
import socket
import ssl
import struct
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest
import trio

from drena.api import ProviderUnreachable
from drena.outgoing import Clients, ClientSettings, Pace, RetryRules

LIMIT_S = 10
QUICK = RetryRules(tries=2, base_s=0.01, total_s=5)
FULL = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-type: application/json\r\n\r\n[]"
CUT = b"HTTP/1.1 200 OK\r\ncontent-length: 200\r\n\r\n[{"
Script = Callable[[trio.SocketStream], Awaitable[None]]


class Quiet:
    """A `drena.api.Logger` nobody reads."""

    def debug(self, message: str, **fields: object) -> None: ...

    info = warning = error = debug


class Server:
    """Runs the next script for each connection; the last one stays."""

    def __init__(self, *scripts: Script) -> None:
        self.scripts = list(scripts)
        self.connections = 0
        self.open = 0
        self.reached = trio.Event()
        self.none_open = trio.Event()

    async def serve(self, stream: trio.SocketStream) -> None:
        self.connections += 1
        self.open += 1
        self.reached.set()
        script = self.scripts[0] if len(self.scripts) == 1 else self.scripts.pop(0)
        try:
            async with stream:
                await script(stream)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            pass
        finally:
            self.open -= 1
            if not self.open:
                self.none_open.set()


@asynccontextmanager
async def serving(*scripts: Script) -> AsyncIterator[tuple[Server, str]]:
    server = Server(*scripts)
    with trio.fail_after(LIMIT_S):
        async with trio.open_nursery() as nursery:
            listeners = await nursery.start(partial(trio.serve_tcp, server.serve, 0, host="127.0.0.1"))
            yield server, f"http://127.0.0.1:{listeners[0].socket.getsockname()[1]}/x"
            nursery.cancel_scope.cancel()


@asynccontextmanager
async def opened(**settings):
    settings = {"retry": QUICK, **settings}
    async with Clients().open(pace=Pace(1e6), log=Quiet(), settings=ClientSettings(**settings)) as made:
        yield made()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory) -> Path:
    """A certificate for 127.0.0.1 that nobody signed, with its key beside it."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("no openssl to make a certificate with")
    folder = tmp_path_factory.mktemp("tls")
    command = [openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command += ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "2"]
    command += ["-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem")]
    subprocess.run(command, check=True, capture_output=True, timeout=LIMIT_S)
    return folder / "cert.pem"


def over_tls(certificate: Path, script: Script) -> Script:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, certificate.with_name("key.pem"))

    async def speak(stream: trio.SocketStream) -> None:
        await script(trio.SSLStream(stream, context, server_side=True, https_compatible=True))

    return speak


async def heard(stream: trio.SocketStream) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data:
        chunk = await stream.receive_some()
        if not chunk:
            break
        data += chunk
    return data


async def answer_all(stream: trio.SocketStream) -> None:
    while await heard(stream):
        await stream.send_all(FULL)


async def reset(stream: trio.SocketStream) -> None:
    await heard(stream)
    stream.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


async def cut(stream: trio.SocketStream) -> None:
    await heard(stream)
    await stream.send_all(CUT)


async def silent(stream: trio.SocketStream) -> None:
    """Never answers; ends when the client hangs up."""
    await heard(stream)
    await heard(stream)


async def babble(stream: trio.SocketStream) -> None:
    await heard(stream)
    await stream.send_all(b"SSH-2.0-OpenSSH_9.2\r\n")


async def answer_once_and_close(stream: trio.SocketStream) -> None:
    await heard(stream)
    await stream.send_all(FULL)


async def test_one_connection_serves_the_whole_attempt_and_is_closed_with_it():
    async with serving(answer_all) as (server, url):
        async with opened() as client:
            for _ in range(5):
                assert (await client.get(url)).json() == []
            assert server.connections == 1
        await server.none_open.wait()


async def test_a_cancelled_attempt_leaves_no_connection_open():
    async with serving(silent) as (server, url):
        async with trio.open_nursery() as attempts:

            async def attempt() -> None:
                async with opened() as client:
                    await client.get(url)

            attempts.start_soon(attempt)
            await server.reached.wait()
            attempts.cancel_scope.cancel()
        await server.none_open.wait()


@pytest.mark.parametrize(
    "script, words",
    [(reset, "interrompeu"), (cut, "cortou"), (babble, "fora do protocolo")],
    ids=["reset", "cut body", "no HTTP"],
)
async def test_a_broken_answer_is_asked_for_again_and_told_in_one_sentence(script, words):
    async with serving(script, answer_all) as (server, url), opened() as client:
        assert (await client.get(url)).status_code == 200
        assert server.connections == 2
    async with serving(script) as (server, url), opened() as client:
        with pytest.raises(ProviderUnreachable, match=words):
            await client.get(url)
        assert server.connections == 2


async def test_a_slow_answer_is_a_timeout_and_not_a_hang():
    async with serving(silent, answer_all) as (_, url), opened(read_timeout_s=0.1) as client:
        assert (await client.get(url)).status_code == 200
    async with serving(silent) as (_, url), opened(read_timeout_s=0.1) as client:
        with pytest.raises(ProviderUnreachable, match="não respondeu a tempo"):
            await client.get(url)


async def test_an_answer_that_drips_for_ever_is_ended_by_the_total_time():
    async def drip(stream: trio.SocketStream) -> None:
        await heard(stream)
        await stream.send_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n")
        while True:
            await stream.send_all(b"x")
            await trio.sleep(0.01)

    rules = RetryRules(tries=2, base_s=0.01, total_s=0.3)
    async with serving(drip) as (_, url), opened(read_timeout_s=5, retry=rules) as client:
        with pytest.raises(ProviderUnreachable, match=r"0\.3 s"):
            await client.get(url)


async def test_nobody_listening_is_told_as_refused():
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{held.getsockname()[1]}/x"
        with trio.fail_after(LIMIT_S):
            async with opened() as client:
                with pytest.raises(ProviderUnreachable, match="recusou"):
                    await client.get(url)


async def test_a_connection_the_server_closed_between_two_requests_is_replaced():
    async with serving(answer_once_and_close) as (server, url), opened() as client:
        for _ in range(3):
            assert (await client.get(url)).status_code == 200
        assert server.connections >= 3


async def test_a_server_nobody_vouches_for_is_told_as_untrusted_and_not_asked_again(certificate):
    async with serving(over_tls(certificate, answer_all)) as (server, url), opened() as client:
        with pytest.raises(ProviderUnreachable, match="certificado"):
            await client.get(url.replace("http:", "https:"))
        assert server.connections == 1


async def test_a_certificate_file_by_setting_is_trusted(certificate):
    async with serving(over_tls(certificate, answer_all)) as (server, url), opened(ca_file=certificate) as client:
        for _ in range(2):
            assert (await client.get(url.replace("http:", "https:"))).json() == []
        assert server.connections == 1


async def test_a_proxy_by_setting_is_used():
    asked: list[bytes] = []

    async def proxy(stream: trio.SocketStream) -> None:
        asked.append(await heard(stream))
        await stream.send_all(FULL)

    async with serving(proxy) as (_, url), opened(proxy=url.removesuffix("/x")) as client:
        assert (await client.get("http://api.example.invalid/companies")).status_code == 200
    assert asked[0].startswith(b"GET http://api.example.invalid/companies HTTP/1.1")


async def test_hundreds_of_cancelled_requests_leave_no_socket_behind():
    async def slow(stream: trio.SocketStream) -> None:
        while await heard(stream):
            await trio.sleep(0.002)
            await stream.send_all(FULL)

    async with serving(slow) as (server, url):
        async with opened(max_connections=4) as client:
            for n in range(100):
                with trio.move_on_after(n % 10 / 1000):
                    await client.get(url)
            assert (await client.get(url)).status_code == 200
        if server.open:
            await server.none_open.wait()
