"""Several nodes on one database, the jobs they are given, and the proof afterwards that nothing was lost or doubled."""

from __future__ import annotations

import json
import os
import shutil
import signal
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

import trio

from drena.engine.outages import PASSING
from drena.store.doctor import examine
from support.daemons import FAST, DaemonProcess, environment, launch_daemon
from support.offices import add_office

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    import asyncpg_trio
    from support.proxies import Proxy

PROVIDER = Path(__file__).parents[1] / "faults" / "provider" / "drena_ticker.py"
LEASE_S = 3.0
OTHERS = "drena-acessorias,drena-bomcontrole,drena-onecode,drena-webhook"
"""Plugins that these nodes do without: each costs a start time."""
LOOK_EVERY_S = 0.02
LIMIT_S = 60.0

HURRIED = {**FAST, "log.level": "info", "lease.lease_s": LEASE_S, "poll.poll_s": 0.5, "tenant.max_jobs": 4}

IN_TRANSACTION = """
select count(*) > 0 from pg_stat_activity where state = 'idle in transaction' and datname = current_database()
"""
UNENDED = "select count(*) from integration_jobs where status in ('pending', 'running')"
STATUSES = "select status, error_code, count(*) as n from integration_jobs group by 1, 2 order by 1, 2"
# Every line that ends a job; a job has exactly one (I2).
ENDINGS = """
select j.id, j.status, count(l.id) as endings
from integration_jobs j
left join drena.job_logs l on l.job_id = j.id
     and (l.fields ->> 'event' = 'attempt.finished'
          or l.fields ->> 'event' = 'job.rescued' and l.fields ->> 'status' <> 'pending')
where j.status in ('success', 'error')
group by j.id having count(l.id) <> 1
"""
SETTLED = """
select j.id, count(l.id) as n from integration_jobs j left join integration_logs l on l.execution_id = j.id
where j.status in ('success', 'error', 'canceled') group by j.id having count(l.id) <> 1
"""
# A successful job has each of its pages once, in the order of growing tokens.
PAGES = """
select j.id, j.payload -> 'pages' as pages, array_agg(t.page order by t.at) as applied
from integration_jobs j left join ticks t on t.job_id = j.id
where j.status = 'success'
group by j.id
having array_agg(t.page order by t.at) is distinct from
       (select array_agg(n) from generate_series(1, coalesce((j.payload ->> 'pages')::integer, 3)) n)
"""
DOUBLED = "select job_id, page, count(*) from ticks group by 1, 2 having count(*) > 1"
TOKENS = """
select * from (select job_id, page, token, lag(token) over (partition by job_id order by at) as before from ticks) t
where before > token
"""
COUNTED = """
select s.job_id, s.total_read, count(t.*) from sync_jobs s left join ticks t using (job_id)
group by s.id having s.total_read <> count(t.*)
"""
PICTURE = (
    STATUSES,
    "select id, name, lease_until - now(), running from drena.nodes",
    """
    select pid, application_name, state, wait_event_type, wait_event, now() - xact_start, pg_blocking_pids(pid),
           left(query, 120)
    from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()
    """,
    """
    select id, status, attempts, rescues, error_code, lease_token, node_id, run_at - now()
    from integration_jobs where status in ('pending', 'running') limit 20
    """,
    """
    select l.job_id, l.attempt, l.message, l.fields
    from drena.job_logs l join integration_jobs j on j.id = l.job_id
    where j.status in ('pending', 'running') order by l.id desc limit 30
    """,
)
PROOFS = {
    "ended more than once, or without a line that says so": ENDINGS,
    "without exactly one row of integration_logs": SETTLED,
    "success without every page once, in order": PAGES,
    "pages applied twice": DOUBLED,
    "pages written under an older token than the one before": TOKENS,
    "counted wrongly": COUNTED,
}


def install_ticker(folder: Path) -> Path:
    """Make the test's provider an installed distribution in this folder, for `plugins.path`."""
    shutil.copy(PROVIDER, folder)
    info = folder / "drena_ticker-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: drena-ticker\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[drena]\nticker = drena_ticker\n")
    return folder


@contextmanager
def stopped(pid: int) -> Iterator[None]:
    """SIGSTOP a process for the length of the block."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


@dataclass(frozen=True)
class Entry:
    """A line of the journal, see the provider."""

    at: float
    pid: int
    job: UUID
    event: str


@dataclass
class Fleet:
    """Nodes on one database."""

    pool: asyncpg_trio.Pool
    dsn: str
    plugins: Path
    journal: Path
    offices: list[UUID] = field(default_factory=list)

    @asynccontextmanager
    async def node(
        self, name: str = "north", *, through: Proxy | None = None, joined: bool = True, env: Any = (), **settings: Any
    ) -> AsyncIterator[DaemonProcess]:
        """A daemon.

        Args:
            name: of the node.
            through: its way to the database.
            joined: wait until it claims.
            env: more environment variables.
            settings: `lease__lease_s=3`
        """
        dotted = {key.replace("__", "."): value for key, value in settings.items()}
        known = {"plugins.path": self.plugins, "plugins.disabled": OTHERS, "node.name": name}
        words = environment(self.address(through), settings={**HURRIED, **known, **dotted})
        words |= {"TICKER_JOURNAL": str(self.journal), "DRENA_STATE_DIR": str(self.journal.parent), **dict(env)}
        async with launch_daemon(words, joined=joined) as daemon:
            try:
                yield daemon
            finally:
                if daemon.process.returncode is None:
                    daemon.send(signal.SIGCONT)

    def address(self, through: Proxy | None) -> str:
        """The database's address for a node."""
        if through is None:
            return self.dsn
        return f"postgresql://postgres@127.0.0.1:{through.port}/{self.dsn.rpartition('/')[2].partition('?')[0]}"

    async def office(self, slug: str = "contmax") -> UUID:
        """A tenant with the integration `ticker`."""
        self.offices.append(await add_office(self.pool, slug, provider="ticker"))
        return self.offices[-1]

    async def request(self, office: UUID, lane: str = "", **orders: Any) -> UUID:
        """Ask for a job; its id."""
        return await self.ask(
            "select (job).id from drena.request_job($1, 'ticker', $2, $3::jsonb)", office, lane, json.dumps(orders)
        )

    async def ask(self, query: str, *args: Any) -> Any:
        """The first value of a query; an outage is outlasted."""
        while True:
            try:
                return await self.pool.fetchval(query, *args)
            except PASSING:
                await trio.sleep(LOOK_EVERY_S)

    async def rows(self, query: str, *args: Any) -> list[Any]:
        """The rows of a query; an outage is outlasted."""
        while True:
            try:
                return [tuple(row) for row in await self.pool.fetch(query, *args)]
            except PASSING:
                await trio.sleep(LOOK_EVERY_S)

    async def until(self, query: str, *args: Any, limit_s: float = LIMIT_S) -> Any:
        """Ask until the answer is true, also through outages."""
        with trio.move_on_after(limit_s):
            while not (found := await self.ask(query, *args)):  # noqa: ASYNC110  # the database has no event for us
                await trio.sleep(LOOK_EVERY_S)
            return found
        raise AssertionError(f"not within {limit_s} s: {query} {args}\n{await self.picture()}")

    async def status_is(self, job: UUID, *statuses: str, limit_s: float = LIMIT_S) -> None:
        """Wait for a status of a job."""
        query = "select status = any ($2) from integration_jobs where id = $1"
        await self.until(query, job, list(statuses), limit_s=limit_s)

    async def all_ended(self, limit_s: float = LIMIT_S) -> None:
        """Wait until no job is active."""
        await self.until(f"select ({UNENDED}) = 0", limit_s=limit_s)

    async def rescues(self) -> int:
        """How often any job was rescued, by the log."""
        return await self.ask("select count(*) from drena.job_logs where fields ->> 'event' = 'job.rescued'")

    async def job(self, job: UUID) -> dict[str, Any]:
        """The row of a job."""
        return dict((await self.pool.fetch("select * from integration_jobs where id = $1", job))[0])

    async def prove(self, *, statuses: set[str] | None = None) -> None:
        """Every job has ended, once; every page was applied once; no invariant is broken."""
        assert await self.ask(UNENDED) == 0, await self.picture()
        broken = {what: found for what, query in PROOFS.items() if (found := await self.rows(query))}
        assert broken == {}, f"{broken}\n{await self.picture()}"
        async with self.pool.acquire() as conn:
            assert await examine(conn) == [], await self.picture()
        ended = await self.rows(STATUSES)
        assert statuses is None or {status for status, _, _ in ended} <= statuses, ended

    async def picture(self) -> str:
        """The queue as it stands, for a failing test."""
        return "\n".join([str(row) for query in PICTURE for row in await self.rows(query)])

    def entries(self, job: UUID | None = None) -> list[Entry]:
        """The journal, in the order it was written."""
        text = self.journal.read_text() if self.journal.exists() else ""
        found = [Entry(**{**line, "job": UUID(line["job"])}) for line in map(json.loads, text.splitlines())]
        return [entry for entry in found if job is None or entry.job == job]
