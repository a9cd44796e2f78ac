"""One job on the real engine: claimed, fenced, run and finished as a node does it, one attempt at a time.

Nothing of the daemon is replaced but the network, the environment that secrets come from, and the dispatcher: the test
says when the next attempt begins. All waits for the database stand outside of a virtual clock.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self, cast
from uuid import UUID, uuid4

import msgspec
import pytest
import trio

from drena.api import Counters, GiveUp, Provider
from drena.config import Config, ProviderOverrides
from drena.engine.attempt import Attempts
from drena.engine.call import Desk
from drena.engine.finishes import Finisher
from drena.engine.outside import Outside
from drena.engine.refusals import Refusals
from drena.engine.reports import Reporter
from drena.engine.threads import Threads
from drena.outgoing import Clients, PaceBook
from drena.redaction import Redactor
from drena.secrets import SecretStore, variable_name
from drena.store.database import open_pool
from drena.store.jobs import claim_jobs, request_job
from drena.store.queries import sql
from drena.testing.clock import real_time
from drena.testing.database import statement
from drena.testing.lines import Lines
from drena.testing.witness import Account, Witness

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import httpx2

    from asyncpg_trio import Connection, Pool
    from drena.api import Logger
    from drena.store.jobs import Claim
    from drena.testing.database import Database

__all__ = ["Case", "JobState", "Workbench", "open_workbench"]

TENANT: Final = "escritorio-de-teste"
LEASE_S: Final = 3600.0


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """What a job is run with."""

    settings: Mapping[str, Any] = {}
    secrets: Mapping[str, str] = {}
    payload: Mapping[str, Any] = {}
    lane: str = ""
    base_url: str | None = None
    checkpoint: Any = None


class JobState(msgspec.Struct, frozen=True, kw_only=True):
    """A job's row, log and counters."""

    status: str
    code: str | None
    message: str | None
    result: Any
    checkpoint: Any
    attempts: int
    progress: Mapping[str, Any] | None
    retry_in_s: float | None
    counters: Mapping[str, Counters]
    log: list[tuple[str, str, Mapping[str, Any]]]


class HeldPool:
    """A pool whose every use stops a virtual clock."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    @asynccontextmanager
    async def acquire(self) -> AsyncIterator[Connection]:
        with real_time():
            async with self._pool.acquire() as conn:
                yield conn

    def __getattr__(self, name: str) -> Callable[..., Any]:
        call = getattr(self._pool, name)

        async def held(*args: Any) -> Any:
            with real_time():
                return await call(*args)

        return held


class HeldThreads(Threads):
    """Threads that stop a virtual clock while they are at work."""

    async def run(self, slug: str, log: Logger, func: Any, *args: Any) -> Any:  # type: ignore[override]
        with real_time():
            return await super().run(slug, log, func, *args)


class HeldOutside(Outside):
    """A way out whose threads stop a virtual clock while they are at work."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.threads = HeldThreads()


def outside_of(case: Case, provider: Provider, redactor: Redactor, transport: httpx2.AsyncBaseTransport) -> Outside:
    """The provider's way out to this transport, with the case's secrets."""
    environ = {variable_name(provider.slug, name, TENANT): value for name, value in case.secrets.items()}
    config = Config(state_dir=Path(), providers={provider.slug: ProviderOverrides()})
    return HeldOutside(config, SecretStore(environ, redactor), Clients(transport=transport), PaceBook())


class Workbench:
    """A job and a node for it; see `open_workbench`."""

    def __init__(self, pool: HeldPool, desk: Desk, providers: dict[str, Provider], provider: Provider) -> None:
        self.node = uuid4()
        self.job_id: UUID | None = None
        self.account = Account()
        """What the provider did in the latest attempt."""
        self._pool = cast("Pool", pool)
        self._desk = desk
        self._providers = providers
        self._provider = provider
        self._attempts = Attempts(desk)

    async def set_up(self, case: Case) -> Self:
        """Join as a node, open the office and ask for the job."""
        provider = self._provider
        pool = self._pool
        limits: tuple[Any, ...] = (LEASE_S, 1, 1, "{}")
        await pool.execute(sql("join_node"), self.node, "drena.testing", "0", [provider.slug], *limits)
        office = await pool.fetchval(statement("find_office"), TENANT)
        if office is None:
            office = await pool.fetchval(statement("open_office"), "Escritório de teste", TENANT)
        await pool.execute(statement("drop_integration"), office, provider.slug)
        settings = msgspec.json.encode(case.settings).decode()
        await pool.execute(statement("add_integration"), office, provider.slug, case.base_url, settings)
        asked = await request_job(
            pool,
            office,
            provider.slug,
            lane=case.lane,
            payload=dict(case.payload),
            max_attempts=int(provider.limits.max_attempts),
        )
        if asked.job is None or asked.outcome != "created":
            raise GiveUp(
                "test_setup", f"the job was not created ({asked.outcome}): is another one of this test active?"
            )
        self.job_id = UUID(asked.job["id"])
        if case.checkpoint is not None:
            text = msgspec.json.encode(case.checkpoint).decode()
            await pool.execute(statement("set_checkpoint"), self.job_id, text)
        return self

    async def attempt(self, account: Account | None = None) -> Account:
        """Run the next attempt to its written verdict. Cancelled, it leaves the job as a killed node would.

        Returns:
            What the provider did in it.
        """
        account = self.account = account or Account()
        await self._pool.execute(statement("pull_forward"), self.job_id)
        claim = await self._claim()
        self._providers[self._provider.slug] = Witness(self._provider, account)
        await self._attempts.run(claim)
        await self._desk.reporter.flush()
        return account

    async def _claim(self) -> Claim:
        claims = await claim_jobs(
            self._pool, node=self.node, providers={self._provider.slug: 1}, room=1, tenant_cap=1000
        )
        if not claims.jobs:
            raise RuntimeError("there is no attempt to run: the job has ended or still runs")
        return claims.jobs[0]

    def cancel(self) -> None:
        """What `drena cancel` does to the running attempt."""
        assert self.job_id is not None
        self._attempts.cancel(self.job_id)

    async def release(self) -> None:
        """Put the job of a killed attempt back for the next one, under a new lease token."""
        await self._pool.fetch(sql("release_jobs"), self.node, "drena.testing", None)

    async def take_over(self) -> None:
        """Take the job from the running attempt, as a rescue by another node does: the attempt is a zombie now."""
        await self._pool.execute(statement("take_over"), self.job_id)

    async def state(self) -> JobState:
        """How the job stands."""
        row = await self._pool.fetchrow(statement("read_job"), self.job_id)
        counted = await self._pool.fetch(statement("read_counters"), self.job_id)
        lines = await self._pool.fetch(statement("read_log"), self.job_id)
        assert row is not None
        return JobState(
            status=row["status"],
            code=row["error_code"],
            message=row["error_message"],
            result=_decoded(row["result"]),
            checkpoint=_decoded(row["checkpoint"]),
            attempts=row["attempts"],
            progress=_decoded(row["progress"]),
            retry_in_s=row["wait_s"] if row["status"] == "pending" else None,
            counters={row["entity"]: Counters(**{n: row[n] for n in Counters.__struct_fields__}) for row in counted},
            log=[(line["level"], line["message"], msgspec.json.decode(line["fields"])) for line in lines],
        )


def _decoded(text: str | None) -> Any:
    return None if text is None else msgspec.json.decode(text)


@asynccontextmanager
async def open_workbench(
    database: Database, provider: Provider, case: Case, transport: httpx2.AsyncBaseTransport
) -> AsyncIterator[Workbench]:
    """A node with one job for this provider.

    Args:
        database: migrated; where everything happens.
        provider: under test.
        case: what the job is run with.
        transport: in place of the network.
    """
    redactor, refusals, log = Redactor(), Refusals(), Lines()
    lines: Any = log
    providers: dict[str, Provider] = {provider.slug: provider}
    trouble: BaseException | None = None
    async with AsyncExitStack() as stack:
        with real_time():
            pool = HeldPool(await stack.enter_async_context(open_pool(database.url, size=4)))
        held = cast("Pool", pool)
        desk = Desk(
            pool=held,
            providers=providers,
            finisher=Finisher(held, refusals, lines),
            reporter=Reporter(held, refusals, lines),
            refusals=refusals,
            outside=outside_of(case, provider, redactor, transport),
            redactor=redactor,
            retry=lambda: Config(state_dir=Path()).retry,
            log=lines,
            deadline_s=lambda each: each.limits.deadline_s,
            no_progress_s=lambda each: each.limits.no_progress_s,
        )
        async with trio.open_nursery() as nursery:
            nursery.start_soon(desk.finisher.run, name="finisher")  # noqa: ASYNC113  # who comes first waits
            nursery.start_soon(desk.reporter.run, name="reporter")  # noqa: ASYNC113
            try:
                yield await Workbench(pool, desk, providers, provider).set_up(case)
            except (Exception, pytest.fail.Exception, pytest.skip.Exception) as error:  # noqa: BLE001
                trouble = error
            nursery.cancel_scope.cancel()
    if trouble is not None:
        raise trouble  # the test's own, not wrapped by a nursery it knows nothing of
