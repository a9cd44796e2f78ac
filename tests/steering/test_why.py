"""`why` on a real database: each reason as it comes about."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest

from asyncpg_trio import Pool
from drena.errors import UsageError
from drena.store.why import why
from drena.waiting import Reason
from steering.history import History


@pytest.fixture
def past(pool: Pool) -> History:
    return History(pool)


async def reason(past: History, job: UUID) -> Reason:
    return await why(past.pool, job)


async def test_an_unknown_job_is_a_usage_error(past: History) -> None:
    with pytest.raises(UsageError, match="There is no job"):
        await reason(past, uuid4())


async def test_without_a_node_nobody_runs_it(past: History) -> None:
    job = await past.job(await past.office())
    assert (await reason(past, job)).code == "no_node"
    await past.node(lease_s=-1.0)
    assert (await reason(past, job)).code == "no_node"


async def test_a_live_node_with_the_provider_is_about_to(past: History) -> None:
    await past.node()
    assert (await reason(past, await past.job(await past.office()))).code == "about_to_run"


async def test_without_the_provider_on_any_node_it_waits_and_says_until_when(past: History) -> None:
    await past.pool.execute("insert into drena.settings values ('heal.pending_after_s', '60')")
    await past.node("bomcontrole", name="left")
    job = await past.job(await past.office())
    told = await reason(past, job)
    assert told.code == "provider_unavailable"
    assert told.details["nodes"] == [{"name": "left", "providers": ["bomcontrole"]}]
    until = await past.pool.fetchval("select run_at + interval '60 s' from integration_jobs")
    assert told.until == until


async def test_a_running_job_names_its_node(past: History) -> None:
    job = await past.job(await past.office())
    await past.claim(await past.node(name="right"))
    told = await reason(past, job)
    assert (told.code, told.details["node"], told.details["attempt"]) == ("running", "right", 1)


async def test_a_running_job_of_a_dead_node_says_so(past: History) -> None:
    job = await past.job(await past.office())
    node = await past.node()
    await past.claim(node)
    await past.pool.execute("update drena.nodes set lease_until = now() - interval '1 s'")
    assert (await reason(past, job)).code == "node_lost"


async def test_a_running_job_of_an_old_function_says_so(past: History) -> None:
    job = await past.job(await past.office())
    await past.pool.execute("update integration_jobs set status = 'running', started_at = now()")
    told = await reason(past, job)
    assert (told.code, "outside of Drena" in told.text.en) == ("running", True)


async def test_a_job_being_cancelled_says_so(past: History) -> None:
    job = await past.job(await past.office())
    await past.claim(await past.node())
    await past.cancel(job)
    assert (await reason(past, job)).code == "canceling"


async def test_an_ended_job_names_the_one_that_has_its_lane_now(past: History) -> None:
    office = await past.office()
    job = await past.job(office)
    await past.cancel(job)
    told = await reason(past, job)
    assert (told.code, told.details["status"], told.details["active_job_id"]) == ("ended", "canceled", None)
    again = await past.job(office)
    assert (await reason(past, job)).details["active_job_id"] == again


async def test_a_failed_attempt_tells_the_failure_and_the_time(past: History) -> None:
    job = await past.job(await past.office())
    (claim,) = await past.claim(await past.node())
    await past.finish(claim, "pending", delay_s=300.0, code="http_503")
    told = await reason(past, job)
    assert (told.code, told.details["error_code"], told.details["attempt"]) == ("backing_off", "http_503", 2)
    assert told.text.pt.endswith("Última falha: O servidor respondeu 503.")
    assert told.until == await past.pool.fetchval("select run_at from integration_jobs")


@pytest.mark.parametrize("run_at, code", [("now() + interval '1 h'", "scheduled"), ("'infinity'", "backing_off")])
async def test_a_time_ahead_is_told(past: History, run_at: str, code: str) -> None:
    job = await past.job(await past.office())
    await past.node()
    await past.pool.execute(f"update integration_jobs set run_at = {run_at}")
    assert (await reason(past, job)).code == code


@pytest.mark.parametrize("scope", ["everything", "provider", "tenant", "integration"])
async def test_a_pause_tells_its_scope_reason_and_author(past: History, scope: str) -> None:
    office, other = await past.office(), await past.office("outra")
    job = await past.job(office)
    author = uuid4()
    await past.pool.execute(
        "select drena.pause($1, $2, 'Fatura vencida', $3)",
        office if scope in ("tenant", "integration") else None,
        "acessorias" if scope in ("provider", "integration") else None,
        author,
    )
    await past.pool.execute("select drena.pause($1, null, 'other', null)", other)
    told = await reason(past, job)
    assert told.code == "paused"
    assert {k: told.details[k] for k in ("scope", "reason", "by", "pauses")} == {
        "scope": scope,
        "reason": "Fatura vencida",
        "by": author,
        "pauses": 1,
    }


async def test_a_disabled_or_missing_integration_is_told(past: History) -> None:
    job = await past.job(await past.office())
    await past.pool.execute("update tenant_integrations set is_enabled = false")
    assert (await reason(past, job)).code == "integration_disabled"
    await past.pool.execute("delete from tenant_integrations")
    assert (await reason(past, job)).code == "integration_not_found"


async def test_the_tenants_cap_names_the_jobs_that_fill_it(past: History) -> None:
    office = await past.office()
    first = await past.job(office, lane="a")
    await past.claim(await past.node(tenant_max_jobs=1))
    told = await reason(past, await past.job(office, lane="b"))
    assert (told.code, told.details["cap"]) == ("tenant_cap", 1)
    assert [j["id"] for j in told.details["jobs"]] == [str(first)]


async def test_another_tenants_jobs_do_not_fill_the_cap(past: History) -> None:
    await past.job(await past.office())
    await past.claim(await past.node(tenant_max_jobs=1))
    assert (await reason(past, await past.job(await past.office("outra")))).code == "about_to_run"


@pytest.mark.parametrize(
    "limits, code", [({"max_jobs": 1}, "node_full"), ({"provider_max_jobs": '{"acessorias": 1}'}, "provider_cap")]
)
async def test_full_nodes_are_told(past: History, limits: dict[str, object], code: str) -> None:
    await past.job(await past.office())
    await past.claim(await past.node(**limits))
    waiting = await past.job(await past.office("outra"))
    assert (await reason(past, waiting)).code == code


async def test_jobs_of_the_tenant_that_come_first_are_counted(past: History) -> None:
    office = await past.office()
    await past.node()
    for lane in "ab":
        await past.job(office, lane=lane)
    await past.job(office, lane="later", priority=5)
    job = await past.job(office, lane="c")
    await past.job(await past.office("outra"))
    await past.pool.execute(
        "insert into integration_jobs (tenant_id, provider_slug, run_at) "
        "values ($1, 'elsewhere', now() - interval '1 h')",
        office,
    )
    told = await reason(past, job)
    assert (told.code, told.details["ahead"]) == ("queued_behind", 2)
