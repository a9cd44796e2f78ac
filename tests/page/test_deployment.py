"""The examples for proxies, in a real nginx and a real Caddy: the page over TLS, its feed and the API through them, and
a daemon that is restarted behind them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
import trio
import trustme
from playwright.sync_api import expect

from page import steps
from page.scene import SIGNED_IN, free_port
from repository.tree import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from playwright.sync_api import Page

    from page.chromium import Chromium
    from page.scene import Scene

DEPLOYMENT = ROOT / "contrib" / "deployment"
LIMIT_S = 90.0
NAME = "drena.localhost"
"""Chromium resolves every name below localhost to this machine."""

AROUND_NGINX = """
daemon off;
pid {folder}/nginx.pid;
error_log stderr;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
{site}
}}
"""

AROUND_CADDY = """
{{
    admin off
    auto_https disable_redirects
    skip_install_trust
    storage file_system {folder}/storage
}}
{site}
"""

ASK = """async ([path, token]) => {
    const answer = await fetch(path, { headers: { Authorization: `Bearer ${token}` } });
    return [answer.status, answer.headers.get('content-type'), await answer.text()];
}"""


@dataclass(frozen=True)
class Proxy:
    """One that there is an example for."""

    program: str
    package: str
    example: str
    around: str
    command: tuple[str, ...]
    changes: Mapping[str, str]
    """What has to be another on a test's machine: name, ports, certificate. Nothing else is touched."""

    @property
    def path(self) -> str | None:
        """Where it is, if it is."""
        return shutil.which(self.program, path=f"{os.environ['PATH']}:/usr/sbin")


NGINX = Proxy(
    program="nginx",
    package="nginx-light",
    example="nginx.conf",
    around=AROUND_NGINX,
    command=("-c", "{file}", "-p", "{folder}"),
    changes={
        r"listen 443 ssl http2": "listen 127.0.0.1:{port} ssl http2",
        r"listen 80": "listen 127.0.0.1:{other}",
        r"drena\.example\.com;": "{name};",
        r"ssl_certificate(_key)? .*;": r"ssl_certificate\1 {folder}/all.pem;",
    },
)
CADDY = Proxy(
    program="caddy",
    package="caddy",
    example="Caddyfile",
    around=AROUND_CADDY,
    command=("run", "--adapter", "caddyfile", "--config", "{file}"),
    changes={
        r"drena\.example\.com \{": "https://{name}:{port} {{\nbind 127.0.0.1\ntls {folder}/all.pem {folder}/all.pem",
    },
)


@pytest.fixture(params=[NGINX, CADDY], ids=lambda proxy: proxy.program)
def proxy(request: pytest.FixtureRequest) -> Proxy:
    """Each of them; one that is not here is said to be missing, but never in CI."""
    found: Proxy = request.param
    if found.path is None and not os.environ.get("CI"):
        pytest.skip(f"{found.program} is missing: apt-get install {found.package}")
    return found


async def test_page_feed_and_api_work_through_a_proxy_also_after_the_daemon_was_restarted(
    proxy: Proxy, scene: Scene, chromium: Chromium, tmp_path: Path
):
    office = await scene.open_office("contmax", 45)
    port = free_port()
    origin = f"https://{NAME}:{port}"
    settings = {
        "page__feed_url": f"wss://{NAME}:{port}/feed",
        "feed__origins": origin,
        "feed__trusted_proxies": "127.0.0.1",
        "http__trusted_proxies": "127.0.0.1",
    }
    with trio.fail_after(LIMIT_S), run_proxy(proxy, scene, port, tmp_path):
        async with chromium.visit("", ignore_https_errors=True) as visit:
            token = await scene.person(office)
            async with scene.serve(**SIGNED_IN, **settings):

                def work(page: Page) -> None:
                    page.goto(origin)
                    steps.sign_in(page, token)
                    steps.wait_live(page)
                    page.evaluate("window.sameDocument = true")
                    steps.run(page, "contmax")
                    steps.expect_state(page, "contmax", "success", timeout_ms=30_000)
                    status, kind, text = page.evaluate(ASK, [f"v1/feed?tenant_id={office.id}", token])
                    assert (status, kind) == (200, "application/json"), text
                    status, kind, text = page.evaluate(ASK, ["v1/jobs/none", token])
                    assert (status, kind) == (404, "application/problem+json"), text
                    status, _, text = page.evaluate(ASK, ["metrics", token])
                    assert (status, "drena_" in text) == (404, False), text

                await visit.does(work)

            def lose(page: Page) -> None:
                expect(page.locator(".chip")).to_have_attribute("data-connection", "reconnecting")

            await visit.does(lose)
            async with scene.serve(**SIGNED_IN, **settings):

                def come_back(page: Page) -> None:
                    steps.wait_live(page)
                    steps.run(page, "contmax")
                    steps.expect_state(page, "contmax", "success", timeout_ms=30_000)
                    assert page.evaluate("window.sameDocument")

                await visit.does(come_back)
            away = re.compile("404|50[24]|WebSocket connection to")  # what Chromium writes of a server that is away
            assert [line for line in visit.said_by_the_page() if not away.search(line)] == []


@contextmanager
def run_proxy(proxy: Proxy, scene: Scene, port: int, folder: Path) -> Iterator[None]:
    """The proxy with its example, nothing replaced but what must be."""
    certificate = trustme.CA().issue_cert(NAME)
    certificate.private_key_and_cert_chain_pem.write_to_path(folder / "all.pem")
    site = (DEPLOYMENT / proxy.example).read_text()
    words = {"name": NAME, "port": port, "other": free_port(), "folder": folder, "file": folder / proxy.example}
    ports = {r"127\.0\.0\.1:8764": f"127.0.0.1:{scene.http_port}", r"127\.0\.0\.1:8765": f"127.0.0.1:{scene.feed_port}"}
    for pattern, replacement in {**proxy.changes, **ports}.items():
        site, count = re.subn(pattern, replacement.format(**words), site)
        assert count, f"the example has no {pattern} any more"
    (folder / proxy.example).write_text(proxy.around.format(folder=folder, site=site))
    command = [proxy.path, *(word.format(**words) for word in proxy.command)]
    log = folder / "log"
    env = {"HOME": str(folder), "XDG_CONFIG_HOME": str(folder), "XDG_DATA_HOME": str(folder)}
    with log.open("w") as stderr, subprocess.Popen(command, env=env, stderr=stderr, stdout=stderr) as process:
        try:
            wait_for_port(port, log)
            yield
        finally:
            process.terminate()


def wait_for_port(port: int, log: Path) -> None:
    """Until the proxy listens, or has said why it does not."""
    ready = ["curl", "--silent", "--insecure", "--retry", "50", "--retry-delay", "0", "--retry-connrefused"]
    address = ["--resolve", f"{NAME}:{port}:127.0.0.1", f"https://{NAME}:{port}/metrics"]
    done = subprocess.run([*ready, "--output", "/dev/null", *address], check=False, timeout=20)
    assert done.returncode == 0, log.read_text()


@pytest.mark.parametrize("proxy", [NGINX, CADDY], ids=lambda proxy: proxy.program)
def test_an_example_names_both_ports_and_keeps_the_metrics_in(proxy: Proxy):
    text = (DEPLOYMENT / proxy.example).read_text()
    assert "127.0.0.1:8764" in text
    assert "127.0.0.1:8765" in text
    assert "/metrics" in text
