"""The doctor finds nothing in a clean history, however eventful, and every violation that is planted by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import trio

import asyncpg_trio
from asyncpg_trio import Pool
from drena.store.checks import CHECKS
from drena.store.doctor import Finding, examine
from drena.store.queries import statements
from steering.history import History

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from support.postgres import PostgresServer

OLD = "now() - interval '2 hours'"


async def examined(pool: Pool) -> list[Finding]:
    async with pool.acquire() as conn:
        return await examine(conn)


async def make_history(dsn: str) -> None:
    """Jobs succeeded, failed, were retried, released, rescued, poisoned, cancelled, healed; one runs, one waits."""
    async with asyncpg_trio.create_pool(dsn, min_size=0, max_size=2) as pool:
        await _make_history(pool)


async def _make_history(pool: Pool) -> None:
    past = History(pool)
    office = await past.office()
    node, other = await past.node(), await past.node(name="n2")
    for lane in ("success", "error", "pending", "released", "rescued", "poisoned", "running"):
        await past.job(office, lane=lane)
    for claim in await past.claim(node):
        if claim.job.lane in ("success", "error", "pending"):
            assert await past.finish(claim, claim.job.lane, delay_s=3600.0)
        elif claim.job.lane == "released":
            await pool.execute("update integration_jobs set node_id = $2 where id = $1", claim.job.id, other)
            await pool.execute(
                "update drena.job_logs set fields = fields || jsonb_build_object('node', $2::text) "
                "where job_id = $1 and fields ? 'node'",
                claim.job.id,
                str(other),
            )
    await past.release(other)
    await past.rescue(node, await past.node(name="n3"))
    for _ in range(2):
        doomed = await past.node(name="doomed")
        for claim in await past.claim(doomed):
            if claim.job.lane != "poisoned":
                assert await past.finish(claim)
        await past.rescue(doomed, other)
    await past.job(office, lane="waiting")
    await past.cancel(await past.job(office, lane="cancelled"))
    await pool.execute(
        f"insert into integration_jobs (tenant_id, provider_slug, lane, status, created_at) "
        f"values ($1, 'acessorias', 'left behind', 'running', {OLD})",
        office,
    )
    await pool.fetch("select * from drena.heal_jobs()")
    last = await past.node(name="last", lease_s=1800.0)
    await past.job(office, lane="at work")
    assert await past.claim(last)
    await pool.execute("truncate drena.feed_log, drena.feed_head")  # what the triggers have told of all this
    await pool.execute(
        'insert into drena.feed_log (tenant_id, "offset", key, version, payload) '
        "select $1, n, 'k', n, '{}' from generate_series(5, 9) n",
        office,
    )
    await pool.execute('insert into drena.feed_head (tenant_id, "offset") values ($1, 9)', office)
    await pool.execute("update drena.nodes set lease_until = now() + interval '30 minutes'")


@pytest.fixture(scope="module")
def story(server: PostgresServer, template: str) -> str:
    """The DSN of a database with an eventful history, which every test leaves as it is."""
    dsn = server.create_database(template=template)
    trio.run(make_history, dsn)
    return dsn


@pytest.fixture
async def eventful(story: str) -> AsyncIterator[asyncpg_trio.Connection]:
    """A connection to the eventful history, in a transaction that is rolled back."""
    with trio.fail_after(60):
        async with asyncpg_trio.connect(story) as conn:
            transaction = conn.transaction(isolation="repeatable_read")
            await transaction.start()
            yield conn
            await transaction.rollback()


async def test_a_database_nobody_used_is_well(pool: Pool) -> None:
    assert await examined(pool) == []


async def test_an_eventful_history_by_the_rules_is_well(eventful: asyncpg_trio.Connection) -> None:
    assert await eventful.fetchval("select count(*) from integration_jobs where error_code = 'poison'") == 1
    assert await examine(eventful) == []


async def test_the_doctor_changes_nothing(eventful: asyncpg_trio.Connection) -> None:
    before = await eventful.fetchval("select sum(version) from integration_jobs")
    await examine(eventful)
    assert await eventful.fetchval("select sum(version) from integration_jobs") == before


async def test_a_database_that_lacks_a_migration_is_told_and_not_examined_further(pool: Pool) -> None:
    await pool.execute("delete from drena.migrations where name = '0004_rules'")
    await pool.execute("drop table drena.feed_log")
    (finding,) = await examined(pool)
    assert (finding.code, finding.details) == ("migrations_missing", {"migrations": ["0004_rules"]})


async def test_a_database_of_a_newer_release_is_told(pool: Pool) -> None:
    await pool.execute("insert into drena.migrations (name, digest) values ('9999_later', 'x')")
    assert [f.code for f in await examined(pool)] == ["migrations_foreign"]


AROUND_THE_RULES = "set session_replication_role = replica"
"""Switches triggers off, as no honest writer can."""

ENDED = "(select id from integration_jobs where status = 'success' order by id limit 1)"
RUNNING = "(select id from integration_jobs where status = 'running' order by id limit 1)"
WAITING = "(select id from integration_jobs where status = 'pending' order by id limit 1)"
LINE = (
    "insert into drena.job_logs (tenant_id, job_id, attempt, level, message, fields) "
    "select j.tenant_id, j.id, 1, 'info', 'x'"
)

PLANTED = {
    "schema_damaged": "alter table integration_jobs disable trigger drena_guard_job",
    "lane_doubled": (
        "drop index integration_jobs_one_active_per_lane; "
        "insert into integration_jobs (tenant_id, provider_slug, lane) "
        f"select tenant_id, provider_slug, lane from integration_jobs where id = {WAITING}"
    ),
    "status_unknown": f"update integration_jobs set status = 'lost' where id = {WAITING}",
    "end_time_wrong": f"update integration_jobs set finished_at = null where id = {ENDED}",
    "mute_failure": "update integration_jobs set error_message = '' where status = 'error'",
    "attempt_open": f'{LINE}, \'{{"event": "attempt.started"}}\' from integration_jobs j where id = {ENDED}',
    "attempt_closed_twice": f'{LINE}, \'{{"event": "attempt.retry"}}\' from integration_jobs j where id = {ENDED}',
    "ended_twice": f'{LINE}, \'{{"event": "attempt.finished"}}\' from integration_jobs j where id = {ENDED}',
    "line_after_end": (
        f"update integration_jobs set finished_at = {OLD} where id = {ENDED}; "
        f"{LINE}, '{{}}' from integration_jobs j where id = {ENDED}"
    ),
    "token_not_growing": f"update integration_jobs set lease_token = 0 where id = {RUNNING}",
    "holder_disagrees": (
        f"update integration_jobs set node_id = (select max(id::text)::uuid from drena.nodes where id <> node_id) "
        f"where id = {RUNNING}"
    ),
    "attempts_disagree": f"update integration_jobs set attempts = attempts + 1 where id = {ENDED}",
    "rescues_disagree": f"update integration_jobs set rescues = rescues + 1 where id = {ENDED}",
    "poison_active": f"update integration_jobs set rescues = 3 where id = {WAITING}",
    "attempts_over": f"update integration_jobs set max_attempts = 0 where id = {ENDED}",
    "retry_never": f"update integration_jobs set run_at = 'infinity' where id = {WAITING}",
    "node_gone": "delete from drena.nodes where id in (select node_id from integration_jobs where status = 'running')",
    "lease_over": f"update drena.nodes set lease_until = {OLD}",
    "lease_too_far": "update drena.nodes set lease_until = now() + interval '30 days'",
    "overdue": (
        f"update integration_jobs set started_at = {OLD} where started_at is not null; "
        f"update drena.nodes set started_at = {OLD}; "
        f"update integration_jobs set run_at = {OLD} where status = 'pending'"
    ),
    "residue": (
        f"update drena.nodes set providers = '{{}}'; "
        f"update integration_jobs set run_at = {OLD}, created_at = {OLD} where status = 'pending'"
    ),
    "cancel_ignored": f"update integration_jobs set cancel_requested_at = {OLD} where status = 'running'",
    "old_writer": "update integration_jobs set node_id = null where status = 'running'",
    "time_ahead": f"update integration_jobs set created_at = now() + interval '1 day' where id = {WAITING}",
    "feed_gap": 'delete from drena.feed_log where "offset" in (6, 7)',
    "feed_head_disagrees": 'update drena.feed_head set "offset" = 8',
    "ghost_integration": (
        "insert into organizacoes (nome, slug) values ('G', 'g'); "
        "insert into tenant_integrations (tenant_id, provider, last_status) "
        "select id, 'acessorias', 'running' from organizacoes where slug = 'g'"
    ),
    "ghost_sync": (
        "insert into sync_jobs (tenant_id, provider, job_id) "
        f"select tenant_id, provider_slug, id from integration_jobs where id = {ENDED}"
    ),
    "log_row_missing_or_doubled": f"delete from integration_logs where execution_id = {ENDED}",
}


def test_every_check_has_a_violation_planted_and_every_statement_a_check() -> None:
    assert set(PLANTED) == {check.code for check in CHECKS}
    assert {name for name in statements() if name.startswith("doctor_")} == {f"doctor_{c.query}" for c in CHECKS}


@pytest.mark.parametrize("code", PLANTED)
async def test_a_planted_violation_is_found_and_told_in_whole_sentences(
    eventful: asyncpg_trio.Connection, code: str
) -> None:
    await eventful.execute(f"{AROUND_THE_RULES}; {PLANTED[code]}")
    found = {f.code: f for f in await examine(eventful, patience_s=0.0)}
    assert code in found
    assert found[code].what.endswith(".")
    assert found[code].remedy.endswith((".", ")."))
    assert "{" not in found[code].what + found[code].remedy
