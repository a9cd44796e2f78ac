"""The status page and its files, as `drena.page` keeps them; and what it has to know."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import Response

from drena import page
from drena.http.answers import json_answer
from drena.problems import Refused

if TYPE_CHECKING:
    from drena.http.calls import Call


class Pages:
    """The files, read once."""

    def __init__(self) -> None:
        self._assets = page.load_assets()

    async def front(self, call: Call) -> Response:
        """`GET /`."""
        return self._serve(call, "index.html")

    async def file(self, call: Call) -> Response:
        """`GET /page/{path}`. A path is looked up, never opened: it leads nowhere but to one of the files."""
        return self._serve(call, call.request.path_params["path"])

    async def config(self, call: Call) -> Response:
        """`GET /page/config.json`."""
        settings = call.house.config
        told = page.browser_config(
            feed_url=feed_url(call),
            auth_required=settings.auth.mode != "open",
            storage_key=settings.page.storage_key,
            parents=settings.page.parents,
        )
        return json_answer(told, headers={"Cache-Control": "no-store"})

    def _serve(self, call: Call, path: str) -> Response:
        asset = self._assets.get(path or "index.html")
        if asset is None:
            raise Refused("not_found")
        plain = asset.etag.removeprefix("W/").strip('"')
        zipped = "gzip" in _tokens(call.request.headers.get("accept-encoding", ""))
        etag = f'"{plain}-gz"' if zipped else f'"{plain}"'
        headers = page.security_headers(feed_url(call), call.house.config.page.parents)
        headers |= {"ETag": etag, "Vary": "Accept-Encoding"}
        known = {tag.removeprefix("W/") for tag in _tokens(call.request.headers.get("if-none-match", ""))}
        if etag in known or "*" in known:
            return Response(status_code=304, headers=headers)
        if zipped:
            headers["Content-Encoding"] = "gzip"
        return Response(asset.gzipped if zipped else asset.body, 200, headers, media_type=asset.media_type)


def _tokens(header: str) -> list[str]:
    """The members of a list in a header; those that are refused with `q=0` are not among them."""
    parts = [part.strip().partition(";") for part in header.split(",")]
    return [name.strip() for name, _, weight in parts if weight.replace(" ", "") not in ("q=0", "q=0.0")]


def feed_url(call: Call) -> str | None:
    """Where the browser finds the feed: as the operator says, or on the same host at the feed's port."""
    said = call.house.config.page.feed_url
    if said == "off":
        return None
    port = call.house.feed_port()
    if said or port is None:
        return said
    host = call.request.headers.get("host", "")
    return page.default_feed_url(host=host, secure=call.secure, feed_port=port)
