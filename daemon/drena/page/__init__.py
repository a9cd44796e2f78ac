"""The status page: its files, the headers they go with, and what a browser has to know. No I/O but reading them.

The files lie in `web/` as they are sent: no build step, nothing from anywhere else, so that the policy below can forbid
everything but ourselves. They are read once, when HTTP starts, and from then on served out of memory: a page is never
half of one version and half of another. `web/client/` is a link to `contrib/drena-client`; in whatever is built of the
tree it is a folder.
"""

from __future__ import annotations

import gzip
import hashlib
import posixpath
import re
from importlib import resources
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from importlib.resources.abc import Traversable

LANGUAGES: Final = ("pt", "en")

MEDIA_TYPES: Final = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".webmanifest": "application/manifest+json",
}


MODULES: Final = b"<!-- modules -->"
IMPORT: Final = re.compile(rb'^(?:import|export)[^;"]* from "(\.[^"]+)"', re.MULTILINE)


class Asset(msgspec.Struct, frozen=True):
    """One file of the page."""

    body: bytes
    gzipped: bytes
    """The same for who accepts `Content-Encoding: gzip`: a third of it."""
    media_type: str
    etag: str
    """Quoted. It is that of both forms, so it goes out weak: `W/"…"`."""


def load_assets() -> dict[str, Asset]:
    """Every file by its path below `/page/`; `index.html` is what `GET /` answers."""
    bodies = dict(_bodies(resources.files(__name__) / "web", PurePosixPath()))
    links = (f'<link rel="modulepreload" href="page/{path}">' for path in _modules(bodies, "app.js", set()))
    bodies["index.html"] = bodies["index.html"].replace(MODULES, "\n    ".join(links).encode())
    return {path: _asset(path, body) for path, body in bodies.items()}


def _bodies(folder: Traversable, path: PurePosixPath) -> Iterator[tuple[str, bytes]]:
    for entry in folder.iterdir():
        below = path / entry.name
        if entry.is_dir():
            yield from _bodies(entry, below)
        elif below.suffix in MEDIA_TYPES:
            yield str(below), entry.read_bytes()


def _asset(path: str, body: bytes) -> Asset:
    etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    return Asset(body, gzip.compress(body, 9, mtime=0), MEDIA_TYPES[PurePosixPath(path).suffix], etag)


def _modules(bodies: Mapping[str, bytes], path: str, seen: set[str]) -> Iterator[str]:
    """A module, and every other one that it needs: named at once, they need not be found one after the other."""
    if path in seen:
        return
    seen.add(path)
    yield path
    for found in IMPORT.findall(bodies[path]):
        yield from _modules(bodies, posixpath.normpath(posixpath.join(posixpath.dirname(path), found.decode())), seen)


def security_headers(feed_url: str | None, parents: Sequence[str] = ()) -> dict[str, str]:
    """The headers of the page and its files: nothing is loaded from elsewhere, nobody frames it but `parents`.

    Args:
        feed_url: as `browser_config` gave it; the one other origin that the page may connect to.
        parents: origins that may show the page in a frame.
    """
    connect = " ".join(["'self'", *_origins(feed_url)])
    policy = {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": "'self'",
        "manifest-src": "'self'",
        "connect-src": connect,
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": " ".join(parents) or "'none'",
    }
    return {
        "Content-Security-Policy": "; ".join(f"{name} {value}" for name, value in policy.items()),
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Cross-Origin-Opener-Policy": "unsafe-none" if parents else "same-origin",  # a parent may have opened the page
        "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
        "Cache-Control": "no-cache",
    }


def _origins(feed_url: str | None) -> Iterator[str]:
    found = urlsplit(feed_url or "")
    if found.scheme in ("ws", "wss") and found.netloc:
        yield f"{found.scheme}://{found.netloc}"


def browser_config(
    *, feed_url: str | None, auth_required: bool, storage_key: str | None = None, parents: Sequence[str] = ()
) -> dict[str, Any]:
    """What `GET /page/config.json` answers.

    Args:
        feed_url: where browsers reach the feed: `wss://…`, a path of the page's own origin, or None for long poll only.
        auth_required: False in open mode: the page does not ask for a token then.
        storage_key: of the session storage, where an application of the same origin leaves the token.
        parents: origins that may hand a token over with `postMessage`.
    """
    return {
        "feed_url": feed_url,
        "languages": list(LANGUAGES),
        "auth": {"required": auth_required, "storage_key": storage_key, "parents": list(parents)},
    }


def default_feed_url(*, host: str, secure: bool, feed_port: int) -> str:
    """Where the feed is when nobody has said: on the host that the browser asked for the page, at the feed's port.

    Args:
        host: the `Host` header, `name`, `name:8764` or `[::1]:8764`.
        secure: whether the page came over TLS.
        feed_port: the port the feed listens on.
    """
    name = urlsplit(f"//{host}").hostname or "127.0.0.1"
    name = f"[{name}]" if ":" in name else name
    return f"{'wss' if secure else 'ws'}://{name}:{feed_port}/"
