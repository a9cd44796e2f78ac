"""The four flows an office sees, click to end: the daemon, the fake API and PostgreSQL as processes of their own."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import trio

from support.daemons import Done

if TYPE_CHECKING:
    from flows.stage import Stage

LIMIT_S = 60.0


async def test_flow_1_one_click_on_a_clean_queue_runs_to_success(stage: Stage) -> None:
    office = await stage.open_office("contmax", 65)
    with trio.fail_after(LIMIT_S):
        async with stage.daemon() as daemon:
            done = await stage.drena("request", "contmax", "acessorias", "--wait", "--json")
            assert (done.code, done.err) == (0, "")
            assert done.json["outcome"] == "created"
            job = await stage.conn.fetchrow("select * from integration_jobs")
            assert job is not None
            assert (done.json["job"]["id"], done.json["job"]["status"]) == (str(job["id"]), "success")
            assert (job["attempts"], job["progress"], job["rescues"]) == (1, 100, 0)
            await stage.assert_settled(office, job["id"], "success")
            await stage.assert_mirrored(office)
            line = await daemon.logged("attempt succeeded", job_id=str(job["id"]), tenant="contmax", attempt=1)
            assert line["duration_ms"] >= 0
    assert json.loads(job["result"])["read"] == 65
    assert await stage.logs(job["id"]) == [
        ("job.requested", None, 0),
        ("attempt.started", None, 1),
        ("attempt.finished", "success", 1),
    ]
    sync = await stage.conn.fetchrow("select * from sync_jobs")
    assert sync is not None
    assert (sync["entity"], sync["total_read"], sync["total_errors"]) == ("companies", 65, 0)
    assert sync["total_created"] + sync["total_updated"] + sync["total_skipped"] == 65


async def test_flow_1_a_second_click_changes_nothing_and_a_third_updates_what_changed(stage: Stage) -> None:
    office = await stage.open_office("contmax", 65)
    with trio.fail_after(LIMIT_S):
        async with stage.daemon():
            results = []
            changed: set[str] = set()
            stamps: list[dict[str, str]] = []
            for turn in range(3):
                if turn == 2:
                    changed = set(await stage.fake.touch(office.token, 7, keys=("Razao",)))
                outcome, job_id = await stage.request(office)
                assert outcome == "created"
                job = await stage.ended(job_id)
                await stage.assert_settled(office, job_id, "success")
                results.append(json.loads(job["result_text"]))
                rows = await stage.conn.fetch("select external_key, xmin::text as stamp from empresas")
                stamps.append({row["external_key"]: row["stamp"] for row in rows})
    assert [r["read"] for r in results] == [65, 65, 65]
    assert (results[1]["created"], results[1]["updated"]) == (0, 0)
    assert stamps[1] == stamps[0]
    assert (results[2]["created"], results[2]["updated"]) == (0, 7)
    assert {key for key in stamps[2] if stamps[2][key] != stamps[1][key]} == changed
    await stage.assert_mirrored(office)


async def test_flow_2_a_fast_double_click_creates_one_job_and_the_second_answer_carries_it(stage: Stage) -> None:
    office = await stage.open_office("contmax")
    answers: list[Done] = []

    async def click() -> None:
        answers.append(await stage.drena("request", "contmax", "acessorias"))

    with trio.fail_after(LIMIT_S):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(click)
            nursery.start_soon(click)
        job_id = await stage.conn.fetchval("select id from integration_jobs")
        second, first = sorted(a.out for a in answers)
        assert first.startswith(f"Job {job_id} requested.")
        assert second.startswith(f"Execução em andamento: job {job_id} is pending since ")
        assert [(a.code, a.err) for a in answers] == [(0, ""), (0, "")]
        async with stage.daemon():
            await stage.ended(job_id)
    assert await stage.conn.fetchval("select count(*) from integration_jobs") == 1
    await stage.assert_settled(office, job_id, "success")


async def test_flow_2_a_click_while_the_job_runs_is_answered_with_the_running_job(stage: Stage) -> None:
    office = await stage.open_office("contmax")
    await stage.fake.set_knobs(office.token, latency_ms=300)
    with trio.fail_after(LIMIT_S):
        async with stage.daemon() as daemon:
            _, job_id = await stage.request(office)
            await daemon.logged("attempt started", job_id=str(job_id))
            assert await stage.request(office) == ("active", job_id)
            assert (await stage.job(job_id))["status"] == "running"
            await stage.ended(job_id)
            outcome, another = await stage.request(office)
            assert outcome == "created"
            assert (await stage.ended(another))["status"] == "success"


@pytest.mark.parametrize(
    "knobs, code",
    [
        pytest.param({"fail_next": 2, "fail_status": 500}, "provider_down", id="500"),
        pytest.param({"fail_next": 2, "fail_status": 200, "fail_body": "html"}, "answer_html", id="html"),
        pytest.param({"fail_next": 5, "fail_status": 429}, "rate_limited", id="429"),
        pytest.param({"cut_next": 5}, "provider_unreachable", id="cut"),
        pytest.param({"truncate_next": 2}, "answer_invalid", id="truncated"),
    ],
)
async def test_flow_3_a_forced_failure_retries_by_itself_and_ends_in_success(
    stage: Stage, knobs: dict[str, object], code: str
) -> None:
    office = await stage.open_office("contmax")
    await stage.fake.set_knobs(office.token, only_pages=[2], **knobs)
    with trio.fail_after(LIMIT_S):
        async with stage.daemon() as daemon:
            _, job_id = await stage.request(office)
            job = await stage.ended(job_id)
            retry = await daemon.logged("attempt failed, will retry", job_id=str(job_id), attempt=1)
    assert job["status"] == "success"
    assert job["attempts"] > 1
    assert (retry["code"], retry["level"]) == (code, "warning")
    assert retry["retry_in_s"] > 0
    assert retry["reason"]
    await stage.assert_settled(office, job_id, "success")
    await stage.assert_mirrored(office)
    assert ("attempt.retry", "pending", 1) in await stage.logs(job_id)
    assert await stage.conn.fetchval("select count(*) from sync_jobs") == 1
    assert await stage.conn.fetchval("select total_read from sync_jobs") == 45


async def test_flow_3_more_failures_than_attempts_end_in_error_and_never_stuck(stage: Stage) -> None:
    office = await stage.open_office("contmax")
    await stage.fake.set_knobs(office.token, fail_next=1000, fail_status=500)
    with trio.fail_after(LIMIT_S):
        async with stage.daemon():
            _, job_id = await stage.request(office)
            job = await stage.ended(job_id)
            await stage.assert_settled(office, job_id, "error")
            assert (job["attempts"], job["max_attempts"], job["error_code"]) == (5, 5, "provider_down")
            assert "HTTP 500" in job["error_message"]
            assert [line for line in await stage.logs(job_id) if line[0] != "job.requested"] == [
                ("attempt.started", None, 1),
                ("attempt.retry", "pending", 1),
                ("attempt.started", None, 2),
                ("attempt.retry", "pending", 2),
                ("attempt.started", None, 3),
                ("attempt.retry", "pending", 3),
                ("attempt.started", None, 4),
                ("attempt.retry", "pending", 4),
                ("attempt.started", None, 5),
                ("attempt.finished", "error", 5),
            ]
            await stage.fake.set_knobs(office.token, fail_next=0)
            outcome, another = await stage.request(office)
            assert outcome == "created"
            assert (await stage.ended(another))["status"] == "success"
            await stage.assert_settled(office, another, "success")


async def test_flow_4_two_tenants_drain_without_anybodys_hand(stage: Stage) -> None:
    offices = [await stage.open_office("contmax", 65), await stage.open_office("solaris", 25)]
    jobs = [(await stage.request(office))[1] for office in offices]
    with trio.fail_after(LIMIT_S):
        async with stage.daemon():
            for office, job_id in zip(offices, jobs, strict=True):
                assert (await stage.ended(job_id))["status"] == "success"
                await stage.assert_settled(office, job_id, "success")
                await stage.assert_mirrored(office)
            spans = await stage.conn.fetch("select started_at, finished_at from integration_jobs")
            first, second = spans
            assert first["started_at"] < second["finished_at"]
            assert second["started_at"] < first["finished_at"]
            assert (await stage.conn.fetchval("select count(distinct organizacao_id) from empresas")) == 2


async def test_flow_4_a_tenants_queue_of_lanes_drains_to_the_last_job(stage: Stage) -> None:
    office = await stage.open_office("contmax", 5)
    other = await stage.open_office("solaris", 5)
    async with stage.conn.transaction():
        for which in (office, other):
            await stage.conn.execute(
                "insert into integration_jobs (tenant_id, provider_slug, lane) "
                "select $1, 'acessorias', unnest(array['', 'companies'])",
                which.id,
            )
    with trio.fail_after(LIMIT_S):
        async with stage.daemon(tenant__max_jobs=1):  # so that each office's second job has to wait for its first
            for job_id in [row["id"] for row in await stage.conn.fetch("select id from integration_jobs")]:
                assert (await stage.ended(job_id))["status"] == "success"
    assert await stage.conn.fetchval("select count(*) from integration_logs where status = 'success'") == 4
