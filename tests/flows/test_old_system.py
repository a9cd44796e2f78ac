"""Beside and after the old system: its residues are settled, its writers go on working."""

from __future__ import annotations

from typing import TYPE_CHECKING

import trio

from support.waiting import wait_ended, wait_until

if TYPE_CHECKING:
    from flows.stage import Stage

LIMIT_S = 60.0

RESIDUES = {
    "pending-for-days": "run_at = now() - interval '3 days'",
    "running-for-hours": "status = 'running', started_at = now() - interval '5 hours'",
    "never-started": "status = 'running'",
}


async def test_residues_are_settled_at_start_and_never_block_a_click(stage: Stage) -> None:
    offices = {name: await stage.open_office(name, 5) for name in RESIDUES}
    old = {}
    for name, values in RESIDUES.items():
        old[name] = await stage.conn.fetchval(
            "insert into integration_jobs (tenant_id, provider_slug) values ($1, 'acessorias') returning id",
            offices[name].id,
        )
        await stage.conn.execute(
            f"update integration_jobs set {values}, created_at = now() - interval '3 days' where id = $1", old[name]
        )
    await stage.conn.execute(
        "update tenant_integrations set last_status = 'running', updated_at = now() - interval '1 day'"
    )
    await stage.conn.execute(
        "insert into sync_jobs (tenant_id, provider, started_at) "
        "select id, 'acessorias', now() - interval '2 days' from organizacoes"
    )
    with trio.fail_after(LIMIT_S):
        async with stage.daemon() as daemon:
            await wait_ended(stage.conn)
            for name, office in offices.items():
                await stage.assert_settled(office, old[name], "error")
                await daemon.logged("residue settled", id=str(old[name]))
            assert await stage.conn.fetchval("select count(*) from sync_jobs where status = 'running'") == 0
            clicks = {name: await stage.request(office) for name, office in offices.items()}
            assert {outcome for outcome, _ in clicks.values()} == {"created"}
            for name, (_, job_id) in clicks.items():
                assert (await stage.ended(job_id))["status"] == "success"
                await stage.assert_settled(offices[name], job_id, "success")


async def test_a_residue_that_appears_while_the_daemon_lives_is_replaced_by_a_click(stage: Stage) -> None:
    office = await stage.open_office("contmax", 5)
    with trio.fail_after(LIMIT_S):
        async with stage.daemon():
            stuck = await stage.conn.fetchval(
                "insert into integration_jobs (tenant_id, provider_slug, status, created_at) "
                "values ($1, 'acessorias', 'running', now() - interval '1 hour') returning id",
                office.id,
            )
            done = await stage.drena("request", "contmax", "acessorias", "--wait")
            assert (done.code, done.err) == (0, "")
            assert f"It replaces the stuck job {stuck}." in done.out
            assert "succeeded" in done.out
    assert (await stage.job(stuck))["error_code"] == "never_started"


async def test_a_sweep_while_the_daemon_lives_settles_what_nobody_clicks_on(stage: Stage) -> None:
    office = await stage.open_office("contmax", 5)
    with trio.fail_after(LIMIT_S):
        async with stage.daemon(heal__sweep_every_s=0.2):
            stuck = await stage.conn.fetchval(
                "insert into integration_jobs (tenant_id, provider_slug, status, created_at) "
                "values ($1, 'acessorias', 'running', now() - interval '1 hour') returning id",
                office.id,
            )
            await stage.ended(stuck)
            await stage.assert_settled(office, stuck, "error")


async def test_what_the_old_functions_insert_is_picked_up_at_once(stage: Stage) -> None:
    office = await stage.open_office("contmax", 5)
    with trio.fail_after(LIMIT_S):
        async with stage.daemon(poll__poll_s=3600):
            job_id = await stage.conn.fetchval(
                "insert into integration_jobs (tenant_id, provider_slug, status, payload, created_by) "
                "values ($1, 'acessorias', 'pending', '{}', gen_random_uuid()) returning id",
                office.id,
            )
            assert (await stage.ended(job_id, limit_s=15))["status"] == "success"
            await stage.assert_settled(office, job_id, "success")


async def test_a_job_the_old_functions_run_is_left_to_them_and_settled_with_their_update(stage: Stage) -> None:
    office = await stage.open_office("contmax", 5)
    other = await stage.open_office("solaris", 5)
    with trio.fail_after(LIMIT_S):
        async with stage.daemon(poll__poll_s=0.05, heal__sweep_every_s=0.1):
            job_id = await stage.conn.fetchval(
                "insert into integration_jobs (tenant_id, provider_slug, status, started_at, attempts) "
                "values ($1, 'acessorias', 'running', now(), 1) returning id",
                office.id,
            )
            for _ in range(2):
                _, another = await stage.request(other)
                assert (await stage.ended(another))["status"] == "success"
            assert (await stage.request(office)) == ("active", job_id)
            assert (await stage.job(job_id))["version"] == 0
            await stage.conn.execute(
                "update integration_jobs set status = 'error', error_message = 'timeout', finished_at = now() "
                "where id = $1",
                job_id,
            )
            await stage.assert_settled(office, job_id, "error")
            outcome, fresh = await stage.request(office)
            assert outcome == "created"
            await stage.ended(fresh)


async def test_a_job_the_old_functions_cancel_under_the_daemon_stays_canceled(stage: Stage) -> None:
    office = await stage.open_office("contmax", 205)
    await stage.fake.set_knobs(office.token, latency_ms=100)
    with trio.fail_after(LIMIT_S):
        async with stage.daemon() as daemon:
            _, job_id = await stage.request(office)
            await wait_until(stage.conn, "select total_read > 0 from sync_jobs where job_id = $1", job_id)
            await stage.conn.execute("update integration_jobs set status = 'canceled' where id = $1", job_id)
            read: int = await stage.conn.fetchval("select total_read from sync_jobs where job_id = $1", job_id)
            await daemon.logged("attempt is fenced: the job is somebody else's now", job_id=str(job_id))
            await stage.assert_settled(office, job_id, "canceled")
    assert await stage.conn.fetchval("select total_read from sync_jobs where job_id = $1", job_id) == read < 205
