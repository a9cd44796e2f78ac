"""The sweep and the adoption: every residue of the old system is settled, and nothing that may be alive is touched."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import trio

import asyncpg_trio
from drena import hygiene
from drena.store.jobs import request_job
from drena.store.migrate import migrate
from engine.node import Recorder
from support.daemons import environment, launch_daemon, run_drena
from support.offices import add_office
from support.old_schema import OFFICES, OLD_END, OLD_INSERT, OLD_LOG, OLD_START, RESIDUES, TABLES

if TYPE_CHECKING:
    from uuid import UUID

    from support.postgres import PostgresServer

Conn = asyncpg_trio.Connection
LIMIT_S = 60.0

EVERYTHING = """
select 'job' as kind, id, to_jsonb(j)::text as row from integration_jobs j
union all select 'integration', id, to_jsonb(t)::text from tenant_integrations t
union all select 'sync', id, to_jsonb(s)::text from sync_jobs s
union all select 'log', id, to_jsonb(l)::text from integration_logs l
order by 1, 2
"""
ALIVE = {
    "a pending job of today": "status = 'pending', created_at = now() - interval '10 minutes'",
    "a job an old function runs": "status = 'running', started_at = now() - interval '40 minutes'",
    "a job an old function is about to start": "status = 'running', created_at = now() - interval '10 minutes'",
    "a job that backs off": "status = 'pending', created_at = now() - interval '1 day', attempts = 2, "
    "error_code = 'rate_limited', run_at = now() + interval '1 hour'",
    "a job a live node runs": "status = 'running', created_at = now() - interval '1 day', "
    "started_at = now() - interval '10 hours', node_id = '00000000-0000-0000-0000-00000000000a'",
    "a job of a node that runs no more": "status = 'running', created_at = now() - interval '1 day', "
    "started_at = now() - interval '10 hours', node_id = '00000000-0000-0000-0000-00000000000b'",
    "an ended job": "status = 'error', created_at = now() - interval '1 day', finished_at = now()",
}
NODES = """
insert into drena.nodes (id, name, version, providers, lease_until) values
    ('00000000-0000-0000-0000-00000000000a', 'alive', '0', '{acessorias}', now() + interval '1 hour'),
    ('00000000-0000-0000-0000-00000000000b', 'dead', '0', '{acessorias}', now() - interval '1 hour')
"""


async def everything(conn: Conn) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in await conn.fetch(EVERYTHING)]


async def add_job(conn: Conn, slug: str, columns: str) -> UUID:
    office = await add_office(conn, slug)
    job_id: UUID = await conn.fetchval(
        "insert into integration_jobs (tenant_id, provider_slug) values ($1, 'acessorias') returning id", office
    )
    await conn.execute(f"update integration_jobs set {columns} where id = $1", job_id)
    return job_id


async def test_a_sweep_touches_nothing_that_may_be_alive(conn: Conn) -> None:
    for number, columns in enumerate(ALIVE.values()):
        await add_job(conn, f"office-{number}", columns)
    await conn.execute(NODES)
    before = await everything(conn)
    assert await hygiene.sweep(conn, Recorder()) == []  # type: ignore[arg-type]
    assert await everything(conn) == before


@pytest.mark.parametrize(
    "columns, code",
    [
        ("created_at = now() - interval '3 days', run_at = now() - interval '3 days'", "stale_pending"),
        ("status = 'running', created_at = now() - interval '1 day'", "never_started"),
        ("status = 'running', started_at = now() - interval '1 hour'", "stale_running"),
    ],
)
async def test_a_dry_run_changes_nothing_and_says_what_the_sweep_then_does(conn: Conn, columns: str, code: str) -> None:
    job_id = await add_job(conn, "contmax", columns)
    await conn.execute(
        "insert into sync_jobs (tenant_id, provider, job_id) select tenant_id, provider_slug, id from integration_jobs"
    )
    before = await everything(conn)
    log = Recorder()
    rehearsed = await hygiene.sweep(conn, log, dry_run=True)  # type: ignore[arg-type]
    assert await everything(conn) == before
    settled = await hygiene.sweep(conn, log)  # type: ignore[arg-type]
    assert [without_age(s) for s in rehearsed] == [without_age(s) for s in settled]
    assert [(s.kind, s.id, s.now, s.code) for s in settled] == [("job", job_id, "error", code)]
    assert log.find("residue found", id=str(job_id))
    assert log.find("residue settled", id=str(job_id))
    job = await conn.fetchrow("select * from integration_jobs where id = $1", job_id)
    assert job is not None
    assert (job["status"], job["error_code"]) == ("error", code)
    assert job["finished_at"] is not None
    assert "limpeza" in job["error_message"]
    assert "\n" not in job["error_message"]
    integration = await conn.fetchrow("select last_status, last_error, last_run from tenant_integrations")
    assert integration is not None
    assert tuple(integration) == ("error", job["error_message"], job["finished_at"])
    assert await conn.fetchval("select status from sync_jobs") == "error"
    assert await conn.fetchval("select count(*) from integration_logs where execution_id = $1", job_id) == 1
    assert await hygiene.sweep(conn, log) == []  # type: ignore[arg-type]


def without_age(settled: hygiene.Settled) -> tuple[Any, ...]:
    return settled.kind, settled.id, settled.was, settled.now, settled.code, settled.message


@pytest.mark.parametrize(
    "last, status, error",
    [
        (
            "status = 'error', error_message = 'Token expirado', finished_at = now() - interval '1 day'",
            "error",
            "Token expirado",
        ),
        ("status = 'running', started_at = now(); update integration_jobs set status = 'success'", "success", None),
        (None, "error", "Limpeza: constava como em execução, mas nenhum job estava ativo."),
    ],
)
async def test_a_ghost_takes_the_status_of_its_last_job(
    conn: Conn, last: str | None, status: str, error: str | None
) -> None:
    office = await add_office(conn, "contmax")
    if last is not None:
        await conn.execute(
            f"insert into integration_jobs (tenant_id, provider_slug) values ('{office}', 'acessorias');"
            f"update integration_jobs set {last}"
        )
    await conn.execute(
        "update tenant_integrations set last_status = 'running', last_error = null, last_run = null, "
        "updated_at = now() - interval '1 day'"
    )
    (settled,) = await hygiene.sweep(conn, Recorder())  # type: ignore[arg-type]
    assert (settled.kind, settled.was, settled.now) == ("integration", "running", status)
    row = await conn.fetchrow("select last_status, last_error from tenant_integrations")
    assert row is not None
    assert tuple(row) == (status, error)


async def test_an_integration_with_an_active_job_is_no_ghost(conn: Conn) -> None:
    await add_job(conn, "contmax", "status = 'running', started_at = now()")
    await conn.execute("update tenant_integrations set updated_at = now() - interval '1 day'")
    assert await hygiene.sweep(conn, Recorder()) == []  # type: ignore[arg-type]
    assert await conn.fetchval("select last_status from tenant_integrations") == "running"


async def test_syncs_of_runs_that_died_are_closed_and_live_ones_left(conn: Conn) -> None:
    office = await add_office(conn, "contmax")
    await conn.execute(
        "insert into sync_jobs (tenant_id, provider, entity, started_at) "
        "values ($1, 'acessorias', 'old', now() - interval '2 days'), "
        "($1, 'acessorias', 'young', now() - interval '5 minutes')",
        office,
    )
    (settled,) = await hygiene.sweep(conn, Recorder())  # type: ignore[arg-type]
    assert (settled.kind, settled.was, settled.now) == ("sync", "running", "error")
    rows = await conn.fetch("select entity, status, finished_at is null as open from sync_jobs order by entity")
    assert [tuple(row) for row in rows] == [("old", "error", False), ("young", "running", True)]


async def test_sweeps_at_the_same_time_settle_everything_once(pool: asyncpg_trio.Pool) -> None:
    settled: list[hygiene.Settled] = []

    async def sweep() -> None:
        async with pool.acquire() as conn:
            settled.extend(await hygiene.sweep(conn, Recorder()))  # type: ignore[arg-type]

    with trio.fail_after(LIMIT_S):
        async with pool.acquire() as conn:
            ids = {
                await add_job(conn, f"office-{n}", "status = 'running', created_at = now() - interval '1 day'")
                for n in range(20)
            }
        async with trio.open_nursery() as nursery:
            for _ in range(4):
                nursery.start_soon(sweep)
    assert sorted(s.id for s in settled) == sorted(ids)


async def test_the_command_rehearses_settles_and_then_finds_nothing(database: str, conn: Conn) -> None:
    job_id = await add_job(conn, "contmax", "status = 'running', created_at = now() - interval '1 day'")
    before = await everything(conn)
    env = environment(database)
    with trio.fail_after(LIMIT_S):
        rehearsed = await run_drena("sweep", "--dry-run", "--json", env=env)
        assert await everything(conn) == before
        settled, again = [await run_drena("sweep", "--json", env=env) for _ in range(2)]
    assert (rehearsed.code, settled.code, again.code) == (0, 0, 0)
    assert [{**row, "age_s": None} for row in rehearsed.json] == [{**row, "age_s": None} for row in settled.json]
    assert [row["id"] for row in settled.json] == [str(job_id)]
    assert again.json == []


def prepare_old_database(server: PostgresServer, dsn: str) -> None:
    name = dsn.rpartition("/")[2].partition("?")[0]
    server.sql(TABLES + OFFICES + RESIDUES, name)


async def test_adoption_beside_old_writers_that_go_on_writing(server: PostgresServer, empty_database: str) -> None:
    """Migrate while the old functions insert and update; afterwards they still work, and everything is settled."""
    prepare_old_database(server, empty_database)
    migrated = trio.Event()
    rounds = {"before": 0, "after": 0}

    async def write_as_of_old(slug: str) -> None:
        async with asyncpg_trio.connect(empty_database) as conn:
            office = await conn.fetchval("select id from organizacoes where slug = $1", slug)
            left = 5
            while left:
                left -= migrated.is_set()
                job_id = await conn.fetchval(OLD_INSERT, office)
                await conn.execute(OLD_START, job_id)
                await conn.execute(OLD_END, job_id)
                await conn.execute(OLD_LOG, str(office), job_id)
                rounds["after" if migrated.is_set() else "before"] += 1

    async def adopt() -> None:
        done = await run_drena("migrate", env=environment(empty_database))
        assert (done.code, done.err) == (0, "")
        migrated.set()

    with trio.fail_after(LIMIT_S):
        async with asyncpg_trio.connect(empty_database) as conn, trio.open_nursery() as nursery:
            for slug in ("office-5", "office-6"):
                nursery.start_soon(write_as_of_old, slug)
            nursery.start_soon(adopt)
        async with asyncpg_trio.connect(empty_database) as conn:
            assert rounds["before"] > 0
            assert rounds["after"] >= 10
            await assert_adopted(conn, rounds)


async def assert_adopted(conn: Conn, rounds: dict[str, int]) -> None:
    old = await conn.fetch("select status, result::text from integration_jobs where result is not null")
    assert [(row["status"], json.loads(row["result"])) for row in old] == [("success", {"old": True})] * sum(
        rounds.values()
    )
    lanes = await conn.fetch(
        "select o.slug, count(*) as n from integration_jobs j join organizacoes o on o.id = j.tenant_id "
        "where j.status in ('pending', 'running') group by 1"
    )
    assert {row["slug"]: row["n"] for row in lanes} == {f"office-{n}": 1 for n in (1, 2, 3, 4)}
    assert (
        await conn.fetchval(
            "select payload ->> 'alive' from integration_jobs where status = 'running' "
            "and started_at > now() - interval '1 hour'"
        )
        == "true"
    )
    duplicates = await conn.fetch("select * from integration_jobs where error_code = 'duplicate'")
    assert len(duplicates) == 2
    assert all(row["finished_at"] is not None and "limpeza" in row["error_message"] for row in duplicates)
    assert all("\n" not in row["error_message"] for row in duplicates)
    settled = await hygiene.sweep(conn, Recorder())  # type: ignore[arg-type]
    kinds = sorted((s.kind, s.code) for s in settled)
    assert kinds[-2:] == [("sync", "ghost")] * 2
    assert [kind for kind in kinds if kind[0] == "job"] == [
        ("job", "never_started"),
        ("job", "stale_pending"),
        ("job", "stale_running"),
    ]
    active = await conn.fetch("select payload::text from integration_jobs where status in ('pending', 'running')")
    assert [json.loads(row["payload"]) for row in active] == [{"alive": True}]
    statuses = await conn.fetch(
        "select o.slug, t.last_status from tenant_integrations t join organizacoes o on o.id = t.tenant_id"
    )
    assert {row["slug"]: row["last_status"] for row in statuses} == {
        "office-1": "error",
        "office-2": "error",
        "office-3": "error",
        "office-4": "running",
        "office-5": "success",
        "office-6": "success",
    }
    assert await conn.fetchval("select count(*) from integration_logs where tenant_id = 'not-even-a-uuid'") == 1
    assert await conn.fetchval("select count(*) from empresas") == 2
    office = await conn.fetchval("select id from organizacoes where slug = 'office-1'")
    assert (await request_job(conn, office, "acessorias")).outcome == "created"


async def test_a_daemon_adopts_the_old_database_by_itself_and_settles_it(
    server: PostgresServer, empty_database: str
) -> None:
    prepare_old_database(server, empty_database)
    with trio.fail_after(LIMIT_S):
        async with (
            launch_daemon(environment(empty_database)) as daemon,
            asyncpg_trio.connect(empty_database) as conn,
        ):
            assert await migrate(conn) == []
            active = await conn.fetch(
                "select payload::text from integration_jobs where status in ('pending', 'running')"
            )
            assert [json.loads(row["payload"]) for row in active] == [{"alive": True}]
            ghosts = await conn.fetchval(
                "select count(*) from tenant_integrations where last_status in ('running', 'pending')"
            )
            assert ghosts == 1
            assert await conn.fetchval("select count(*) from sync_jobs where status = 'running'") == 1
            first = await conn.fetchval("select to_jsonb(e)::text from empresas e order by numero limit 1")
            assert json.loads(first)["cnpj"] == "11.222.333/0001-81"
    assert daemon.find("migration applied")
    assert len(daemon.find("residue settled", kind="job")) == 3
