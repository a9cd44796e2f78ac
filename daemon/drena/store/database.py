"""The door to PostgreSQL: opens the pool, and turns what a person can put right into one clear sentence."""

from __future__ import annotations

import socket
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import trio

import asyncpg_trio
from asyncpg_trio import exceptions as pg
from drena.errors import ConfigError, DatabaseAwayError, DatabaseError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

CONNECT_LIMIT_S: Final = 10.0
STATEMENTS_KEPT: Final = 100
"""Prepared, a connection."""


def describe_url(url: str) -> str:
    """The server and database of a URL in words that may be shown: no password, no options."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return "the database of database.url"
    where = f"{host}:{port or 5432}" if host else "the local socket"
    return f"the database {parts.path.lstrip('/') or '(default)'} at {where}"


@contextmanager
def clear_errors(url: str) -> Iterator[None]:
    """Map failures to connect, once, at the edge.

    Raises:
        DatabaseError: it cannot be reached or refuses us; the sentence names the server and the way out.
        ConfigError: the URL itself makes no sense.
    """
    where = describe_url(url)
    try:
        yield
    except pg.ProtocolViolationError as error:
        if "startup parameter" not in str(error):
            raise DatabaseAwayError(f"{_upper(where)} does not speak as PostgreSQL does ({error}).") from error
        raise DatabaseError(
            f"{_upper(where)} is a pooler that lets no session be set up ({error}): set database.listen_url to a "
            "direct URL, or let it ignore_startup_parameters = jit, idle_in_transaction_session_timeout."
        ) from error
    except pg.InvalidPasswordError as error:
        raise DatabaseError(
            f"{_upper(where)} refuses the password: correct the user and password in database.url."
        ) from error
    except pg.InvalidAuthorizationSpecificationError as error:
        raise DatabaseError(
            f"{_upper(where)} refuses this user ({error}): correct database.url or pg_hba.conf."
        ) from error
    except pg.InvalidCatalogNameError as error:
        raise DatabaseError(f"{_upper(where)} does not exist: create it or correct database.url.") from error
    except pg.TooManyConnectionsError as error:
        raise DatabaseAwayError(
            f"{_upper(where)} has no free connection: lower database.pool_size or raise max_connections."
        ) from error
    except pg.CannotConnectNowError as error:
        raise DatabaseAwayError(f"{_upper(where)} is starting up or shutting down: try again in a moment.") from error
    except pg.InsufficientPrivilegeError as error:
        raise DatabaseError(f"{_upper(where)} does not let this user do that ({error}): grant it the right.") from error
    except (pg.ClientConfigurationError, ValueError) as error:
        raise ConfigError(f"database.url cannot be read: {error}") from error
    except socket.gaierror as error:
        raise DatabaseAwayError(f"{_upper(where)} cannot be found: check the host name in database.url.") from error
    except (OSError, trio.TooSlowError, TimeoutError, pg.PostgresConnectionError, pg.InterfaceError) as error:
        raise DatabaseAwayError(
            f"{_upper(where)} cannot be reached: is PostgreSQL running and database.url right?"
        ) from error


def _upper(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]


@asynccontextmanager
async def open_pool(
    url: str, *, size: int = 10, idle_limit_s: float = 15.0, pooled: bool = False
) -> AsyncIterator[asyncpg_trio.Pool]:
    """Open the daemon's pool, with one connection proven.

    Args:
        url: where.
        size: connections at most.
        idle_limit_s: how long a transaction may stand idle. The server then ends it: a process that froze, or a
            network that went half open, in the middle of a claim or a page would hold its locks until somebody
            notices, and keep every other node from claiming or from taking the job back (I5).
        pooled: a transaction pooler stands at this URL. Its sessions are everybody's: nothing can be set for one, nor
            prepared in one; contrib/operating.md says how the role then gets the two settings.

    Raises:
        DatabaseError: see `clear_errors`. Only while opening; later failures are asyncpg's own, in the caller's task.
    """
    idle_ms = round(idle_limit_s * 1000)
    settings = {"application_name": "drena"}
    if not pooled:
        settings |= {"jit": "off", "idle_in_transaction_session_timeout": f"{idle_ms}ms"}
    prepared = 0 if pooled else STATEMENTS_KEPT
    async with asyncpg_trio.create_pool(
        url, min_size=0, max_size=size, server_settings=settings, statement_cache_size=prepared
    ) as pool:
        with clear_errors(url), trio.fail_after(CONNECT_LIMIT_S):
            await pool.fetchval("select 1")
        yield pool
