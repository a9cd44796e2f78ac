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
        return json_answer(told, headers={"Cache-Control": "no-cache"})

    def _serve(self, call: Call, path: str) -> Response:
        asset = self._assets.get(path)
        if asset is None:
            raise Refused("not_found")
        headers = page.security_headers(feed_url(call), call.house.config.page.parents) | {"ETag": asset.etag}
        known = [tag.strip().removeprefix("W/") for tag in call.request.headers.get("if-none-match", "").split(",")]
        if asset.etag in known or "*" in known:
            return Response(status_code=304, headers=headers)
        return Response(asset.body, 200, headers, media_type=asset.media_type)


def feed_url(call: Call) -> str | None:
    """Where the browser finds the feed: as the operator says, or on the same host at the feed's port."""
    settings = call.house.config.page
    if settings.feed_url is not None:
        return settings.feed_url or None
    port = call.house.feed_port()
    if port is None:
        return None
    host = call.request.headers.get("host", "")
    return page.default_feed_url(host=host, secure=call.request.url.scheme == "https", feed_port=port)
