"""Commands, progress, heartbeats, goodbyes: what goes over an open connection besides changes."""

from __future__ import annotations

from uuid import uuid4

import pytest
import trio

from drena.access.service_tokens import digest_of, new_token
from drena.feed import session as session_module
from drena.plugins import PluginHost
from drena.store.access import create_token
from engine.node import Script
from feed.attacks import emptied
from feed.viewer import open_viewer

HOST = PluginHost({"script": Script()}, [])


async def test_a_run_is_answered_like_http_would_and_shows_as_a_change(feed):
    async with feed(host=HOST) as stage:
        office = await stage.office()
        async with open_viewer(stage.url, tenants=[office]) as viewer:
            await viewer.until("snapshot")
            await viewer.say("run", ref="r1", tenant_id=office, provider_slug="script")
            reply = await viewer.until("reply", ref="r1")
            assert (reply["ok"], reply["job"]["status"]) == (True, "pending")
            await viewer.when(lambda: reply["job"]["id"] in viewer.view(office).jobs)
            await viewer.say("run", ref="r2", tenant_id=office, provider_slug="script")
            refused = await viewer.until("reply", ref="r2")
            assert (refused["ok"], refused["problem"]["status"], refused["problem"]["code"]) == (
                False, 409, "job_active",
            )  # fmt: skip
            assert refused["problem"]["active_job"]["id"] == reply["job"]["id"]
            await viewer.say("cancel", ref="c1", job_id=reply["job"]["id"])
            assert (await viewer.until("reply", ref="c1"))["job"]["status"] == "canceled"
            await viewer.when(lambda: viewer.view(office).jobs[reply["job"]["id"]]["status"] == "canceled")
            await viewer.say("retry", ref="t1", job_id=reply["job"]["id"])
            again = await viewer.until("reply", ref="t1")
            assert (again["ok"], again["job"]["id"] != reply["job"]["id"]) == (True, True)


async def test_the_same_ref_is_the_same_job(feed):
    async with feed(host=HOST) as stage:
        office = await stage.office()
        ref = str(uuid4())
        jobs = []
        for _ in range(2):
            async with open_viewer(stage.url, tenants=[office]) as viewer:
                await viewer.say("run", ref=ref, tenant_id=office, provider_slug="script", payload={"a": 1})
                jobs.append((await viewer.until("reply", ref=ref))["job"]["id"])
        assert jobs[0] == jobs[1]
        async with open_viewer(stage.url, tenants=[office]) as viewer:
            await viewer.say("run", ref=ref, tenant_id=office, provider_slug="script", payload={"a": 2})
            assert (await viewer.until("reply"))["problem"]["code"] == "idempotency_conflict"


@pytest.mark.parametrize(
    "frame, code",
    [
        ({"t": "run", "provider_slug": "nothing"}, "integration_not_found"),
        ({"t": "run", "provider_slug": "script", "lane": "x" * 300}, "lane_invalid"),
        ({"t": "cancel", "job_id": str(uuid4())}, "job_not_found"),
        ({"t": "retry", "job_id": str(uuid4())}, "job_not_found"),
    ],
)
async def test_what_cannot_be_done_is_a_problem_in_the_clients_language(feed, frame, code):
    async with feed(host=HOST) as stage:
        office = await stage.office()
        async with open_viewer(stage.url, tenants=[office], lang="en") as viewer:
            frame = {**frame, "ref": "x", **({"tenant_id": office} if frame["t"] == "run" else {})}
            await viewer.say(frame.pop("t"), **frame)
            problem = (await viewer.until("reply"))["problem"]
            assert problem["code"] == code
            assert problem["title"].isascii()


async def test_a_token_that_may_only_read_runs_nothing_and_others_jobs_do_not_exist(feed):
    async with feed(host=HOST, auth={}) as stage:
        mine, other = await stage.office("mine"), await stage.office("other")
        foreign = await stage.job(other)
        token = new_token()
        await create_token(stage.pool, "r", digest_of(token), scopes=["read"], tenants=[mine], valid_for_s=None)
        async with open_viewer(stage.url, token=token) as viewer:
            await viewer.say("run", ref="1", tenant_id=mine, provider_slug="script")
            assert (await viewer.until("reply", ref="1"))["problem"]["code"] == "forbidden"
            await viewer.say("run", ref="2", tenant_id=other, provider_slug="script")
            assert (await viewer.until("reply", ref="2"))["problem"]["code"] == "integration_not_found"
            await viewer.say("cancel", ref="3", job_id=foreign)
            assert (await viewer.until("reply", ref="3"))["problem"]["code"] == "job_not_found"
        assert await stage.pool.fetchval("select status from integration_jobs where id = $1", foreign) == "pending"


async def test_progress_comes_as_the_latest_value_at_most_four_times_a_second(feed):
    async with feed() as stage:
        office = await stage.office()
        job = await stage.job(office)
        async with open_viewer(stage.url, tenants=[office]) as viewer:
            await viewer.until("snapshot")
            await stage.set(job, "status = 'running', started_at = now()")
            began_s = trio.current_time()
            for n in range(1, 61):
                await stage.set(job, f'progress = {n}, progress_detail = \'{{"done": {n}, "total": 60}}\'')
                await trio.sleep(0.02)
            await viewer.when(lambda: viewer.view(office).jobs[str(job)]["progress"] == 60)
            took_s = trio.current_time() - began_s
            told = [frame for frame in viewer.frames if frame["t"] == "progress"]
            assert told[-1]["progress_detail"] == {"done": 60, "total": 60}
            assert [frame["version"] for frame in told] == sorted(frame["version"] for frame in told)
            assert 1 <= len(told) <= took_s * 4 + 2
            offset = await stage.pool.fetchval('select "offset" from drena.feed_head where tenant_id = $1', office)
            await stage.set(job, "progress = 61")
            await viewer.until("progress")
            query = 'select "offset" from drena.feed_head where tenant_id = $1'
            assert await stage.pool.fetchval(query, office) == offset


async def test_no_progress_is_asked_for_while_nothing_runs(feed, monkeypatch):
    from drena.feed import source

    asked = []
    real = source.read_progress

    async def count(*args):
        asked.append(args)
        return await real(*args)

    monkeypatch.setattr(source, "read_progress", count)
    async with feed() as stage:
        office = await stage.office()
        job = await stage.job(office)
        async with open_viewer(stage.url, tenants=[office]) as viewer:
            await viewer.until("snapshot")
            await trio.sleep(0.6)
            assert asked == []
            await stage.set(job, "status = 'running', started_at = now()")
            await stage.set(job, "progress = 1")
            await viewer.until("progress")
            await stage.set(job, "status = 'success'")
            await viewer.when(lambda: viewer.view(office).jobs[str(job)]["status"] == "success")
            await trio.sleep(0.6)
            count_then = len(asked)
            await trio.sleep(0.6)
            assert len(asked) <= count_then + 1


async def test_an_idle_connection_hears_where_the_feed_stands(feed, monkeypatch):
    monkeypatch.setattr(session_module, "HEARTBEAT_S", 0.5)
    async with feed() as stage:
        office = await stage.office()
        async with open_viewer(stage.url, tenants=[office]) as viewer:
            welcome = await viewer.until("welcome")
            snapshot = await viewer.until("snapshot")
            heartbeat = await viewer.until("hb")
            assert welcome["hb_ms"] == 500
            assert heartbeat["offsets"] == {str(office): snapshot["offset"]}


async def test_a_ping_is_answered(feed):
    async with feed() as stage, open_viewer(stage.url) as viewer:
        await viewer.say("ping", id=7)
        assert (await viewer.until("pong"))["id"] == 7


@pytest.mark.parametrize(
    "text, code",
    [
        ("no json", 4004),
        ("[]", 4004),
        ('{"t": "nothing"}', 4004),
        ('{"t": "hello", "tenants": [1]}', 4004),
        ('{"t": "hello", "tenants": "some"}', 4004),
        ('{"t": "ping"}', 4004),
        ('{"t": "hello"}' * 2, 4004),
        ("[" * 50_000, 4004),
        ('{"t": "hello", "resume": {"x": 1}}', 4004),
    ],
)
async def test_a_first_message_that_is_no_hello_ends_it(feed, text, code):
    async with feed() as stage, open_viewer(stage.url, hello=False) as viewer:
        await viewer.connection.send(text)
        bye, closed = await viewer.end()
        assert (bye["code"], closed) == (code, code)


async def test_a_second_hello_ends_it(feed):
    async with feed() as stage, open_viewer(stage.url) as viewer:
        await viewer.say("hello")
        assert (await viewer.end())[1] == 4004


async def test_a_node_that_stops_says_when_to_come_back_each_another_moment(feed):
    byes = []

    async def run(stage, task_status):
        async with open_viewer(stage.url) as viewer:
            await viewer.until("welcome")
            task_status.started()
            byes.append(await viewer.end())

    async with feed() as stage, trio.open_nursery() as nursery:
        for _ in range(5):
            await nursery.start(run, stage)
        stage.front.stop()
        await stage.front.feed.wait_ended()
    assert [code for _, code in byes] == [4101] * 5
    waits = [bye["retry_ms"] for bye, _ in byes]
    assert len(set(waits)) > 1
    assert all(0 <= wait <= 10_000 for wait in waits)


def broken_tick(session):
    session._wire = None


def broken_hearing(session):
    session._messages = None


def broken_hearing_by_a_key_error(session):
    """The library takes a KeyError for an event it does not know."""

    def take(_now_s):
        raise KeyError("x")

    session._messages = type("Bucket", (), {"take": staticmethod(take)})()


def broken_desk(session):
    session._lang = None
    session._around = type("Around", (), {"desk": None, "hub": session._around.hub, "gate": session._around.gate})()


@pytest.mark.parametrize("breaking", [broken_tick, broken_hearing, broken_hearing_by_a_key_error, broken_desk])
async def test_a_mistake_in_one_session_ends_that_session_alone(feed, breaking):
    async with feed() as stage:
        office = await stage.office()
        async with open_viewer(stage.url) as unlucky:
            await unlucky.until("snapshot")
            (session,) = stage.front.feed._sessions
            async with open_viewer(stage.url, tenants=[office]) as viewer:
                await viewer.until("snapshot")
                breaking(session)
                await unlucky.say("cancel", ref="1", job_id=uuid4())
                assert (await unlucky.end())[1] == 1006
                job = await stage.job(office)
                await viewer.when(lambda: str(job) in viewer.view(office).jobs)
        assert len(stage.log.find("a feed connection failed")) == 1
        await emptied(stage)
        assert stage.front.hub.watched == 0
