"""Coming back: what was missed, or a fresh snapshot, and never silence (I9)."""

from __future__ import annotations

import json
from uuid import UUID, uuid4

import pytest
import trio
import trio.testing

from drena.feed import hub as hub_module
from drena.feed.longpoll import POLLED_PROGRESS_S, LongPolls
from feed.viewer import open_viewer


async def watch(stage, office, **more):
    """A client's position and view after its first frame of a tenant."""
    async with open_viewer(stage.url, tenants=[office], **more) as viewer:
        await viewer.when(lambda: viewer.view(office).epoch or viewer.view(office).deltas)
        return viewer


async def test_what_changed_while_a_client_was_away_comes_as_one_delta(feed):
    async with feed() as stage:
        office = await stage.office()
        job = await stage.job(office)
        before = await watch(stage, office)
        await stage.set(job, "status = 'running', started_at = now()")
        await stage.set(job, "status = 'success'")
        gone = await stage.job(office, "gone")
        await stage.pool.execute("delete from integration_jobs where id = $1", gone)
        async with open_viewer(stage.url, tenants=[office], resume={office: before.position(office)}) as viewer:
            viewer.views = before.views
            delta = await viewer.until("delta")
            keys = [row["k"] for row in delta["rows"]]
            assert len(keys) == len(set(keys)), "each thing once"
            assert delta["from"] == before.frames[-1]["offset"] + 1
            assert viewer.view(office).jobs[str(job)]["status"] == "success"
            assert str(gone) not in viewer.view(office).jobs
            assert viewer.view(office).snapshots == 1


async def test_a_client_that_missed_nothing_is_told_so(feed):
    async with feed() as stage:
        office = await stage.office()
        before = await watch(stage, office)
        at = before.position(office)
        async with open_viewer(stage.url, tenants=[office], resume={office: at}) as viewer:
            viewer.views = before.views
            delta = await viewer.until("delta")
            assert (delta["from"], delta["to"], delta["rows"]) == (at["offset"] + 1, at["offset"], [])


@pytest.mark.parametrize(
    "broken",
    [
        lambda at: {"epoch": str(uuid4()), "offset": at["offset"]},
        lambda at: {**at, "offset": at["offset"] + 1000},  # the database was restored from a backup
        lambda at: {**at, "offset": 0},  # the log does not reach back so far: see below
    ],
    ids=["another epoch", "ahead of the database", "too far back"],
)
async def test_a_position_that_is_not_known_any_more_gets_a_snapshot(feed, broken):
    async with feed() as stage:
        office = await stage.office()
        await stage.job(office)
        await stage.pool.execute('delete from drena.feed_log where "offset" = 1')
        before = await watch(stage, office)
        resume = {office: broken(before.position(office))}
        async with open_viewer(stage.url, tenants=[office], resume=resume) as viewer:
            await viewer.until("welcome")
            assert (await viewer.next())["t"] == "snapshot"


async def test_who_is_too_far_behind_gets_a_snapshot(feed, monkeypatch):
    monkeypatch.setattr(hub_module, "BACKLOG_LIMIT", 3)
    async with feed() as stage:
        office = await stage.office()
        job = await stage.job(office)
        before = await watch(stage, office)
        for _ in range(5):
            await stage.set(job, "attempts = attempts + 1")
        async with open_viewer(stage.url, tenants=[office], resume={office: before.position(office)}) as viewer:
            await viewer.until("welcome")
            assert (await viewer.next())["t"] == "snapshot"


async def test_a_new_epoch_restarts_those_who_are_connected(feed):
    async with feed(poll_s=0.1) as stage:
        office = await stage.office()
        job = await stage.job(office)
        async with open_viewer(stage.url, tenants=[office]) as viewer:
            first = await viewer.until("snapshot")
            await stage.pool.execute("update drena.feed_head set epoch = gen_random_uuid()")
            await stage.set(job, "attempts = attempts + 1")
            second = await viewer.until("snapshot")
            assert second["epoch"] != first["epoch"]
            await stage.set(job, "attempts = attempts + 1")
            await viewer.when(lambda: viewer.view(office).jobs[str(job)]["attempts"] == 2)


async def test_a_resync_is_a_snapshot_and_what_follows_follows(feed):
    async with feed() as stage:
        office = await stage.office()
        job = await stage.job(office)
        async with open_viewer(stage.url, tenants=[office]) as viewer:
            await viewer.until("snapshot")
            await viewer.say("resync", tenant=office)
            await viewer.until("snapshot")
            await stage.set(job, "attempts = attempts + 1")
            await viewer.when(lambda: viewer.view(office).jobs[str(job)]["attempts"] == 1)
            await viewer.say("resync", tenant=uuid4())
            assert (await viewer.until("error"))["code"] == "not_subscribed"


async def test_a_large_snapshot_comes_in_parts_and_a_flood_as_a_snapshot(feed, monkeypatch):
    monkeypatch.setattr(hub_module, "PART_JOBS", 30)
    monkeypatch.setattr(hub_module, "BACKLOG_LIMIT", 50)
    monkeypatch.setattr(hub_module, "CHANGES_LIMIT", 40)
    flood = (
        "insert into integration_jobs (tenant_id, provider_slug, lane) "
        "select $1, 'script', $2 || n from generate_series(1, 100) n"
    )
    async with feed() as stage:
        office = await stage.office()
        await stage.pool.execute(flood, office, "first")
        async with open_viewer(stage.url, tenants=[office]) as viewer:
            frame = await viewer.until("snapshot", part=4)
            assert (frame["parts"], len(viewer.view(office).jobs)) == (4, 100)
            await stage.pool.execute(flood, office, "second")
            await viewer.when(lambda: len(viewer.view(office).jobs) == 200)
            assert viewer.view(office).snapshots == 2


async def test_without_listen_a_poll_finds_what_changed(feed):
    async with feed(listening=False, poll_s=0.1) as stage:
        office = await stage.office()
        async with open_viewer(stage.url, tenants=[office]) as viewer:
            await viewer.until("snapshot")
            job = await stage.job(office)
            await viewer.when(lambda: str(job) in viewer.view(office).jobs)


async def test_nothing_is_read_while_nobody_reads(feed):
    async with feed(poll_s=0.05) as stage:
        office = await stage.office()
        async with open_viewer(stage.url, tenants=[office]) as viewer:
            await viewer.until("snapshot")
        with trio.fail_after(10):
            while stage.front.hub.watched:  # noqa: ASYNC110  # nobody tells of it
                await trio.sleep(0.01)
        await trio.testing.wait_all_tasks_blocked(0.01)
        read = stage.front.hub.readings
        await stage.job(office)
        await trio.sleep(0.3)  # six polls, if there were any
        assert stage.front.hub.readings <= read + 1


async def test_a_long_poll_answers_at_once_waits_and_catches_up(feed):
    async with feed() as stage:
        office = await stage.office()
        poll = LongPolls(stage.front.hub).poll
        snapshot = json.loads(await poll(office, None, None, 5))
        assert (snapshot["t"], snapshot["parts"]) == ("snapshot", 1)
        epoch, offset = UUID(snapshot["epoch"]), snapshot["offset"]
        empty = json.loads(await poll(office, epoch, offset, 0.05))
        assert (empty["t"], empty["from"], empty["to"], empty["rows"]) == ("delta", offset + 1, offset, [])
        answers = []

        async def wait() -> None:
            answers.append(json.loads(await poll(office, epoch, offset, 20)))

        with trio.fail_after(10):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(wait)
                await trio.testing.wait_all_tasks_blocked(0.05)
                job = await stage.job(office)
        assert [row["k"] for row in answers[0]["rows"]] == [f"job:{job}"]
        again = json.loads(await poll(office, epoch, offset, 20))
        assert again["rows"] == answers[0]["rows"]
        assert stage.front.hub.watched == 0


async def test_a_long_poll_brings_the_progress_of_what_runs_and_with_its_mark_ends_as_it_moves(feed):
    async with feed() as stage:
        office = await stage.office()
        job = await stage.job(office)
        await stage.set(job, "status = 'running', started_at = now(), progress = 10")
        poll = LongPolls(stage.front.hub).poll
        first = json.loads(await poll(office, None, None, 0))
        assert [(each["t"], each["job_id"], each["progress"]) for each in first["progress"]] == [
            ("progress", str(job), 10)
        ]
        place, mark = (UUID(first["epoch"]), first["offset"]), first["progress_mark"]
        same = json.loads(await poll(office, *place, 0.3, mark))
        assert (same["rows"], same["progress"], same["progress_mark"]) == ([], first["progress"], mark)
        answers = []

        began_s = trio.current_time()

        async def wait() -> None:
            answers.append(json.loads(await poll(office, *place, 25, mark)))

        with trio.fail_after(10):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(wait)
                await trio.testing.wait_all_tasks_blocked(0.05)
                await stage.set(job, "progress = 60")
        assert trio.current_time() - began_s >= POLLED_PROGRESS_S - 0.1, "not before a second is over"
        (moved,) = answers
        assert (moved["t"], moved["rows"], moved["to"]) == ("delta", [], first["offset"])
        assert [each["progress"] for each in moved["progress"]] == [60]
        with trio.fail_after(10):  # what it has not seen is told at the next request, however it was missed
            again = json.loads(await poll(office, *place, 25, mark))
        assert again["progress_mark"] == moved["progress_mark"] != mark
        await stage.set(job, "status = 'success', finished_at = now()")
        end = json.loads(await poll(office, *place, 25, again["progress_mark"]))
        statuses = [row["d"]["status"] for row in end["rows"] if row["k"] == f"job:{job}"]
        assert (statuses, end["progress"]) == (["success"], [])


async def test_a_tenant_that_never_had_a_job_begins_at_zero(feed):
    async with feed() as stage:
        office = await stage.pool.fetchval("insert into organizacoes (nome, slug) values ('n', 'new') returning id")
        async with open_viewer(stage.url, tenants=[office]) as viewer:
            snapshot = await viewer.until("snapshot")
            assert (snapshot["offset"], snapshot["jobs"], snapshot["integrations"]) == (0, [], [])


async def test_everything_means_all_tenants_of_the_token(feed):
    async with feed() as stage:
        offices = [await stage.office(f"office-{n}") for n in range(3)]
        async with open_viewer(stage.url) as viewer:
            welcome = await viewer.until("welcome")
            assert {tenant["id"] for tenant in welcome["tenants"]} == {str(office) for office in offices}
            await viewer.when(lambda: len(viewer.views) == 3)
            job = await stage.job(offices[2])
            await viewer.when(lambda: str(job) in viewer.view(offices[2]).jobs)
