"""The composition root: where every lifetime nests.

    database (embedded server, pool)
      └─ front: gate, feed; services: finisher, reporter, listener, sweep    end last: the work needs them
           └─ term: one node row, one lease                  again and again while the daemon lives
                └─ lease scope: dispatcher ─ drain loops ─ attempts

A term ends by a lost lease (attempts are stopped, a new term begins when the database is back) or by shutdown (nothing
more is claimed, attempts get the grace, the rest is released). Either way what was in hand is put back at once.
"""

from __future__ import annotations

import math
import os
import signal
import socket
import uuid
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

import msgspec
import trio

from drena import hygiene
from drena.config import changed_settings
from drena.engine.attempt import Attempts
from drena.engine.call import Desk
from drena.engine.dispatcher import Dispatcher, DispatchLimits
from drena.engine.figures import QueueFigures
from drena.engine.finishes import Finisher, batch_size
from drena.engine.gauges import connect_gauges
from drena.engine.lease import Lease, release_jobs
from drena.engine.loop_watch import LoopWatch
from drena.engine.observers import Observers
from drena.engine.outages import outlast
from drena.engine.outside import warn_of_clashes
from drena.engine.pruning import prune_now_and_then
from drena.engine.refusals import Refusals
from drena.engine.reports import Reporter
from drena.engine.rescue import Rescuer
from drena.engine.sign_of_life import SignOfLife
from drena.engine.stray_tasks import StrayTasks
from drena.engine.wakes import CHANNEL, listen_for_wakes
from drena.errors import Exit
from drena.front import open_front
from drena.metrics import Metrics
from drena.schedules import CHANNEL as SCHEDULES
from drena.schedules import Scheduler
from drena.store.jobs import save_attempts
from drena.store.migrate import migrate
from drena.store.schedules import save_jitter
from drena.systemd import notify

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from asyncpg_trio import Connection, Pool
    from drena.api import Provider
    from drena.config import Config
    from drena.engine.outside import Outside
    from drena.front import Front
    from drena.log import LogLines
    from drena.plugins import PluginHost
    from drena.redaction import Redactor

RELEASE_LIMIT_S: Final = 5.0
STRAGGLERS_LIMIT_S: Final = 8.0
"""Longer than the driver takes to give up a server that answers nothing: query, rollback and reset, 2 s each."""
LIVE_SECTIONS: Final = ("tenant", "poll", "retry", "shutdown", "heal", "retention", "schedule", "providers")
SWEEP_LIMIT_S: Final = 300.0


class Daemon:
    """One running node.

    Args:
        config: the whole configuration.
        url: the database, as `open_database` says.
        pool: its pool.
        host: the providers.
        outside: the providers' secrets and HTTP clients.
        redactor: knows the secrets handed out.
        log: the daemon's log.
        inherited: listening sockets that systemd opened, by name: `drena-feed`, `drena-http`.
        die: ends the process at once, with this exit code; called when a provider does not let a term end.
    """

    def __init__(
        self,
        *,
        config: Config,
        url: str,
        pool: Pool,
        host: PluginHost,
        outside: Outside,
        redactor: Redactor,
        log: LogLines,
        inherited: Mapping[str, Sequence[socket.socket]] = MappingProxyType({}),
        die: Callable[[int], object] = os._exit,
    ) -> None:
        self._die = die
        self._inherited = inherited
        self._config = config
        self._outside = outside
        self._lease: Lease | None = None
        self._url = url
        self._pool = pool
        self._host = host
        self._log = log = log.bind()  # once: an unbound logger is bound anew at each line
        self.refusals = Refusals()
        self.metrics = self._connected_metrics()
        self._finisher = Finisher(pool, self.refusals, log, self.metrics, batch=batch_size(config.node.max_jobs))
        self._reporter = Reporter(pool, self.refusals, log)
        self._observers = self._opened_observers(redactor) if host.observers else None
        self._attempts = Attempts(
            Desk(
                pool=pool,
                providers=host.providers,
                finisher=self._finisher,
                reporter=self._reporter,
                refusals=self.refusals,
                outside=outside,
                redactor=redactor,
                retry=lambda: self._config.retry,
                log=log,
                deadline_s=self._deadline_s,
                no_progress_s=lambda provider: provider.limits.no_progress_s,
                metrics=self.metrics,
                observers=self._observers,
                traces=outside.traces,
            )
        )
        self._dispatcher: Dispatcher | None = None
        self._front: Front | None = None
        self._sign_of_life = SignOfLife(url, pool, lambda: self._dispatcher, lambda: self._stopping, log)
        self._to_release: set[uuid.UUID] = set()
        self._stopping = False
        self._stop_at_s = math.inf
        self._grace = trio.CancelScope()

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Migrate, sweep, then drain until `stop`; `started` once jobs are being claimed.

        Cancelled, it stops at once and puts back what was in hand, within `RELEASE_LIMIT_S`.

        Raises:
            DatabaseError: the database is newer than this program.
        """

        def joined() -> None:
            services.start_soon(self._sign_of_life.run, name="sign of life")
            task_status.started()

        with self._grace_scope() as preparing:
            await self._prepare()
        if preparing.cancel_called:
            return
        front = open_front(
            self._config, self._pool, self._host, self._inherited, self._log, signs=self._signs, metrics=self.metrics
        )
        async with front as self._front, trio.open_nursery() as services:
            services.start_soon(self._finisher.run, name="finisher")
            services.start_soon(self._reporter.run, name="reporter")
            services.start_soon(LoopWatch(self._host.providers, self._log, self.metrics).run, name="loop watch")
            services.start_soon(StrayTasks(self._log).run, name="stray tasks")
            scheduler = Scheduler(self._pool, self.metrics, self._log)
            wakes = {CHANNEL: self._wake, SCHEDULES: scheduler.wake, **self._front.wakes}
            services.start_soon(listen_for_wakes, self._listen_url, wakes, self._log, name="listener")
            services.start_soon(self._sweep_now_and_then, name="sweep")
            services.start_soon(prune_now_and_then, self._pool, lambda: self._config.retention, self._log, name="prune")
            services.start_soon(scheduler.run, name="schedules")
            if self._observers is not None:
                services.start_soon(self._observers.run, name="observers")
                services.start_soon(self._observers.bury, name="observers' end")
            await self._run_term(joined)
            while not self._stopping:
                await self._run_term(_not_news)
            if self._observers is not None:
                await self._observers.wait_told()
            services.cancel_scope.cancel(reason="drained")

    def _connected_metrics(self) -> Metrics:
        metrics = Metrics()
        QueueFigures(self._pool, frozenset(self._host.providers), metrics)
        connect_gauges(
            metrics,
            pool=self._pool,
            paces=self._outside.paces,
            refusals=self.refusals,
            lease=lambda: self._lease,
            dispatcher=lambda: self._dispatcher,
            room=lambda: self._config.node.max_jobs,
        )
        return metrics

    def _opened_observers(self, redactor: Redactor) -> Observers:
        return Observers(
            self._host.observers,
            pool=self._pool,
            outside=self._outside,
            redactor=redactor,
            metrics=self.metrics,
            log=self._log,
            die=self._die,
        )

    def _signs(self) -> dict[str, bool]:
        """What `/readyz` tells of this node."""
        return {"lease": self._lease is not None and self._dispatcher is not None, "running": not self._stopping}

    def stop(self) -> None:
        """Claim nothing more and end when the attempts in hand have, at the latest after the grace. Twice: at once."""
        if self._stopping:
            self._grace.cancel(reason="told twice")
            return
        self._stopping = True
        notify("STOPPING=1", f"STATUS=Stopping; attempts get {self._config.shutdown.grace_s:g} s.")
        self._stop_at_s = trio.current_time() + self._config.shutdown.grace_s
        self._grace.deadline = self._stop_at_s
        if self._front is not None:
            self._front.stop()
        if self._dispatcher is None:
            self._grace.cancel(reason="nothing is in hand")
        else:
            self._dispatcher.close()

    async def reload(self, config: Config) -> tuple[list[str], list[str]]:
        """Take what can change while running.

        Returns:
            The keys that were taken, and those that need a restart.
        """
        taken, refused = changed_settings(self._config, config)
        live = {name: getattr(config, name) for name in LIVE_SECTIONS}
        node = msgspec.structs.replace(self._config.node, max_jobs=config.node.max_jobs)
        logs = msgspec.structs.replace(self._config.log, level=config.log.level)
        self._config = self._outside.config = msgspec.structs.replace(self._config, node=node, log=logs, **live)
        self._finisher.batch = batch_size(self._config.node.max_jobs)
        if self._dispatcher is not None and self._lease is not None:
            self._dispatcher.limit(self._limits())
            with trio.move_on_after(RELEASE_LIMIT_S):  # the next term tells them otherwise
                await outlast("tell limits", partial(self._tell_limits, self._lease), self._log)
        return taken, refused

    async def _tell_limits(self, lease: Lease) -> None:
        async with self._pool.acquire() as conn:
            await lease.tell_limits(conn, self._limits())
            await self._save_settings(conn)

    async def _save_settings(self, conn: Connection) -> None:
        """What SQL functions, and commands without this configuration, need to know."""
        await hygiene.save_thresholds(conn, self._config.heal)
        await save_jitter(conn, self._config.schedule.jitter_s)
        await save_attempts(conn, {slug: p.limits.max_attempts for slug, p in self._host.providers.items()})

    @property
    def ready(self) -> bool:
        """Whether the service manager was told that everything serves."""
        return self._sign_of_life.ready

    async def _prepare(self) -> None:
        notify("STATUS=Bringing the database up to date.")
        async with self._pool.acquire() as conn:
            for name in await migrate(conn):
                self._log.info("migration applied", migration=name)
            await warn_of_clashes(conn, self._host.providers, self._log)

    async def _run_term(self, on_joined: Callable[[], None]) -> None:
        lease = Lease(uuid.uuid4(), self._config.lease.lease_s, self._log)
        rescuer = Rescuer(self._pool, lease, self._wake, self._log, self.metrics)
        dispatcher = Dispatcher(
            self._pool, lease.node_id, self._limits(), self._attempts, rescuer.notice, self._log, self.metrics
        )
        try:
            with self._grace_scope(), lease.scope:
                await self._join(lease)
                self._dispatcher, self._lease = dispatcher, lease
                if self._stopping:
                    dispatcher.close()

                def tell() -> tuple[int, int]:
                    return dispatcher.running, self.refusals.total

                async with trio.open_nursery() as term:
                    term.start_soon(lease.keep, self._url, tell, self._pool.expire_connections, name="lease")
                    await self._settle()
                    term.start_soon(self._bury_stragglers, lease, dispatcher, name="stragglers")
                    term.start_soon(rescuer.run, name="rescue")
                    term.start_soon(self._attempts.watch, name="watch")
                    on_joined()
                    self._log.info("node joined", node=str(lease.node_id), providers=sorted(self._host.providers))
                    await dispatcher.run()
                    term.cancel_scope.cancel(reason="drained")
        finally:
            self._dispatcher = self._lease = None
            self._to_release.add(lease.node_id)
            with trio.move_on_after(RELEASE_LIMIT_S, shield=True):
                await self._release()

    async def _bury_stragglers(self, lease: Lease, dispatcher: Dispatcher) -> None:
        """A provider that does not react to the end of its term must not outlive it (I3), nor keep the rest from being
        released (I13). Nothing ends a task that shields itself but the end of the process."""
        try:
            await trio.sleep_forever()
        finally:
            with trio.move_on_after(STRAGGLERS_LIMIT_S, shield=True):
                await dispatcher.ended.wait()
            if not dispatcher.ended.is_set():
                self._log.error("a provider does not react to the end; leaving without it", running=dispatcher.running)
                self._to_release.add(lease.node_id)
                with trio.move_on_after(RELEASE_LIMIT_S, shield=True):
                    await self._release()
                self._die(Exit.OK if self._stopping else Exit.JOB_FAILED)

    async def _release(self) -> None:
        """Put back what earlier terms had in hand; one that ended in an outage is released when the next one joins."""
        for node_id in sorted(self._to_release):
            await release_jobs(self._pool, node_id, "shutdown" if self._stopping else "lease lost", self._log)
            self._to_release.discard(node_id)

    def _grace_scope(self) -> trio.CancelScope:
        """A term's outer scope; unlimited until `stop` gives it a deadline."""
        self._grace = trio.CancelScope(deadline=self._stop_at_s)
        return self._grace

    async def _join(self, lease: Lease) -> None:
        async def join() -> None:
            async with self._pool.acquire() as conn:
                await lease.join(conn, self._name, self._limits())
                await self._save_settings(conn)

        await outlast("join", join, self._log)

    async def _settle(self) -> None:
        """What a term begins with, under a lease that is being kept: it may take long."""
        await self._release()
        await outlast("sweep", self._sweep, self._log, answer_limit_s=SWEEP_LIMIT_S)

    async def _sweep(self) -> None:
        async with self._pool.acquire() as conn:
            for thing in await hygiene.sweep(conn, self._log):
                self.metrics.healed.add(thing.code)

    async def _sweep_now_and_then(self) -> None:
        while True:
            await trio.sleep(self._config.heal.sweep_every_s)
            await outlast("sweep", self._sweep, self._log, answer_limit_s=SWEEP_LIMIT_S)

    def _wake(self) -> None:
        if self._dispatcher is not None:
            self._dispatcher.wake()

    def _limits(self) -> DispatchLimits:
        config = self._config
        return DispatchLimits(
            node_jobs=config.node.max_jobs,
            tenant_jobs=config.tenant.max_jobs,
            provider_jobs={
                slug: config.provider(slug).max_jobs or config.node.max_jobs for slug in self._host.providers
            },
            poll_s=config.poll.poll_s,
        )

    def _deadline_s(self, provider: Provider) -> float:
        return self._config.provider(provider.slug).deadline_s or provider.limits.deadline_s

    @property
    def _name(self) -> str:
        return self._config.node.name or socket.gethostname()

    @property
    def _listen_url(self) -> str:
        return self._config.database.listen_url or self._url


def _not_news() -> None:
    """The terms after the first are joined without anybody waiting for it."""


async def obey_signals(daemon: Daemon, reload: Callable[[], Awaitable[None]]) -> None:
    """SIGTERM and SIGINT stop the daemon with grace, a second one at once; SIGHUP reloads. Runs until cancelled."""
    with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT, signal.SIGHUP) as signals:
        async for number in signals:
            if number == signal.SIGHUP:
                await reload()
            else:
                daemon.stop()
