"""A claim by itself: for whom, how far it walks, and against whom it stands."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

import trio

from drena.engine.lease import release_jobs
from drena.store.jobs import claim_jobs
from drena.store.queries import sql
from engine.node import Recorder
from support.offices import add_office
from support.waiting import wait_until

if TYPE_CHECKING:
    import asyncpg_trio


async def test_a_node_without_a_row_claims_nothing(pool: asyncpg_trio.Pool) -> None:
    """Buried or gone while its claim was under way: nobody would come for that job."""
    async with pool.acquire() as conn:
        await add_office(conn, "contmax", provider="script")
        await conn.execute(
            "insert into integration_jobs (tenant_id, provider_slug) select id, 'script' from organizacoes"
        )
        node_id = uuid4()
        claim = partial(claim_jobs, pool, node=node_id, providers={"script": 9}, room=9, tenant_cap=9)
        assert (await claim()).jobs == []
        assert await conn.fetchval("select status = 'pending' and lease_token = 0 from integration_jobs")
        await conn.execute(
            "insert into drena.nodes (id, name, version, lease_until) values ($1, '', '', now())", node_id
        )
        assert len((await claim()).jobs) == 1


async def test_a_walk_goes_on_only_where_there_is_somebody_left(pool: asyncpg_trio.Pool) -> None:
    """One that ends with the last tenant has seen all of them: to go on would cost a claim that cannot find any."""
    async with pool.acquire() as conn:
        tenants = sorted([await add_office(conn, f"o{i}", provider="script") for i in range(4)])
        await conn.execute(
            "insert into integration_jobs (tenant_id, provider_slug) select id, 'script' from organizacoes"
        )
        node_id = uuid4()
        await conn.execute(
            "insert into drena.nodes (id, name, version, lease_until) values ($1, '', '', now())", node_id
        )
    claim = partial(claim_jobs, pool, node=node_id, providers={"script": 9}, room=9, tenant_cap=9, walk=2)
    first = await claim()
    assert sorted(c.job.tenant_id for c in first.jobs) == tenants[:2]
    assert first.walk_on_from == tenants[1]
    second = await claim(start=first.walk_on_from)
    assert sorted(c.job.tenant_id for c in second.jobs) == tenants[2:]
    assert second.walk_on_from is None


async def test_a_claim_under_way_and_the_burial_of_its_node_happen_one_after_the_other(pool: asyncpg_trio.Pool) -> None:
    """Whoever releases a node's jobs waits for its last claim, and then sees it."""
    async with pool.acquire() as conn, pool.acquire() as claimer, trio.open_nursery() as nursery:
        await add_office(conn, "contmax", provider="script")
        await conn.execute(
            "insert into integration_jobs (tenant_id, provider_slug) select id, 'script' from organizacoes"
        )
        node_id = uuid4()
        await conn.execute(
            "insert into drena.nodes (id, name, version, lease_until) values ($1, '', '', now())", node_id
        )
        async with claimer.transaction():
            rows = await claimer.fetch(sql("claim_jobs"), node_id, ["script"], 9, 9, UUID(int=0), 500, [9])
            assert [row["lease_token"] for row in rows] == [1]
            nursery.start_soon(release_jobs, pool, node_id, "gone", Recorder())
            await wait_until(conn, "select exists (select from pg_locks where not granted)")
        await wait_until(conn, "select status = 'pending' and node_id is null from integration_jobs")
