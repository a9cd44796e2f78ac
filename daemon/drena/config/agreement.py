"""Values that are right alone and wrong together, or that only a look inside tells wrong."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from urllib.parse import urlsplit

from drena.errors import ConfigError
from drena.listeners import parse_address
from drena.proxies import parse_networks

from .schema import Keys
from .settings import Auth, Config, Feed, Http

SHORTEST_SECRET_BYTES = 32
ORIGIN = re.compile(r"https?://[a-z0-9.-]+(:[0-9]+)?|https?://\[[0-9a-f:]+\](:[0-9]+)?")
SLUG = re.compile(r"[a-z][a-z0-9_]*")


def expect_agreement(config: Config, places: Mapping[Keys, str]) -> None:
    """Refuse a configuration that contradicts itself.

    Args:
        config: complete, each value right by itself.
        places: where each value comes from.

    Raises:
        ConfigError: one sentence that names the keys.
    """
    if config.retry.base_s > config.retry.cap_s:
        msg = f"`retry.base_s` ({config.retry.base_s:g}) is above `retry.cap_s` ({config.retry.cap_s:g})."
        raise ConfigError(msg)
    if config.database.listen_url and not config.database.url:
        msg = "`database.listen_url` needs `database.url`: the embedded database is listened to directly."
        raise ConfigError(msg)
    urls = {("database", "url"): config.database.url, ("database", "listen_url"): config.database.listen_url}
    for path, url in urls.items():
        _expect_scheme(path, url, ("postgresql", "postgres"), places)
    _expect_scheme(("traces", "endpoint"), config.traces.endpoint, ("http", "https"), places)
    _expect_auth(config.auth, places)
    _expect_door("http", config.http, config.auth)
    _expect_origins("http.cors_origins", config.http.cors_origins)
    _expect_door("feed", config.feed, config.auth)
    _expect_origins("feed.origins", (origin for origin in config.feed.origins if origin != "*"))
    for slug, overrides in config.providers.items():
        if not SLUG.fullmatch(slug):
            msg = (
                f"`providers.{slug}` names no provider: a slug is lower-case letters, digits and _, as in `acessorias`."
            )
            raise ConfigError(msg)
        _expect_scheme(("providers", slug, "proxy"), overrides.proxy, ("http", "https"), places)


def _expect_auth(auth: Auth, places: Mapping[Keys, str]) -> None:
    _expect_scheme(("auth", "jwks_url"), auth.jwks_url, ("https", "http"), places)
    if auth.jwt_secret is not None and len(auth.jwt_secret.encode()) < SHORTEST_SECRET_BYTES:
        msg = f"`auth.jwt_secret` is too short to be safe: it needs {SHORTEST_SECRET_BYTES} bytes at least."
        raise ConfigError(msg)
    if (auth.jwt_secret or auth.jwks_url) and not auth.issuer:
        msg = "`auth.issuer` is missing: set it to what `iss` of the tokens is, as https://project.supabase.co/auth/v1."
        raise ConfigError(msg)


def _expect_door(name: str, door: Http | Feed, auth: Auth) -> None:
    """What HTTP and the feed have in common."""
    address = parse_address(door.listen)
    if address is not None and auth.mode == "open" and not address.is_loopback:
        msg = f"`auth.mode` is `open`, which is for this machine alone: let `{name}.listen` be a loopback address."
        raise ConfigError(msg)
    if (door.tls_cert is None) != (door.tls_key is None):
        msg = f"`{name}.tls_cert` and `{name}.tls_key` go together: set both, or neither."
        raise ConfigError(msg)
    for proxy in door.trusted_proxies:
        try:
            parse_networks([proxy])
        except ConfigError:
            msg = f"`{name}.trusted_proxies` holds `{proxy}`, which is no address: write 127.0.0.1 or 10.0.0.0/8."
            raise ConfigError(msg) from None


def _expect_origins(key: str, origins: Iterable[str]) -> None:
    for origin in origins:
        if not ORIGIN.fullmatch(origin):
            msg = f"`{key}` holds `{origin}`, which is no origin: write https://app.example.com."
            raise ConfigError(msg)


def _expect_scheme(path: Keys, url: str | None, schemes: tuple[str, ...], places: Mapping[Keys, str]) -> None:
    if url is None:
        return
    try:
        scheme = urlsplit(url).scheme
    except ValueError:
        scheme = ""
    if scheme not in schemes:
        msg = f"`{'.'.join(path)}` must be a URL that starts with {schemes[0]}:// ({places.get(path, 'default')})."
        raise ConfigError(msg)
