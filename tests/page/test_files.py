"""The page as files: complete, small, of this daemon alone."""

from __future__ import annotations

import gzip
import os
import re
from pathlib import Path

import pytest

from drena import page
from repository.tree import ROOT

CLIENT = ROOT / "contrib" / "drena-client" / "src"
ASSETS = page.load_assets()
MOST_BYTES = 200_000
TEXTS = re.compile(r'^    "([\w.]+)": "(.*)",$', re.MULTILINE)


def test_the_page_ships_the_client_as_it_is_in_contrib():
    shipped = {path.removeprefix("client/"): asset.body for path, asset in ASSETS.items() if path.startswith("client/")}
    assert shipped == {path.name: path.read_bytes() for path in CLIENT.glob("*.js")}


def test_every_file_of_the_page_is_served():
    web = Path(page.__file__).parent / "web"
    found = {Path(folder) / name for folder, _, names in os.walk(web, followlinks=True) for name in names}
    assert set(ASSETS) == {str(path.relative_to(web)) for path in found}
    assert all(gzip.decompress(asset.gzipped) == asset.body for asset in ASSETS.values())


def test_the_page_is_small():
    assert sum(len(asset.gzipped) for asset in ASSETS.values()) < MOST_BYTES / 2


def test_no_file_names_another_place():
    allowed = {b"http://www.w3.org/2000/svg"}
    code = [asset.body for path, asset in ASSETS.items() if not path.startswith("client/")]
    found = {
        url for body in code for url in re.findall(rb"(?:https?:)?//[a-z0-9][a-z0-9.-]+\.[a-z]{2,}[^\"'\s]*", body)
    }
    assert found <= allowed


def test_every_module_is_loaded_at_once_and_not_one_after_the_other_as_each_is_found():
    referred = re.findall(r'(?:href|src)="page/([^"]+)"', ASSETS["index.html"].body.decode())
    assert set(referred) <= set(ASSETS)
    code = {path for path, asset in ASSETS.items() if path.endswith(".js") and b"\nimport " in asset.body}
    assert code <= set(referred)
    assert "views/card.js" in referred
    assert "client/types.js" not in referred  # nothing but types


def test_both_languages_say_the_same_things_with_the_same_blanks():
    portuguese, english = ASSETS["texts.js"].body.decode().split("  en: {")
    pt, en = dict(TEXTS.findall(portuguese)), dict(TEXTS.findall(english))
    assert set(pt) == set(en)
    blanks = re.compile(r"\{\w+\}")
    assert [key for key in pt if sorted(blanks.findall(pt[key])) != sorted(blanks.findall(en[key]))] == []


def test_nothing_runs_or_loads_but_what_the_daemon_serves():
    policy = page.security_headers("wss://feed.example.com/x")["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert "default-src 'none'" in policy
    assert "connect-src 'self' wss://feed.example.com;" in policy
    assert "frame-ancestors 'none'" in policy
    assert b"<style" not in ASSETS["index.html"].body
    assert re.search(rb"\son\w+=|\sstyle=|<script>", ASSETS["index.html"].body) is None


def test_a_frame_is_allowed_to_those_that_are_named():
    policy = page.security_headers(None, ["https://app.example.com"])["Content-Security-Policy"]
    assert "frame-ancestors https://app.example.com" in policy
    assert "connect-src 'self';" in policy


@pytest.mark.parametrize(
    "host, secure, expected",
    [
        ("office.example.com", True, "wss://office.example.com:8765/"),
        ("127.0.0.1:8764", False, "ws://127.0.0.1:8765/"),
        ("[::1]:8764", False, "ws://[::1]:8765/"),
        ("", False, "ws://127.0.0.1:8765/"),
    ],
)
def test_the_feed_is_on_the_host_that_was_asked_for_the_page(host: str, secure: bool, expected: str):
    assert page.default_feed_url(host=host, secure=secure, feed_port=8765) == expected
