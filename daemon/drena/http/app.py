"""The HTTP application, put together: operations, router, document, front."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import msgspec
import trio

from drena import __version__
from drena.http.answers import refusal
from drena.http.connection import Manners
from drena.http.explaining import Document
from drena.http.front import Front
from drena.http.openapi import openapi
from drena.http.operations import api_operations, other_operations
from drena.http.pages import Pages
from drena.http.routing import Gatekeeper, Operation, make_router
from drena.http.server import HttpServer
from drena.listeners import add_tls
from drena.proxies import is_in, parse_networks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.types import ASGIApp

    from drena.config import Http
    from drena.http.calls import House
    from drena.log import LogLines

HEAD_BYTES = 16 * 1024
HEAD_S = 10.0
IDLE_S = 75.0
SEND_S = 20.0
GRACE_S = 5.0


def all_operations(settings: Http) -> list[Operation]:
    """Every operation, the one that gives the document which describes them all among them."""
    document = Document(lambda: msgspec.json.encode(openapi(operations, __version__)))
    operations = [*api_operations(), *other_operations(settings, Pages(), document.serve)]
    return operations


def build_app(house: House) -> ASGIApp:
    """The application.

    Raises:
        ConfigError: a setting of `http` cannot be.
    """
    return Front(make_router(all_operations(house.config.http), Gatekeeper(house.config.http)), house)


async def serve_http(
    listeners: Sequence[trio.SocketListener],
    house: House,
    log: LogLines,
    *,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve the API on these listeners until `house.stopping` is set and what is under way is answered; then set
    `house.ended`.

    Raises:
        ConfigError: a setting of `http` cannot be.
    """
    settings = house.config.http
    app = build_app(house)  # before anything is accepted: what cannot be is said at the start
    trusted = parse_networks(settings.trusted_proxies)
    server = HttpServer(
        app,
        Manners(head_bytes=HEAD_BYTES, head_s=HEAD_S, idle_s=IDLE_S, send_s=SEND_S),
        max_connections=settings.max_connections,
        max_per_address=settings.max_per_address,
        trusted=partial(is_in, networks=trusted),
        grace_s=GRACE_S,
        refusal=partial(refusal, head_bytes=HEAD_BYTES),
        log=log,
    )
    served: Sequence[trio.abc.Listener[trio.abc.Stream]] = listeners
    if settings.tls_cert is not None and settings.tls_key is not None:
        served = await trio.to_thread.run_sync(add_tls, listeners, settings.tls_cert, settings.tls_key)

    async with trio.open_nursery() as nursery:
        await nursery.start(partial(server.run, served), name="http")
        task_status.started()
        await house.stopping.wait()
        server.stop()
    house.ended.set()
