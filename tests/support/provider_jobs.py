"""One office's jobs with one provider: the real engine, a real database, a fake of the outside system over sockets."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any
from uuid import UUID

import httpx2
import msgspec

from drena.secrets import variable_name
from drena.testing.workbench import TENANT, Case, open_workbench
from fake_acessorias.launch import SmallRemote
from support.daemons import environment, run_drena

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from contextlib import AbstractAsyncContextManager

    from drena.api import Provider
    from drena.testing import Database
    from drena.testing.workbench import JobState, Workbench

FAST_PER_MINUTE = 600_000


def company_id(number: int) -> UUID:
    return UUID(int=number)


def document(number: int) -> str:
    """A CNPJ that is nobody's."""
    return f"{number:08d}000100"


class OfficeJobs:
    """A tenant with companies, its account at the fake, its jobs."""

    def __init__(
        self, database: Database, provider: type[Provider], fake: SmallRemote, secrets: dict[str, str]
    ) -> None:
        fast = msgspec.structs.replace(provider.limits, requests_per_minute=FAST_PER_MINUTE)
        self.provider = type(provider.__name__, (provider,), {"limits": fast})()
        self.database = database
        self.fake = fake
        self.secrets = secrets
        self.tenant_id: UUID
        self.raised: BaseException | None = None
        """What `run` of the latest attempt raised."""

    async def open(self, companies: dict[int, str], **columns: Any) -> None:
        """The tenant, and a company for each number, by name; its document follows from its number."""
        insert = "insert into organizacoes (nome, slug) values ('Escritório', $1) returning id"
        self.tenant_id = (await self.sql(insert, TENANT))[0]["id"]
        async with self.database.connect() as conn:
            await conn.executemany(
                "insert into empresas (id, organizacao_id, nome, cnpj) values ($1, $2, $3, $4)",
                [(company_id(n), self.tenant_id, name, document(n)) for n, name in companies.items()],
            )

    async def sql(self, query: str, *args: Any) -> list[dict[str, Any]]:
        return await self.database.fetch(query, *args)

    def open_job(
        self, payload: Any = None, *, lane: str = "", **settings: Any
    ) -> AbstractAsyncContextManager[Workbench]:
        """A job whose attempts the test starts itself."""
        case = Case(settings=settings, secrets=self.secrets, payload=payload or {}, lane=lane, base_url=self.fake.url)
        return open_workbench(self.database, self.provider, case, None)  # type: ignore[arg-type]  # the network

    async def run(self, payload: Any = None, *, lane: str = "", attempts: int = 1, **settings: Any) -> JobState:
        """A job of its own; its state after so many attempts."""
        async with self.open_job(payload, lane=lane, **settings) as bench:
            for _ in range(attempts):
                self.raised = (await bench.attempt()).raised
            return await bench.state()

    async def rehearse(self, payload: Any = None, *, lane: str = "", **settings: Any) -> dict[str, Any]:
        """What `drena check --dry-run --json` says, run as a person runs it."""
        slug = self.provider.slug
        await self.sql(
            "insert into tenant_integrations (tenant_id, provider, base_url, config)"
            " values ($1, $2, $3, $4::text::jsonb)",
            self.tenant_id,
            slug,
            self.fake.url,
            msgspec.json.encode(settings).decode(),
        )
        env = environment(self.database.url, settings={f"providers.{slug}.requests_per_minute": FAST_PER_MINUTE})
        env |= {variable_name(slug, name, TENANT): value for name, value in self.secrets.items()}
        words = ["--lane", lane, "--payload", msgspec.json.encode(payload or {}).decode()]
        done = await run_drena("check", TENANT, slug, "--dry-run", "--json", *words, env=env)
        assert done.code == 0, done.err + done.out
        said: dict[str, Any] = msgspec.json.decode(done.out)
        return said

    async def asked(self, method: str) -> list[str]:
        """The paths of the requests of this method, in order."""
        return [each["path"] for each in await self.fake.requests() if each["method"] == method]


@asynccontextmanager
async def open_small_fake(url: str, pid: int) -> AsyncIterator[SmallRemote]:
    """A client of its admin routes; the fake is as at the start."""
    async with httpx2.AsyncClient(timeout=30, trust_env=False) as client:
        remote = SmallRemote(url, pid, client)
        await remote.reset()
        yield remote
