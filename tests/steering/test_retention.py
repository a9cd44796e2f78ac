"""Retention deletes what the settings let go, and nothing an integration, a feed or the doctor still needs."""

from __future__ import annotations

from functools import partial
from typing import Any
from uuid import UUID, uuid4

import pytest
import trio

from asyncpg_trio import Pool
from drena.config import Retention
from drena.engine.pruning import prune_now_and_then
from drena.store.doctor import examine
from drena.store.retention import Pruned, prune
from steering.history import History
from support.offices import add_office


def retention(**more: Any) -> Retention:
    return Retention(**{"jobs_days": 90, "jobs_per_integration": 1000, "job_logs_days": 30, "batch": 50, **more})


async def add_jobs(
    pool: Pool, office: UUID, count: int, *, days: float, status: str = "success", provider: str = "acessorias"
) -> None:
    """Ended jobs, each an hour older than the one before, with two lines of its life and three of the provider."""
    await pool.execute(
        """
        with jobs as (
            insert into integration_jobs
                (tenant_id, provider_slug, lane, status, created_at, started_at, finished_at, error_code, error_message)
            select $1, $2, 'l' || n, $3, at, at, at + interval '1 minute', 'x', 'y'
            from generate_series(1, $4) n
            cross join lateral (select now() - make_interval(secs => $5 * 86400 + n * 3600) as at) t
            returning *
        ), logs as (
            insert into integration_logs (tenant_id, provider_slug, execution_id, status, created_at)
            select tenant_id::text, provider_slug, id, status, finished_at from jobs
        ), syncs as (
            insert into sync_jobs (tenant_id, provider, job_id, status, started_at)
            select tenant_id, provider_slug, id, 'success', started_at from jobs
        )
        insert into drena.job_logs (tenant_id, job_id, attempt, at, level, message, fields)
        select j.tenant_id, j.id, 1, j.created_at, 'info', 'line ' || line,
               case line when 1 then '{"event": "attempt.started", "lease_token": 0}'
                         when 5 then '{"event": "attempt.finished"}' else '{}' end::jsonb
        from jobs j cross join generate_series(1, 5) line
        """,
        office,
        provider,
        status,
        count,
        days,
    )
    await pool.execute("update integration_jobs set attempts = 1 where attempts = 0")


async def counted(pool: Pool, table: str, where: str = "true") -> int:
    count: int = await pool.fetchval(f"select count(*) from {table} where {where}")
    return count


@pytest.fixture
async def office(pool: Pool) -> UUID:
    async with pool.acquire() as conn:
        return await add_office(conn, "contmax")


async def test_an_empty_database_loses_nothing(pool: Pool) -> None:
    assert await prune(pool, retention()) == Pruned()


async def test_old_jobs_go_with_their_logs_and_young_ones_stay(pool: Pool, office: UUID) -> None:
    await add_jobs(pool, office, 130, days=100)
    await add_jobs(pool, office, 7, days=10)
    pruned = await prune(pool, retention())
    assert (pruned.jobs, pruned.job_log_lines) == (130, 390)
    assert await counted(pool, "integration_jobs") == 7
    assert await counted(pool, "drena.job_logs") == 35
    assert (
        await counted(pool, "drena.job_logs l", "not exists (select from integration_jobs j where j.id = l.job_id)")
        == 0
    )
    assert await prune(pool, retention()) == Pruned()


async def test_too_many_jobs_of_one_integration_go_oldest_first(pool: Pool, office: UUID) -> None:
    await add_jobs(pool, office, 130, days=1)
    await add_jobs(pool, office, 20, days=1, provider="bomcontrole")
    assert (await prune(pool, retention(jobs_per_integration=30))).jobs == 100
    assert await counted(pool, "integration_jobs", "provider_slug = 'acessorias'") == 30
    assert await counted(pool, "integration_jobs", "provider_slug = 'bomcontrole'") == 20
    assert await counted(pool, "integration_jobs", "created_at < now() - interval '1 day 31 hours'") == 0


async def test_a_flood_of_waiting_jobs_pushes_no_history_out(pool: Pool, office: UUID) -> None:
    await add_jobs(pool, office, 30, days=1)
    await pool.execute(
        "insert into integration_jobs (tenant_id, provider_slug, lane) "
        "select $1, 'acessorias', 'w' || n from generate_series(1, 200) n",
        office,
    )
    assert await prune(pool, retention(jobs_per_integration=30)) == Pruned()
    assert (await prune(pool, retention(jobs_per_integration=29))).jobs == 1


async def test_the_last_job_and_the_last_success_of_an_integration_stay_for_ever(pool: Pool, office: UUID) -> None:
    await add_jobs(pool, office, 60, days=500, status="success")
    await add_jobs(pool, office, 120, days=400, status="error")
    await add_jobs(pool, office, 3, days=400, provider="bomcontrole", status="error")
    await prune(pool, retention(jobs_per_integration=1))
    rows = await pool.fetch(
        "select provider_slug, status, extract(epoch from now() - created_at)::int / 3600 as hours "
        "from integration_jobs order by provider_slug, created_at"
    )
    assert [tuple(row) for row in rows] == [
        ("acessorias", "success", 500 * 24 + 1),
        ("acessorias", "error", 400 * 24 + 1),
        ("bomcontrole", "error", 400 * 24 + 1),
    ]


async def test_an_active_job_stays_however_old_with_every_line(pool: Pool, office: UUID) -> None:
    past = History(pool)
    await add_jobs(pool, office, 3, days=1)
    job = await past.job(office)
    await pool.execute(
        "insert into drena.job_logs (tenant_id, job_id, attempt, at, level, message) "
        "values ($1, $2, 1, now() - interval '400 days', 'info', 'waiting')",
        office,
        job,
    )
    await pool.execute("update integration_jobs set created_at = now() - interval '400 days' where id = $1", job)
    assert await prune(pool, retention(jobs_per_integration=3)) == Pruned()
    assert await counted(pool, "drena.job_logs", f"job_id = '{job}'") == 2


async def test_what_providers_wrote_goes_before_the_life_of_a_job(pool: Pool, office: UUID) -> None:
    await add_jobs(pool, office, 40, days=50)
    assert await prune(pool, retention()) == Pruned(job_log_lines=120)
    assert await counted(pool, "drena.job_logs", "fields ? 'event'") == 80


async def test_the_feed_log_loses_only_its_beginning(pool: Pool, office: UUID) -> None:
    tenants = [office, uuid4(), uuid4()]
    await pool.execute("truncate drena.feed_head, drena.feed_log")
    for tenant in tenants:
        await pool.execute('insert into drena.feed_head (tenant_id, "offset") values ($1, 300)', tenant)
        await pool.execute(
            'insert into drena.feed_log (tenant_id, "offset", key, version, payload, at) '
            "select $1, n, 'k', n, '{}', now() - make_interval(hours => (301 - n)::int) from generate_series(1, 300) n",
            tenant,
        )
    # commit order and time order differ a little: an old line behind a young one must wait for it
    await pool.execute(
        "update drena.feed_log set at = now() - interval '1 hour' where \"offset\" = 200 and tenant_id = $1", office
    )
    pruned = await prune(pool, retention(feed_hours=24, batch=70))
    assert pruned == Pruned(feed_entries=199 + 277 + 277)
    assert await pool.fetchval('select min("offset") from drena.feed_log where tenant_id = $1', office) == 200
    async with pool.acquire() as conn:
        assert await examine(conn) == []


async def test_history_outlives_its_job_unless_it_is_told_otherwise(pool: Pool, office: UUID) -> None:
    await add_jobs(pool, office, 60, days=100)
    await pool.execute(
        "insert into integration_logs (tenant_id, status, created_at) values ('an old function', 'ok', '2020-01-01')"
    )
    await prune(pool, retention())
    assert (await counted(pool, "integration_logs"), await counted(pool, "sync_jobs")) == (61, 60)
    pruned = await prune(pool, retention(history_days=95))
    assert pruned == Pruned(history_rows=2 * 59)
    assert await counted(pool, "integration_logs") == 2


async def test_two_pruners_at_once_do_the_work_once(pool: Pool, office: UUID) -> None:
    await add_jobs(pool, office, 400, days=100)
    await add_jobs(pool, office, 300, days=100, provider="bomcontrole")
    await pool.execute("truncate drena.feed_head, drena.feed_log")
    await pool.execute('insert into drena.feed_head (tenant_id, "offset") values ($1, 500)', office)
    await pool.execute(
        'insert into drena.feed_log (tenant_id, "offset", key, version, payload, at) '
        "select $1, n, 'k', n, '{}', now() - interval '2 days' from generate_series(1, 500) n",
        office,
    )
    results: list[Pruned] = []

    async def one() -> None:
        results.append(await prune(pool, retention(batch=20)))

    async with trio.open_nursery() as nursery:
        for _ in range(3):
            nursery.start_soon(one)
    results.append(await prune(pool, retention()))
    assert sum(p.jobs for p in results) == 698
    assert sum(p.feed_entries for p in results) == 500
    assert sum(p.job_log_lines for p in results) == 700 * 3
    assert await counted(pool, "integration_jobs") == 2
    assert await counted(pool, "drena.job_logs") == 4


async def test_a_pruned_history_is_well_to_the_doctor(pool: Pool, office: UUID) -> None:
    past = History(pool)
    node = await past.node()
    for number in range(6):
        await past.job(office, lane=str(number))
        (claim,) = await past.claim(node)
        await past.finish(claim, "error" if number % 2 else "success")
    await pool.execute("update integration_jobs set created_at = created_at - interval '1 year', "
                       "finished_at = finished_at - interval '1 year' where lane in ('0', '1', '2')")  # fmt: skip
    await pool.execute("update drena.job_logs set at = at - interval '1 year'")
    assert (await prune(pool, retention(jobs_per_integration=4))).jobs == 3
    async with pool.acquire() as conn:
        assert await examine(conn) == []


class Heard:
    """A log whose lines can be waited for."""

    def __init__(self) -> None:
        self._send, self._receive = trio.open_memory_channel[tuple[str, dict[str, Any]]](100)

    def error(self, message: str, **fields: Any) -> None:
        self._send.send_nowait((message, fields))

    info = error

    async def wait_for(self, wanted: str) -> dict[str, Any]:
        with trio.fail_after(20):
            while (line := await self._receive.receive())[0] != wanted:
                pass
        return line[1]


async def test_the_task_prunes_tells_it_and_outlives_a_refusal(
    pool: Pool, office: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    await add_jobs(pool, office, 5, days=100)
    await pool.execute("create table guard (job uuid references integration_jobs)")
    await pool.execute("insert into guard select id from integration_jobs")
    monkeypatch.setattr("drena.engine.pruning.FIRST_AFTER_S", 0.01)
    monkeypatch.setattr("drena.engine.pruning.EVERY_S", 0.2)
    log = Heard()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(partial(prune_now_and_then, pool, retention, log))  # type: ignore[arg-type]
        await log.wait_for("history could not be pruned, will try again")
        await pool.execute("drop table guard")
        pruned = await log.wait_for("history pruned")
        nursery.cancel_scope.cancel()
    assert pruned == {"jobs": 4, "job_log_lines": 3, "feed_entries": 0, "history_rows": 0, "idempotency_keys": 0}
