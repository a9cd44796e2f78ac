"""`drena.request_job`: one active job a lane, heal on request, and nothing for integrations that cannot run."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest
import trio

import asyncpg_trio
from drena.store.jobs import request_job, save_attempts
from support.offices import add_office

Conn = asyncpg_trio.Connection


async def test_a_request_creates_a_pending_job_and_logs_it(conn: Conn) -> None:
    office = await add_office(conn, "contmax")
    answer = await request_job(conn, office, "acessorias", payload={"full": True})
    assert answer.outcome == "created"
    assert answer.job is not None
    assert (answer.job["status"], answer.job["payload"], answer.job["created_by"]) == ("pending", {"full": True}, None)
    assert (
        await conn.fetchval("select message from drena.job_logs where job_id = $1", UUID(answer.job["id"]))
        == "job requested"
    )


async def test_a_second_request_creates_nothing_and_returns_the_active_job(conn: Conn) -> None:
    office = await add_office(conn, "contmax")
    first = await request_job(conn, office, "acessorias")
    second = await request_job(conn, office, "acessorias")
    assert second.outcome == "active"
    assert first.job is not None
    assert second.job is not None
    assert second.job["id"] == first.job["id"]
    assert await conn.fetchval("select count(*) from integration_jobs") == 1


async def test_a_request_that_names_no_attempts_gets_as_many_as_the_plugin_asks_for(conn: Conn) -> None:
    office = await add_office(conn, "contmax")
    await save_attempts(conn, {"acessorias": 7})
    given = {}
    for lane, named in {"": None, "companies": 2}.items():
        answer = await request_job(conn, office, "acessorias", lane=lane, max_attempts=named)
        assert answer.job is not None
        given[lane] = answer.job["max_attempts"]
    await conn.execute("delete from drena.settings where name = 'providers.acessorias.max_attempts'")
    answer = await request_job(conn, office, "acessorias", lane="deliveries")  # no node has had the plugin yet
    assert answer.job is not None
    assert {**given, "deliveries": answer.job["max_attempts"]} == {"": 7, "companies": 2, "deliveries": 3}


async def test_thirty_requests_at_once_create_one_job(database: str, pool: asyncpg_trio.Pool) -> None:
    async with pool.acquire() as conn:
        office = await add_office(conn, "contmax")
    outcomes: list[str] = []

    async def ask() -> None:
        outcomes.append((await request_job(pool, office, "acessorias")).outcome)  # type: ignore[arg-type]

    with trio.fail_after(30):
        async with trio.open_nursery() as nursery:
            for _ in range(30):
                nursery.start_soon(ask)
    assert sorted(outcomes) == ["active"] * 29 + ["created"]


async def test_lanes_are_apart(conn: Conn) -> None:
    office = await add_office(conn, "contmax")
    assert (await request_job(conn, office, "acessorias", lane="companies")).outcome == "created"
    assert (await request_job(conn, office, "acessorias", lane="deliveries")).outcome == "created"


async def test_an_unknown_and_a_disabled_integration_get_their_own_answer(conn: Conn) -> None:
    office = await add_office(conn, "contmax")
    assert (await request_job(conn, uuid4(), "acessorias")).outcome == "integration_not_found"
    assert (await request_job(conn, office, "nobody")).outcome == "integration_not_found"
    await conn.execute("update tenant_integrations set is_enabled = false")
    assert (await request_job(conn, office, "acessorias")).outcome == "integration_disabled"


async def test_a_request_for_a_job_that_is_backing_off_pulls_it_forward(conn: Conn) -> None:
    office = await add_office(conn, "contmax")
    await request_job(conn, office, "acessorias")
    await conn.execute("update integration_jobs set run_at = now() + interval '1 hour'")
    answer = await request_job(conn, office, "acessorias")
    assert answer.outcome == "active"
    assert await conn.fetchval("select run_at <= now() from integration_jobs")


@pytest.mark.parametrize(
    "row, code",
    [
        (
            "status = 'pending', created_at = now() - interval '2 days', run_at = now() - interval '2 days'",
            "stale_pending",
        ),
        ("status = 'running', started_at = null, created_at = now() - interval '1 day'", "never_started"),
        ("status = 'running', started_at = now() - interval '3 hours'", "stale_running"),
    ],
)
async def test_a_residue_never_blocks_a_new_request(conn: Conn, row: str, code: str) -> None:
    office = await add_office(conn, "contmax")
    old = await conn.fetchval(
        "insert into integration_jobs (tenant_id, provider_slug) values ($1, 'acessorias') returning id", office
    )
    await conn.execute(f"update integration_jobs set {row} where id = $1", old)
    answer = await request_job(conn, office, "acessorias")
    assert (answer.outcome, answer.healed_job_id) == ("created", old)
    ended = await conn.fetchrow(
        "select status, error_code, error_message, finished_at from integration_jobs where id = $1", old
    )
    assert ended is not None
    assert (ended["status"], ended["error_code"]) == ("error", code)
    assert ended["finished_at"] is not None
    assert "limpeza" in ended["error_message"]


@pytest.mark.parametrize(
    "row",
    [
        "status = 'pending', created_at = now() - interval '5 minutes'",
        "status = 'running', started_at = now() - interval '30 minutes', created_at = now() - interval '31 minutes'",
        "status = 'running', started_at = null, created_at = now() - interval '5 minutes'",
    ],
)
async def test_a_job_that_may_be_alive_is_left_alone(conn: Conn, row: str) -> None:
    office = await add_office(conn, "contmax")
    await conn.execute("insert into integration_jobs (tenant_id, provider_slug) values ($1, 'acessorias')", office)
    await conn.execute(f"update integration_jobs set {row}")
    assert (await request_job(conn, office, "acessorias")).outcome == "active"
    assert await conn.fetchval("select status <> 'error' from integration_jobs")


async def test_an_old_pending_job_that_a_live_node_can_still_reach_is_left_alone(conn: Conn) -> None:
    office = await add_office(conn, "contmax")
    await conn.execute("update drena.migrations set applied_at = now() - interval '30 days'")
    await conn.execute(
        "insert into integration_jobs (tenant_id, provider_slug, created_at, run_at) "
        "values ($1, 'acessorias', now() - interval '2 hours', now() - interval '2 hours')",
        office,
    )
    await conn.execute(
        "insert into drena.nodes (id, name, version, providers, lease_until) "
        "values (gen_random_uuid(), 'n', '0', '{acessorias}', now() + interval '15 seconds')"
    )
    assert (await request_job(conn, office, "acessorias")).outcome == "active"


async def test_a_plain_insert_of_the_old_functions_still_works(conn: Conn) -> None:
    office = await add_office(conn, "contmax")
    await conn.execute(
        "insert into integration_jobs (tenant_id, provider_slug, status, payload) "
        "values ($1, 'acessorias', 'pending', '{}')",
        office,
    )
    await conn.execute("update integration_jobs set status = 'running', started_at = now()")
    await conn.execute("update integration_jobs set status = 'success', finished_at = now(), progress = 100")
    row = await conn.fetchrow("select last_status, last_error, last_run from tenant_integrations")
    assert row is not None
    assert (row["last_status"], row["last_error"]) == ("success", None)
    assert row["last_run"] is not None


@pytest.mark.parametrize("status", ["pending", "running", "success", "canceled"])
async def test_an_ended_job_never_changes_its_status_again(conn: Conn, status: str) -> None:
    office = await add_office(conn, "contmax")
    await conn.execute("insert into integration_jobs (tenant_id, provider_slug) values ($1, 'acessorias')", office)
    await conn.execute("update integration_jobs set status = 'error'")
    with pytest.raises(asyncpg_trio.CheckViolationError, match="has ended as error"):
        await conn.execute("update integration_jobs set status = $1", status)


async def test_a_lease_token_never_shrinks(conn: Conn) -> None:
    office = await add_office(conn, "contmax")
    await conn.execute(
        "insert into integration_jobs (tenant_id, provider_slug, lease_token) values ($1, 'acessorias', 7)", office
    )
    with pytest.raises(asyncpg_trio.CheckViolationError, match="cannot shrink from 7 to 6"):
        await conn.execute("update integration_jobs set lease_token = 6")


WAYS = {
    ("pending", "running"),
    ("pending", "error"),
    ("pending", "canceled"),
    ("running", "pending"),
    ("running", "success"),
    ("running", "error"),
    ("running", "canceled"),
}
"""Design section 6."""


@pytest.mark.parametrize("counted", [True, False], ids=["counts the version", "does not know of versions"])
async def test_only_the_ways_of_a_jobs_life_can_be_gone_whoever_counts_the_version(conn: Conn, counted: bool) -> None:
    office = await add_office(conn, "contmax")
    version = ", version = version + 1" if counted else ""
    for before in ("pending", "running", "success", "error", "canceled"):
        for after in ("pending", "running", "success", "error", "canceled", "paused"):
            await conn.execute("delete from integration_jobs")
            await conn.execute(
                "insert into integration_jobs (tenant_id, provider_slug, status) values ($1, 'acessorias', $2)",
                office,
                before,
            )
            try:
                await conn.execute(f"update integration_jobs set status = $1{version}", after)
                allowed = True
            except asyncpg_trio.CheckViolationError:
                allowed = False
            assert allowed == (before == after or (before, after) in WAYS), (before, after)
            row = await conn.fetchrow("select version, status, finished_at from integration_jobs")
            assert row is not None
            assert row["version"] == int(allowed)
            if allowed and before != after:
                assert (row["finished_at"] is not None) == (after in ("success", "error", "canceled"))


async def test_whoever_counts_the_version_cannot_shrink_a_token_or_end_a_job_without_its_time(conn: Conn) -> None:
    office = await add_office(conn, "contmax")
    await conn.execute(
        "insert into integration_jobs (tenant_id, provider_slug, lease_token, status, started_at) "
        "values ($1, 'acessorias', 7, 'running', now() - interval '2 seconds')",
        office,
    )
    with pytest.raises(asyncpg_trio.CheckViolationError, match="cannot shrink from 7 to 6"):
        await conn.execute("update integration_jobs set lease_token = 6, version = version + 1")
    await conn.execute("update integration_jobs set status = 'success', version = version + 1")
    row = await conn.fetchrow("select version, finished_at, execution_time_ms from integration_jobs")
    assert row is not None
    assert (row["version"], row["finished_at"] is not None, row["execution_time_ms"] >= 2000) == (1, True, True)
