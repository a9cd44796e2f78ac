"""`drena watch`: jobs as they move, in a terminal. A client of the feed like any other: it needs no database."""

from __future__ import annotations

import math
import os
import random
import sys
from typing import TYPE_CHECKING, Final

import click
import msgspec
import trio
from rich.console import Console
from rich.live import Live

from drena.cli.speech import tell
from drena.cli.watched import picture, plain_line
from drena.config import load_config
from drena.config.sources import TOKEN_VARIABLE
from drena.errors import ConfigError, DrenaError, Exit, UsageError
from drena.feed import protocol
from drena.feed.mirror import Mirror
from drena.feed.websocket import Gone, open_client
from drena.listeners import parse_address

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from drena.config import Config
    from drena.feed.websocket import Connection
    from drena.views import JobView

FIRST_WAIT_S: Final = 0.5
LONGEST_WAIT_S: Final = 30.0
GOOD_AFTER_S: Final = 10.0
"""A connection that has lasted so long makes the next wait short again."""
CONNECT_LIMIT_S: Final = 15.0
DRAW_EVERY_S: Final = 0.1
STOP_CODES: Final = frozenset((*range(4000, 4100), protocol.Code.TOKEN_EXPIRED))
"""Coming back with the same token would end the same way, and there is no other here."""


class Ended(Exception):
    """The connection is over.

    Args:
        reason: why, for people.
        retry_s: when the server wants to see us again; None: as we like.
        final: whether the same will fail again.
    """

    def __init__(self, reason: str, *, retry_s: float | None = None, final: bool = False) -> None:
        super().__init__(reason)
        self.retry_s = retry_s
        self.final = final


async def watch(
    config: Path | None, tenant: str | None, url: str | None, token: str | None, as_json: bool, once: bool
) -> Exit:
    """`drena watch [TENANT]`: until Ctrl-C.

    Raises:
        UsageError: the feed refuses this token, or knows no such tenant.
        ConfigError: the configuration names no feed to connect to.
    """
    place = url or _url_of(load_config(config, os.environ))
    watcher = Watcher(place, token or os.environ.get(TOKEN_VARIABLE), tenant, once=once)
    console = Console(highlight=False)
    if as_json or not console.is_terminal:
        watcher.on_state = lambda state: click.echo(f"drena: {tell(state)}", err=True)
    if as_json:
        watcher.on_frame = _print_json
        await watcher.run()
    elif not console.is_terminal:
        watcher.on_frame = _Teller(watcher).tell
        await watcher.run()
    else:
        with Live(console=console, auto_refresh=False, screen=False) as live:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(_draw, live, watcher)
                await watcher.run()
                nursery.cancel_scope.cancel(reason="nothing more to watch")
            live.update(picture(watcher), refresh=True)
    return Exit.OK


def _url_of(config: Config) -> str:
    address = parse_address(config.feed.listen)
    if address is None or address.path is not None or not address.port:
        raise ConfigError("`feed.listen` names no port to connect to: say where the feed is with --url.")
    scheme = "ws" if config.feed.tls_cert is None else "wss"
    host = address.host or "127.0.0.1"
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{address.port}"


async def _draw(live: Live, watcher: Watcher) -> None:
    while True:
        live.update(picture(watcher), refresh=True)
        await trio.sleep(DRAW_EVERY_S)


def _print_json(frame: protocol.ServerFrame) -> None:
    sys.stdout.write(msgspec.json.encode(frame).decode() + "\n")
    sys.stdout.flush()


class _Teller:
    """For pipes and files: a line for each change of status, and one for each tenth of a job."""

    def __init__(self, watcher: Watcher) -> None:
        self._watcher = watcher
        self._told: dict[object, tuple[str, int]] = {}

    def tell(self, _frame: protocol.ServerFrame) -> None:
        for job in self._watcher.jobs:
            step = (job.status, job.progress // 10)
            if self._told.get(job.id) != step:
                self._told[job.id] = step
                click.echo(plain_line(self._watcher, job))
        sys.stdout.flush()


class Watcher:
    """Keeps a mirror of the feed, through lost connections.

    Args:
        url: of the feed.
        token: whom to be.
        tenant: slug or id, to show this one alone.
        once: end as soon as every tenant was seen.
    """

    def __init__(self, url: str, token: str | None, tenant: str | None, *, once: bool) -> None:
        self._url = url
        self._token = token
        self._tenant = tenant
        self._once = once
        self.mirror = Mirror()
        self.state = "connecting"
        self.on_frame: Callable[[protocol.ServerFrame], None] = lambda _frame: None
        self.on_state: Callable[[str], None] = lambda _state: None

    @property
    def jobs(self) -> list[JobView]:
        """What is to be shown."""
        return [job for job in self.mirror.jobs if self._wants(self.mirror.tenants.get(job.tenant_id))]

    def name_of(self, job: JobView) -> str:
        """The tenant's slug."""
        tenant = self.mirror.tenants.get(job.tenant_id)
        return str(job.tenant_id) if tenant is None else tenant.slug

    def _set_state(self, state: str) -> None:
        was, self.state = self.state, state
        if state != was and (was, state) != ("connecting", "live"):  # that it works at once needs no word
            self.on_state(state)

    def _wants(self, tenant: protocol.Tenant | None) -> bool:
        return tenant is not None and (self._tenant is None or self._tenant in (tenant.slug, str(tenant.id)))

    async def run(self) -> None:
        """Watch until there is a reason to stop.

        Raises:
            UsageError: see `watch`.
        """
        wait_s = FIRST_WAIT_S
        while True:
            began_s = trio.current_time()
            ended = await self._connect()
            if ended is None:
                return
            if ended.final:
                raise UsageError(f"The feed at {self._url} ended this: {str(ended).rstrip('.')}.")
            if self._once:
                raise DrenaError(f"The feed at {self._url} cannot be reached: {str(ended).rstrip('.')}.")
            if trio.current_time() - began_s > GOOD_AFTER_S:
                wait_s = FIRST_WAIT_S
            self._set_state(f"{str(ended).rstrip('.')} at {self._url}; reconnecting")
            await trio.sleep(ended.retry_s or random.uniform(0, wait_s))  # noqa: S311  # jitter
            wait_s = min(wait_s * 2, LONGEST_WAIT_S)

    async def _connect(self) -> Ended | None:
        """One connection; why it ended, or None when all was seen."""
        ended: Ended | None = None
        try:
            with trio.move_on_after(CONNECT_LIMIT_S) as connecting:
                async with open_client(self._url, subprotocol=protocol.SUBPROTOCOL) as connection:
                    connecting.deadline = math.inf
                    await self._follow(connection)
            if connecting.cancelled_caught:
                ended = Ended("nothing answers")
        except* Gone as group:
            gone = _first(group)
            assert isinstance(gone, Gone)
            ended = Ended(gone.reason or f"closed ({gone.code})", final=gone.code in STOP_CODES)
        except* Ended as group:
            found = _first(group)
            assert isinstance(found, Ended)
            ended = found
        except* ValueError:
            message = f"{self._url} is no address of a feed: write ws://host:port or wss://host."
            raise UsageError(message) from None
        except* DrenaError as group:
            raise _first(group) from None
        return ended

    async def _follow(self, connection: Connection) -> None:
        hello = protocol.Hello(token=self._token, resume=self.mirror.positions, client={"name": "drena watch"})
        await connection.send(protocol.encode(hello).decode())
        silence_s = 60.0
        while not (self._once and self._seen):
            with trio.move_on_after(silence_s) as silence:
                frame = protocol.decode_server(await connection.receive())
            if silence.cancelled_caught:
                raise Ended("the feed has fallen silent")
            if isinstance(frame, protocol.Welcome):
                silence_s = 2 * frame.hb_ms / 1000 + 2
                self._set_state("live")
                self._expect_tenant(frame)
            elif isinstance(frame, protocol.Bye):
                retry_s = None if frame.retry_ms is None else frame.retry_ms / 1000
                raise Ended(frame.reason, retry_s=retry_s, final=frame.code in STOP_CODES)
            if not self.mirror.take(frame):
                assert isinstance(frame, protocol.Delta)
                await connection.send(protocol.encode(protocol.Resync(tenant=frame.tenant)).decode())
            self.on_frame(frame)

    @property
    def _seen(self) -> bool:
        known = self.mirror.of
        return self.state == "live" and all(t in known and known[t].epoch for t in self.mirror.tenants)

    def _expect_tenant(self, frame: protocol.Welcome) -> None:
        if self._tenant is not None and not any(self._wants(tenant) for tenant in frame.tenants):
            raise UsageError(f"There is no tenant {self._tenant} that this token may see.")


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
