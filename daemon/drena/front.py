"""What clients connect to: the gate, the hub of the feed, the feed's door, the HTTP API. Opened before the first job is
claimed."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import trio

from drena.access import open_gate
from drena.access.gate import CHANNEL as ACCESS_CHANNEL
from drena.errors import ConfigError
from drena.feed.desk import Desk
from drena.feed.hub import CHANNEL as FEED_CHANNEL
from drena.feed.hub import Hub
from drena.feed.longpoll import LongPolls
from drena.feed.server import FeedServer
from drena.http.app import GRACE_S, serve_http
from drena.http.calls import House
from drena.listeners import add_tls, bound_address, is_loopback, open_listeners
from drena.metrics import Metrics

if TYPE_CHECKING:
    import socket
    from collections.abc import AsyncIterator, Callable, Mapping, Sequence

    from asyncpg_trio import Pool
    from drena.access import Gate
    from drena.config import Config, Feed
    from drena.log import LogLines
    from drena.plugins import PluginHost

    Listeners = Sequence[trio.SocketListener] | Sequence[trio.SSLListener[trio.SocketStream]]


class Front:
    """The parts, for whoever serves something beside the feed.

    Args:
        gate: who may do what.
        hub: what happens, live.
    """

    def __init__(self, gate: Gate, hub: Hub) -> None:
        self.gate = gate
        self.hub = hub
        self.feed: FeedServer | None = None
        self.feed_addresses: list[str] = []
        """Where the feed listens, with the ports the system chose."""
        self.http_addresses: list[str] = []
        """Where the API listens."""
        self.house: House | None = None
        """What the API answers with; None while it is not served."""

    @property
    def wakes(self) -> dict[str, Callable[[], None]]:
        """Whom a notification on which channel concerns."""
        return {ACCESS_CHANNEL: self.gate.wake, FEED_CHANNEL: self.hub.wake}

    def stop(self) -> None:
        """Let nobody in any more and say goodbye. Never waits; what is open ends with the block of `open_front`."""
        if self.feed is not None:
            self.feed.stop()
        if self.house is not None:
            self.house.stopping.set()

    def signs(self) -> dict[str, bool]:
        """What `/readyz` tells of the feed."""
        return {} if self.feed is None else {"feed": self.hub.silence_s == 0}

    @property
    def feed_port(self) -> int | None:
        """The feed's TCP port, for browsers that look for it beside the page."""
        ports = [address.rpartition(":")[2] for address in self.feed_addresses if not address.startswith("unix:")]
        return int(ports[0]) if ports else None

    async def wait_http_ended(self) -> None:
        """After `stop`: what is under way is answered, or its time is over."""
        if self.house is not None:
            with trio.move_on_after(GRACE_S + 1):
                await self.house.ended.wait()


@asynccontextmanager
async def open_front(
    config: Config,
    pool: Pool,
    host: PluginHost,
    inherited: Mapping[str, Sequence[socket.socket]],
    log: LogLines,
    *,
    signs: Callable[[], dict[str, bool]] = dict,
    metrics: Metrics | None = None,
) -> AsyncIterator[Front]:
    """Serve clients for the length of the block; entered, they can connect.

    Args:
        config: the sections `auth`, `feed`, `http`, `page`.
        pool: where jobs are.
        host: the providers of this node.
        inherited: listening sockets from systemd, `drena-feed` and `drena-http`.
        log: the daemon's log.
        signs: what `/readyz` tells of the node, by name.
        metrics: what `/metrics` answers; counts what clients do.

    Raises:
        ConfigError: an address is taken, a certificate does not serve.
    """
    metrics = metrics or Metrics()
    async with open_gate(config, pool, host, log) as gate, trio.open_nursery() as nursery:
        front = Front(gate, Hub(pool, log, poll_s=config.feed.poll_s))
        await nursery.start(front.hub.run, name="feed hub")
        plain = await open_listeners(config.feed.listen, inherited.get("drena-feed", ()))
        if plain:
            if config.auth.mode == "open" and not all(map(is_loopback, plain)):
                raise ConfigError("`auth.mode` is `open`, which is for this machine alone: the feed's socket is not.")
            front.feed = FeedServer(
                hub=front.hub,
                gate=gate,
                desk=Desk(pool, host),
                pool=pool,
                settings=config.feed,
                same_host=config.auth.mode != "open",
                log=log,
            )
            front.feed_addresses = [bound_address(listener) for listener in plain]
            _read_feed(metrics, front.hub, front.feed)
            listeners = await _with_tls(plain, config.feed)
            await nursery.start(front.feed.run, listeners, name="feed server")
            log.info("feed listening", addresses=front.feed_addresses, tls=config.feed.tls_cert is not None)

        def all_signs() -> dict[str, bool]:
            return {**signs(), **front.signs()}

        metrics.ready.read = lambda: {(check,): float(well) for check, well in all_signs().items()}
        web = await open_listeners(config.http.listen, inherited.get("drena-http", ()))
        if web:
            if config.auth.mode == "open" and not all(map(is_loopback, web)):
                raise ConfigError("`auth.mode` is `open`, which is for this machine alone: the API's socket is not.")
            front.house = House(
                pool=pool,
                host=host,
                gate=gate,
                polls=LongPolls(front.hub),
                config=config,
                log=log,
                metrics=metrics,
                signs=all_signs,
                feed_port=lambda: front.feed_port,
            )
            front.http_addresses = [bound_address(listener) for listener in web]
            await nursery.start(serve_http, web, front.house, log, name="http server")
            log.info("http listening", addresses=front.http_addresses, tls=config.http.tls_cert is not None)
        yield front
        front.stop()
        if front.feed is not None:
            await front.feed.wait_ended()
        await front.wait_http_ended()
        nursery.cancel_scope.cancel(reason="drained")


def _read_feed(metrics: Metrics, hub: Hub, feed: FeedServer) -> None:
    metrics.feed_connections.read = lambda: {(state,): number for state, number in feed.states.items()}
    metrics.feed_tenants.read = lambda: {(): hub.watched}
    metrics.feed_readings.read = lambda: {(): hub.readings}
    metrics.feed_deliveries.read = lambda: {(): hub.deliveries}
    metrics.feed_resumes.read = lambda: {(how,): hub.resumes[how] for how in ("new", "delta", "snapshot")}
    metrics.feed_slow.read = lambda: {(): feed.slow_closed}
    metrics.feed_refused.read = lambda: {(): feed.refused}
    metrics.feed_silence.read = lambda: {(): hub.silence_s}


async def _with_tls(plain: list[trio.SocketListener], settings: Feed) -> Listeners:
    if settings.tls_cert is None or settings.tls_key is None:
        return plain
    return await trio.to_thread.run_sync(add_tls, plain, settings.tls_cert, settings.tls_key)
