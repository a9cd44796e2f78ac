"""Makes history through the queue's own statements: nodes live and die, jobs succeed, fail, are taken back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

from drena.store.jobs import Finish, claim_jobs, finish_attempts, request_job
from drena.store.queries import sql
from support.offices import add_office

if TYPE_CHECKING:
    from asyncpg_trio import Pool
    from drena.store.jobs import Claim


class History:
    """What happened in a database, told by calls."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool

    async def office(self, slug: str = "contmax", **more: Any) -> UUID:
        async with self.pool.acquire() as conn:
            return await add_office(conn, slug, **more)

    async def node(self, *providers: str, name: str = "n1", lease_s: float = 15.0, **limits: Any) -> UUID:
        """A node that joined; `limits` are columns of drena.nodes."""
        node = uuid4()
        await self.pool.execute(
            "insert into drena.nodes (id, name, version, providers, lease_until, max_jobs, tenant_max_jobs, "
            "provider_max_jobs) values ($1, $2, '0.1.0', $3, now() + make_interval(secs => $4), $5, $6, $7::jsonb)",
            node,
            name,
            list(providers or ("acessorias",)),
            lease_s,
            limits.get("max_jobs"),
            limits.get("tenant_max_jobs"),
            limits.get("provider_max_jobs", "{}"),
        )
        return node

    async def job(self, office: UUID, provider: str = "acessorias", **more: Any) -> UUID:
        """A job that was requested."""
        answer = await request_job(self.pool, office, provider, **more)
        assert answer.job is not None
        return UUID(answer.job["id"])

    async def claim(self, node: UUID, provider: str = "acessorias", *, tenant_cap: int = 10) -> list[Claim]:
        claims = await claim_jobs(self.pool, node=node, providers={provider: 100}, room=100, tenant_cap=tenant_cap)
        return claims.jobs

    async def finish(self, claim: Claim, status: str = "success", *, delay_s: float = 0.0, code: str = "odd") -> bool:
        """The verdict of an attempt, as the engine writes it."""
        failed = status != "success"
        event = "attempt.retry" if status == "pending" else "attempt.finished"
        verdict = Finish(
            job_id=claim.job.id,
            token=claim.token,
            status=status,
            code=code if failed else None,
            message="O servidor respondeu 503." if failed else None,
            result=None,
            delay_s=delay_s,
            counted=True,
            level="info",
            line=f"attempt ended as {status}",
            fields=f'{{"event": "{event}", "status": "{status}"}}',
        )
        return bool(await finish_attempts(self.pool, [verdict]))

    async def release(self, node: UUID) -> None:
        """The node goes, in an orderly way."""
        await self.pool.fetch(sql("release_jobs"), node, "shutdown", None)
        await self.pool.execute(sql("leave_node"), node)

    async def rescue(self, dead: UUID, rescuer: UUID, *, most: int = 3) -> None:
        """The node dies, and another takes its jobs back."""
        await self.pool.execute("update drena.nodes set lease_until = now() - interval '1 second' where id = $1", dead)
        await self.pool.fetch(sql("rescue_jobs"), rescuer, 0.0, most)

    async def cancel(self, job: UUID) -> None:
        await self.pool.fetch("select * from drena.cancel_job($1)", job)
