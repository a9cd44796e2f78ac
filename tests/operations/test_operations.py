"""What somebody may do on behalf of whom, on a real database."""

from __future__ import annotations

import uuid
from uuid import UUID

import pytest
import trio

from drena import operations
from drena.access.principals import OPEN
from drena.asking import LANE_CHARS, PAYLOAD_BYTES
from drena.plugins import PluginHost
from drena.problems import Refused
from operations.conftest import HOST

NOBODY = uuid.UUID("00000000-0000-4000-8000-000000000000")


async def refused(call):
    """What a call is refused with: all of it that its caller is told, in both languages."""
    with pytest.raises(Refused) as caught:
        await call
    problems = [caught.value.problem(lang) for lang in ("pt", "en")]
    return caught.value.code, problems


async def code(call):
    return (await refused(call))[0]


async def start(pool, office, who=None, **more):
    return await operations.run_job(
        pool, HOST, who or office.staff(), tenant_id=office.id, provider_slug="acessorias", **more
    )


async def test_a_job_is_asked_for_and_shown_as_everybody_sees_it(pool, ours):
    who = ours.staff()
    started = await start(pool, ours, who, lane="full", payload={"full": True, "word": "ção"})
    assert started.healed_job_id is None
    job = started.job
    assert (job["status"], job["provider_slug"], job["lane"], job["created_by"]) == (
        "pending", "acessorias", "full", str(who.user_id),
    )  # fmt: skip
    assert not {"payload", "checkpoint"} & job.keys()
    assert await pool.fetchval("select payload ->> 'word' from integration_jobs") == "ção"
    assert await operations.get_job(pool, who, UUID(job["id"])) == job


async def test_a_second_request_is_answered_with_the_job_that_is_active(pool, ours):
    first = (await start(pool, ours)).job
    name, problems = await refused(start(pool, ours))
    assert name == "job_active"
    assert [p.extensions["active_job"]["id"] for p in problems] == [first["id"]] * 2
    assert problems[0].title == "Execução em andamento"
    assert await pool.fetchval("select count(*) from integration_jobs") == 1


async def test_a_job_that_was_stuck_is_replaced_and_named(pool, ours):
    stuck = await pool.fetchval(
        "insert into integration_jobs (tenant_id, provider_slug, status, created_at, run_at) "
        "values ($1, 'acessorias', 'running', now() - interval '5 h', now() - interval '5 h') returning id",
        ours.id,
    )
    started = await start(pool, ours)
    assert started.healed_job_id == stuck


async def test_a_job_may_be_asked_for_inside_a_transaction_of_the_caller(pool, ours):
    async with pool.acquire() as conn:
        undone = conn.transaction()
        await undone.start()
        await start(conn, ours)
        await undone.rollback()
    assert await pool.fetchval("select count(*) from integration_jobs") == 0


@pytest.mark.parametrize(
    "given, name",
    [
        ({"lane": "x" * (LANE_CHARS + 1)}, "lane_invalid"),
        ({"lane": "a\nb"}, "lane_invalid"),
        ({"lane": "\0"}, "lane_invalid"),
        ({"payload": {"x": "y" * PAYLOAD_BYTES}}, "payload_invalid"),
        ({"payload": {"x": "\0"}}, "payload_invalid"),
        ({"payload": {"\0": 1}}, "payload_invalid"),
        ({"payload": {"x": "\ud800"}}, "payload_invalid"),
        ({"provider_slug": "nothing"}, "integration_not_found"),
        ({"provider_slug": "x\0"}, "integration_not_found"),
        ({"provider_slug": ""}, "integration_not_found"),
        ({"tenant_id": NOBODY}, "integration_not_found"),
    ],
    ids=lambda given: ascii(given)[:30],
)
async def test_what_cannot_be_run_is_refused_by_name_and_nothing_is_written(pool, ours, given, name):
    request = {"tenant_id": ours.id, "provider_slug": "acessorias", **given}
    assert await code(operations.run_job(pool, HOST, ours.staff(), **request)) == name
    assert await pool.fetchval("select count(*) from integration_jobs") == 0


@pytest.mark.parametrize("text", ["\\u0000", "\\\\u0000", "C:\\u0000x", "é\U0001f600"])
async def test_a_payload_that_only_looks_dangerous_is_taken(pool, ours, text):
    await start(pool, ours, payload={"x": text})
    assert await pool.fetchval("select payload ->> 'x' from integration_jobs") == text


async def test_a_disabled_integration_is_not_run(pool, ours):
    await pool.execute("update tenant_integrations set is_enabled = false where id = $1", ours.integration)
    assert await code(start(pool, ours)) == "integration_disabled"


async def test_a_provider_that_no_live_node_has_is_said_to_be_unavailable(pool, ours):
    empty = PluginHost({}, [])
    request = {"tenant_id": ours.id, "provider_slug": "acessorias"}
    name, problems = await refused(operations.run_job(pool, empty, ours.staff(), **request))
    assert name == "provider_unavailable"
    assert "acessorias" in problems[0].detail
    await pool.execute(
        "insert into drena.nodes (id, name, version, providers, lease_until) "
        "values (gen_random_uuid(), 'north', '1', '{acessorias}', now() + interval '1 min')"
    )
    assert (await operations.run_job(pool, empty, ours.staff(), **request)).job["status"] == "pending"


async def may(call):
    """Whether it is permitted; refused for any other reason than that is a fault."""
    try:
        await call
    except Refused as denied:
        if denied.code != "forbidden":
            raise
        return False
    return True


async def permitted(pool, office, who):
    """Everything somebody may do in an office."""
    await pool.execute("delete from integration_jobs")
    found = {"run"} if await may(start(pool, office, who)) else set()
    await pool.execute("delete from integration_jobs")
    job_id = UUID((await start(pool, office)).job["id"])
    calls = {
        "see": operations.get_job(pool, who, job_id),
        "logs": operations.job_logs(pool, who, job_id),
        "why": operations.why_job(pool, who, job_id),
        "retry": operations.retry_job(pool, HOST, who, job_id),
        "cancel": operations.cancel_job(pool, who, job_id),
        "manage": operations.change_integration(pool, who, office.integration, paused=False),
    }
    return found | {name for name, call in calls.items() if await may(call)}


async def test_who_may_do_what(pool, ours, boss):
    sees, acts = {"see", "logs", "why"}, {"run", "retry", "cancel"}
    assert await permitted(pool, ours, ours.staff()) == sees | acts
    assert await permitted(pool, ours, ours.admin()) == sees | acts | {"manage"}
    assert await permitted(pool, ours, boss) == sees | acts | {"manage"}
    assert await permitted(pool, ours, OPEN) == sees | acts | {"manage"}
    assert await permitted(pool, ours, ours.program("read")) == sees
    assert await permitted(pool, ours, ours.program("run")) == sees | acts
    assert await permitted(pool, ours, ours.program("manage")) == sees | {"manage"}


async def test_what_belongs_to_others_is_answered_exactly_like_what_does_not_exist(pool, ours, theirs):
    who = ours.admin()
    their_job = UUID((await start(pool, theirs)).job["id"])

    def calls(tenant, job, integration):
        return [
            operations.run_job(pool, HOST, who, tenant_id=tenant, provider_slug="acessorias"),
            operations.run_job(pool, HOST, who, tenant_id=tenant, provider_slug="acessorias", lane="\0", payload={}),
            operations.run_job(pool, PluginHost({}, []), who, tenant_id=tenant, provider_slug="acessorias"),
            operations.get_job(pool, who, job),
            operations.job_logs(pool, who, job),
            operations.why_job(pool, who, job),
            operations.cancel_job(pool, who, job),
            operations.retry_job(pool, HOST, who, job),
            operations.get_integration(pool, who, integration),
            operations.change_integration(pool, who, integration, enabled=False, paused=True),
        ]

    foreign = [await refused(call) for call in calls(theirs.id, their_job, theirs.integration)]
    missing = [await refused(call) for call in calls(NOBODY, NOBODY, NOBODY)]
    assert foreign == missing
    assert {name for name, _ in foreign} == {"job_not_found", "integration_not_found"}
    for tenant in (theirs.id, NOBODY):
        assert await operations.list_jobs(pool, who, tenant_id=tenant) == ([], None)
        assert await operations.list_integrations(pool, who, tenant_id=tenant) == ([], None)
    row = await pool.fetchrow("select * from integration_jobs where id = $1", their_job)
    assert (row["status"], row["cancel_requested_at"]) == ("pending", None)
    assert await pool.fetchval("select is_enabled from tenant_integrations where id = $1", theirs.integration)
    assert await pool.fetchval("select count(*) from drena.pauses") == 0
    assert await pool.fetchval("select count(*) from drena.job_logs where job_id = $1", their_job) == 1


async def test_lists_hold_what_one_may_see_and_nothing_else(pool, ours, theirs, boss):
    for office in (ours, theirs):
        await start(pool, office)
    mine = await operations.list_jobs(pool, ours.staff())
    assert {job["tenant_id"] for job in mine.items} == {str(ours.id)}
    seen = await operations.list_integrations(pool, ours.staff())
    assert [i["id"] for i in seen.items] == [str(ours.integration)]
    assert len((await operations.list_jobs(pool, boss)).items) == 2
    assert len((await operations.list_integrations(pool, boss)).items) == 2
    assert (await operations.list_jobs(pool, ours.staff(tenants=frozenset()))).items == []
    both = ours.staff(tenants=frozenset([ours.id, theirs.id]))
    assert len((await operations.list_jobs(pool, both)).items) == 2
    assert [j["tenant_id"] for j in (await operations.list_jobs(pool, both, tenant_id=theirs.id)).items] == [
        str(theirs.id)
    ]


async def test_pages_have_each_job_once_also_when_new_ones_come_and_times_are_equal(pool, ours):
    await pool.execute(
        "insert into integration_jobs (tenant_id, provider_slug, lane, created_at) "
        "select $1, 'acessorias', n::text, '2026-01-01' from generate_series(1, 25) n",
        ours.id,
    )
    who, seen, cursor = ours.staff(), [], None
    while True:
        page = await operations.list_jobs(pool, who, limit=10, cursor=cursor)
        seen += [job["lane"] for job in page.items]
        await start(pool, ours, lane=f"new {len(seen)}")
        if (cursor := page.next_cursor) is None:
            break
    assert sorted(seen, key=int) == [str(n) for n in range(1, 26)]
    assert len(whole(await operations.list_jobs(pool, who, limit=28))) == 28


def whole(page):
    assert page.next_cursor is None
    return page.items


async def test_jobs_are_filtered_by_provider_and_status(pool, ours):
    first = (await start(pool, ours)).job
    await operations.cancel_job(pool, ours.staff(), UUID(first["id"]))
    await start(pool, ours)
    who = ours.staff()
    assert [j["status"] for j in (await operations.list_jobs(pool, who)).items] == ["pending", "canceled"]
    assert [j["id"] for j in (await operations.list_jobs(pool, who, statuses=["canceled"])).items] == [first["id"]]
    assert (await operations.list_jobs(pool, who, statuses=[])).items == []
    assert (await operations.list_jobs(pool, who, provider_slug="other\0")).items == []
    assert len((await operations.list_jobs(pool, who, provider_slug="acessorias")).items) == 2
    assert await code(operations.list_jobs(pool, who, statuses=["done"])) == "parameter_invalid"


@pytest.mark.parametrize(
    "cursor", ["", "x", "é", "AAAA", "W10", "WzEsMl0", "eyJhIjoxfQ", "\0", "WyIyMDI2LTAxLTAxVDAwOjAwOjAwIiwiYSJd"]
)
async def test_a_cursor_that_nobody_gave_is_refused(pool, ours, cursor):
    assert await code(operations.list_jobs(pool, ours.staff(), cursor=cursor)) == "cursor_invalid"
    assert await code(operations.list_integrations(pool, ours.staff(), cursor=cursor)) == "cursor_invalid"


async def test_a_cursor_of_another_office_shows_nothing_of_it(pool, ours, theirs):
    for lane in ("a", "b"):
        await start(pool, theirs, lane=lane)
        await start(pool, ours, lane=lane)
    cursor = (await operations.list_jobs(pool, theirs.staff(), limit=1)).next_cursor
    page = await operations.list_jobs(pool, ours.staff(), cursor=cursor)
    assert {job["tenant_id"] for job in page.items} <= {str(ours.id)}


async def test_logs_come_in_pages_without_tracebacks(pool, ours):
    job_id = UUID((await start(pool, ours)).job["id"])
    await pool.execute(
        "insert into drena.job_logs (tenant_id, job_id, attempt, level, message, fields) "
        """select $1, $2, 1, 'error', 'line ' || n, '{"traceback": "File x.py", "n": 1}' """
        "from generate_series(1, 9) n",
        ours.id,
        job_id,
    )
    first = await operations.job_logs(pool, ours.staff(), job_id, limit=4)
    rest = await operations.job_logs(pool, ours.staff(), job_id, after=int(first.next_cursor or 0), limit=50)
    lines = first.items + rest.items
    assert [line["message"] for line in lines] == ["job requested", *(f"line {n}" for n in range(1, 10))]
    assert rest.next_cursor is None
    assert "traceback" not in str(lines)
    assert lines[-1]["fields"] == {"n": 1}
    assert sorted(lines, key=lambda line: line["id"]) == lines


async def test_why_tells_it_in_both_languages(pool, ours):
    job_id = UUID((await start(pool, ours)).job["id"])
    told = await operations.why_job(pool, ours.staff(), job_id)
    assert told["code"] == "no_node"
    assert told["text"]["pt"] != told["text"]["en"]
    assert told["job_id"] == str(job_id)


async def test_what_ended_is_not_cancelled_again(pool, ours):
    who = ours.staff()
    job_id = UUID((await start(pool, ours)).job["id"])
    ended = await operations.cancel_job(pool, who, job_id)
    assert ended["status"] == "canceled"
    name, problems = await refused(operations.cancel_job(pool, who, job_id))
    assert name == "job_ended"
    assert problems[0].extensions["job"]["id"] == str(job_id)


async def test_retry_makes_a_job_like_it_and_pulls_a_waiting_one_forward(pool, ours):
    who = ours.staff()
    first = (await start(pool, ours, payload={"n": 1})).job
    await operations.cancel_job(pool, who, UUID(first["id"]))
    again = (await operations.retry_job(pool, HOST, who, UUID(first["id"]))).job
    assert again["id"] != first["id"]
    await pool.execute("update integration_jobs set run_at = now() + interval '1 h' where id = $1", UUID(again["id"]))
    pulled = await operations.retry_job(pool, HOST, who, UUID(again["id"]))
    assert pulled.job["id"] == again["id"]
    assert await pool.fetchval("select run_at <= now() from integration_jobs where id = $1", UUID(again["id"]))
    name, problems = await refused(operations.retry_job(pool, HOST, who, UUID(first["id"])))
    assert name == "job_active"
    assert problems[0].extensions["active_job"]["id"] == again["id"]
    await pool.execute("update integration_jobs set status = 'running', started_at = now() where status = 'pending'")
    assert await code(operations.retry_job(pool, HOST, who, UUID(again["id"]))) == "job_not_ended"


async def test_an_integration_is_enabled_and_paused_all_of_it_or_nothing(pool, ours, theirs):
    who = ours.admin()
    changed = await operations.change_integration(pool, who, ours.integration, enabled=False, paused=True)
    assert (changed["is_enabled"], changed["paused"]) == (False, True)
    assert not (await operations.get_integration(pool, theirs.staff(), theirs.integration))["paused"]
    assert await pool.fetchval("select created_by from drena.pauses") == who.user_id
    same = await operations.change_integration(pool, who, ours.integration)
    assert (same["is_enabled"], same["paused"]) == (False, True)
    back = await operations.change_integration(pool, who, ours.integration, enabled=True, paused=False)
    assert (back["is_enabled"], back["paused"]) == (True, False)


async def test_a_double_click_of_many_makes_one_job(pool, ours):
    outcomes = []

    async def click():
        try:
            outcomes.append((await start(pool, ours)).job["id"])
        except Refused as denied:
            outcomes.append(denied.extensions["active_job"]["id"])

    async with trio.open_nursery() as nursery:
        for _ in range(20):
            nursery.start_soon(click)
    assert len(outcomes) == 20
    assert len(set(outcomes)) == 1


async def test_a_schedule_is_taken_away_and_only_its_own(pool, ours, theirs):
    for office in (ours, theirs):
        await pool.execute(
            "insert into drena.schedules (tenant_id, provider_slug, cron, next_at) "
            "values ($1, 'acessorias', '0 2 * * *', now() + interval '1 d')",
            office.id,
        )
    assert (await operations.get_integration(pool, ours.staff(), ours.integration))["schedule"] is not None
    changed = await operations.change_integration(pool, ours.admin(), ours.integration, schedule=None)
    assert (changed["schedule"], changed["next_at"]) == (None, None)
    assert await pool.fetchval("select count(*) from drena.schedules") == 1


async def test_a_schedule_that_makes_no_sense_changes_nothing_else_either(pool, ours):
    wrong = {"cron": "every day", "timezone": "America/Sao_Paulo"}
    call = operations.change_integration(pool, ours.admin(), ours.integration, enabled=False, schedule=wrong)
    assert await code(call) == "schedule_invalid"
    assert await pool.fetchval("select is_enabled from tenant_integrations where id = $1", ours.integration)
