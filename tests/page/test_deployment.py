"""The example for nginx, in a real nginx: the page over TLS, its feed through the proxy."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
import trio
import trustme

from page import steps
from page.scene import SIGNED_IN, free_port
from repository.tree import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Page

    from page.chromium import Chromium
    from page.scene import Scene

DEPLOYMENT = ROOT / "contrib" / "deployment"
NGINX = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
LIMIT_S = 60.0
NAME = "drena.localhost"
"""Chromium resolves every name below localhost to this machine."""

AROUND = """
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
{sites}
}}
"""


@pytest.mark.skipif(NGINX is None, reason="nginx is missing: apt-get install nginx-light")
async def test_the_page_and_its_feed_work_through_nginx(scene: Scene, chromium: Chromium, tmp_path: Path):
    office = await scene.open_office("contmax", 45)
    port = free_port()
    origin = f"https://{NAME}:{port}"
    settings = {
        "page__feed_url": f"wss://{NAME}:{port}/feed",
        "feed__origins": origin,
        "feed__trusted_proxies": "127.0.0.1",
        "http__trusted_proxies": "127.0.0.1",
    }
    with trio.fail_after(LIMIT_S), run_nginx(scene, port, tmp_path):
        async with (
            scene.serve(**SIGNED_IN, **settings),
            chromium.visit(origin, ignore_https_errors=True) as visit,
        ):
            token = await scene.person(office)

            def work(page: Page) -> None:
                steps.sign_in(page, token)
                steps.wait_live(page)
                steps.run(page, "contmax")
                steps.expect_state(page, "contmax", "success", timeout_ms=30_000)
                assert page.evaluate("fetch('metrics').then((answer) => answer.status)") == 404

            await visit.does(work)
            assert [line for line in visit.said if "404" not in line] == []


@contextmanager
def run_nginx(scene: Scene, port: int, folder: Path) -> Iterator[None]:
    """nginx with the example, its name, ports and certificate replaced, nothing else."""
    certificate = trustme.CA().issue_cert(NAME)
    certificate.private_key_and_cert_chain_pem.write_to_path(folder / "all.pem")
    sites = (DEPLOYMENT / "nginx.conf").read_text()
    changes = {
        r"listen 443 ssl http2": f"listen 127.0.0.1:{port} ssl http2",
        r"listen 80": f"listen 127.0.0.1:{free_port()}",
        r"drena\.example\.com;": f"{NAME};",
        r"ssl_certificate(_key)? .*;": rf"ssl_certificate\1 {folder}/all.pem;",
        r"127\.0\.0\.1:8764": f"127.0.0.1:{scene.http_port}",
        r"127\.0\.0\.1:8765": f"127.0.0.1:{scene.feed_port}",
    }
    for pattern, replacement in changes.items():
        sites, count = re.subn(pattern, replacement, sites)
        assert count, f"the example has no {pattern} any more"
    (folder / "nginx.conf").write_text(AROUND.format(folder=folder, sites=sites))
    command = [NGINX, "-c", folder / "nginx.conf", "-p", folder]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            wait_for_port(port, process)
            yield
        finally:
            process.terminate()


def wait_for_port(port: int, process: subprocess.Popen[str]) -> None:
    """Until nginx listens, or has said why it does not."""
    ready = ["curl", "--silent", "--insecure", "--retry", "50", "--retry-delay", "0", "--retry-connrefused"]
    address = f"https://127.0.0.1:{port}/metrics"
    done = subprocess.run([*ready, "--output", "/dev/null", address], check=False, timeout=20)
    if done.returncode:
        process.kill()
        raise AssertionError(process.communicate()[1])


@pytest.mark.parametrize("name", ["nginx.conf", "Caddyfile"])
def test_an_example_names_both_ports_and_keeps_the_metrics_in(name: str):
    text = (DEPLOYMENT / name).read_text()
    assert "127.0.0.1:8764" in text
    assert "127.0.0.1:8765" in text
    assert "/metrics" in text
