"""Connection options: asyncpg's, with their types and defaults, less those that make no sense here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypedDict

if TYPE_CHECKING:
    import ssl as ssl_module
    from collections.abc import Awaitable, Callable, Mapping, Sequence
    from os import PathLike

    from ._asyncpg_private import Record

TIMEOUT = "timeout= is not supported: put the call into a cancel scope, as in `with trio.fail_after(seconds):`"
REFUSED = {
    "timeout": TIMEOUT,
    "command_timeout": f"command_{TIMEOUT}",
    "loop": "loop= is not supported: there is no event loop but Trio's",
    "connection_class": "connection_class= is not supported: asyncpg_trio has its own Connection",
    "connect": "connect= is not supported: pass the connection options themselves",
}
DEFAULTS: dict[str, Any] = {
    "dsn": None,
    "host": None,
    "port": None,
    "user": None,
    "password": None,
    "passfile": None,
    "service": None,
    "servicefile": None,
    "database": None,
    "statement_cache_size": 100,
    "max_cached_statement_lifetime": 300,
    "max_cacheable_statement_size": 1024 * 15,
    "ssl": None,
    "direct_tls": None,
    "server_settings": None,
    "target_session_attrs": None,
    "krbsrvname": None,
    "gsslib": None,
}


class ConnectOptions(TypedDict, total=False):
    """What `connect` and `create_pool` take besides the address; each as in asyncpg.

    Attributes:
        password: or a function, plain or async, that returns it.
        ssl: a libpq mode from "disable" to "verify-full", True, or a context.
        direct_tls: TLS from the first byte, for PostgreSQL 17 and later.
        server_settings: set for the session when it begins.
        target_session_attrs: which of several hosts will do: "any", "primary", "standby", "prefer-standby",
            "read-write", "read-only".
        statement_cache_size: how many prepared statements are kept; 0 for PgBouncer's transaction mode.
        record_class: for rows; a subclass of `Record`.
    """

    host: str | Sequence[str] | None
    port: int | str | Sequence[int] | None
    user: str | None
    password: str | Callable[[], str] | Callable[[], Awaitable[str]] | None
    passfile: str | PathLike[str] | None
    service: str | None
    servicefile: str | PathLike[str] | None
    database: str | None
    statement_cache_size: int
    max_cached_statement_lifetime: int
    max_cacheable_statement_size: int
    ssl: str | bool | ssl_module.SSLContext | None
    direct_tls: bool | None
    server_settings: Mapping[str, str] | None
    target_session_attrs: str | None
    krbsrvname: str | None
    gsslib: str | None
    record_class: type[Record]


def refuse_timeout(timeout: object) -> None:
    """Refuse a `timeout=` argument.

    Raises:
        NotImplementedError: unless the argument was left out.
    """
    if timeout is not None:
        raise NotImplementedError(TIMEOUT)


def checked(options: Mapping[str, Any]) -> dict[str, Any]:
    """All options, defaults filled in.

    Raises:
        NotImplementedError: for what asyncpg takes and this package does not, with what to use instead.
        TypeError: for an option nobody knows.
    """
    taken = {**DEFAULTS}
    for name, value in options.items():
        if name in REFUSED:
            if value is not None:
                raise NotImplementedError(REFUSED[name])
        elif name in DEFAULTS or name == "record_class":
            taken[name] = value
        else:
            raise TypeError(f"unknown connection option {name!r}")
    return taken
