"""The status page's files, as HTTP serves them. What the page does is tested in tests/page."""

from __future__ import annotations

import gzip

import pytest


@pytest.mark.parametrize("path", ["/", "/page/", "/page/index.html", "/page/app.js"])
async def test_a_file_is_served_whole_once_and_then_by_its_tag(path, api):
    plain = await api.get(path, headers={"accept-encoding": "identity", "authorization": ""})
    zipped = await api.get(path, headers={"accept-encoding": "gzip", "authorization": ""})
    assert (plain.status_code, zipped.status_code) == (200, 200)
    assert plain.content == zipped.content
    assert zipped.headers["content-encoding"] == "gzip"
    assert int(zipped.headers["content-length"]) < int(plain.headers["content-length"])
    assert plain.headers["etag"] != zipped.headers["etag"]
    assert "Accept-Encoding" in zipped.headers["vary"]
    for answer in (plain, zipped):
        assert answer.headers["etag"].startswith('"')
        asked = {"if-none-match": f'"other", {answer.headers["etag"]}'}
        asked["accept-encoding"] = answer.headers.get("content-encoding", "identity")
        again = await api.get(path, headers=asked)
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == answer.headers["etag"]


async def test_the_page_may_load_nothing_from_elsewhere(api, served):
    policy = (await api.get("/")).headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    feed = (await api.get("/page/config.json")).json()["feed_url"]
    assert feed.rstrip("/") in policy


async def test_the_page_is_told_where_the_feed_is(api, served):
    config = await api.get("/page/config.json", headers={"authorization": ""})
    assert config.json()["feed_url"] == f"ws://127.0.0.1:{served.find('feed listening')[0]['addresses'][0][10:]}/"
    assert config.json()["auth"]["required"] is True
    assert config.headers["cache-control"] == "no-store"


async def test_zipped_files_are_what_they_say(api):
    async with api.stream("GET", "/page/app.js", headers={"accept-encoding": "gzip"}) as answer:
        raw = b"".join([chunk async for chunk in answer.aiter_raw()])
    assert gzip.decompress(raw) == (await api.get("/page/app.js")).content
