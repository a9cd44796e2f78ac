"""A test's world: a database, a fake Acessórias, offices in both, and daemons beside them."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

from drena_acessorias.documents import document, normalise
from support.daemons import FAST, DaemonProcess, Done, environment, launch_daemon, run_drena
from support.offices import add_office
from support.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import asyncpg_trio
    from fake_acessorias.launch import Fake


@dataclass(frozen=True)
class Office:
    """A tenant with its account at the fake."""

    id: UUID
    slug: str
    token: str


@dataclass
class Stage:
    """One test's world."""

    dsn: str
    conn: asyncpg_trio.Connection
    fake: Fake
    offices: list[Office] = field(default_factory=list)

    async def open_office(self, slug: str, companies: int = 45, *, enabled: bool = True, **config: Any) -> Office:
        """A tenant, its integration, and an account with this many companies at the fake."""
        token = f"synthetic-{slug}-{uuid4().hex}"
        await self.fake.add_office(token, companies)
        tenant_id = await add_office(
            self.conn,
            slug,
            base_url=self.fake.url,
            config={"confirm_delay_s": 0, "entities": ["companies"], **config},
            enabled=enabled,
        )
        office = Office(tenant_id, slug, token)
        self.offices.append(office)
        return office

    def environment(self, **settings: Any) -> dict[str, str]:
        """The environment of a daemon or command that knows the offices opened so far."""
        tokens = {office.slug: office.token for office in self.offices}
        return environment(
            self.dsn, tokens=tokens, settings={**FAST, **{k.replace("__", "."): v for k, v in settings.items()}}
        )

    @asynccontextmanager
    async def daemon(self, **settings: Any) -> AsyncIterator[DaemonProcess]:
        """A daemon that has joined."""
        async with launch_daemon(self.environment(**settings)) as daemon:
            yield daemon

    async def drena(self, *words: str) -> Done:
        """One command."""
        return await run_drena(*words, env=self.environment())

    async def request(self, office: Office, *, payload: dict[str, Any] | None = None) -> tuple[str, UUID]:
        """Ask for a job as a Supabase rpc() call does; the outcome and the job's id."""
        row = await self.conn.fetchrow(
            "select outcome, (job).id from drena.request_job($1, 'acessorias', payload => $2::jsonb)",
            office.id,
            json.dumps(payload or {}),
        )
        assert row is not None
        return row["outcome"], row["id"]

    async def job(self, job_id: UUID) -> asyncpg_trio.Record:
        row = await self.conn.fetchrow(
            "select *, result::text as result_text from integration_jobs where id = $1", job_id
        )
        assert row is not None
        return row

    async def ended(self, job_id: UUID, *, limit_s: float = 30.0) -> asyncpg_trio.Record:
        """Wait for the end of a job."""
        query = "select status not in ('pending', 'running') from integration_jobs where id = $1"
        await wait_until(self.conn, query, job_id, limit_s=limit_s)
        return await self.job(job_id)

    async def logs(self, job_id: UUID) -> list[tuple[str, str | None, int]]:
        """Event, status and attempt of each line of a job's log that has an event."""
        rows = await self.conn.fetch(
            "select fields ->> 'event' as event, fields ->> 'status' as status, attempt from drena.job_logs "
            "where job_id = $1 and fields ? 'event' order by id",
            job_id,
        )
        return [(row["event"], row["status"], row["attempt"]) for row in rows]

    async def assert_settled(self, office: Office, job_id: UUID, status: str) -> None:
        """The job has ended, and all that stands beside it says the same (I12)."""
        job = await self.job(job_id)
        assert (job["status"], job["tenant_id"]) == (status, office.id)
        assert job["finished_at"] is not None
        integration = await self.conn.fetchrow("select * from tenant_integrations where tenant_id = $1", office.id)
        assert integration is not None
        assert integration["last_status"] == status
        assert integration["last_run"] == job["finished_at"]
        assert integration["last_error"] == (job["error_message"] if status == "error" else None)
        syncs = await self.conn.fetch("select * from sync_jobs where job_id = $1", job_id)
        assert {s["status"] for s in syncs} <= {status}
        assert all(s["finished_at"] == job["finished_at"] for s in syncs)
        (log,) = await self.conn.fetch("select * from integration_logs where execution_id = $1", job_id)
        assert (log["tenant_id"], log["provider_slug"], log["status"]) == (str(office.id), "acessorias", status)
        assert log["error_message"] == job["error_message"]
        assert log["total_processados"] == sum(s["total_read"] for s in syncs)
        assert log["execution_time_ms"] == job["execution_time_ms"]

    async def assert_mirrored(self, office: Office) -> None:
        """The rows of `empresas` are the companies of the source, each once."""
        source = {document(each["Identificador"]): each for each in await self.fake.companies(office.token)}
        newest = {each["ID"]: each for each in source.values()}
        rows = await self.conn.fetch("select * from empresas where organizacao_id = $1", office.id)
        assert sorted(row["external_key"] for row in rows) == sorted(newest)
        for row in rows:
            company = newest[row["external_key"]]
            assert row["nome"] == company["Razao"].strip()
            assert normalise(row["cnpj"]) == normalise(company["Identificador"])
            assert row["external_source"] == "acessorias"

    async def pages_asked(self, office: Office) -> list[int]:
        """The pages of companies the office's account was asked for, in order; without the questions whether it answers
        at all, which come without flags."""
        queries = [request["query"] for request in await self.fake.requests(office.token)]
        return [int(query.rpartition("Pagina=")[2]) for query in queries if "&" in query]
