"""Dispatcher and drain loops on a real database: who runs when, within which caps, and what wakes them."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any
from uuid import UUID

import msgspec
import trio

import asyncpg_trio
from drena.api import CheckResult, Limits, Provider, RetryLater
from drena.engine import dispatcher
from drena.store.jobs import Outlook, look_ahead
from engine.node import Script, open_node
from support.waiting import wait_ended, wait_until

if TYPE_CHECKING:
    import pytest

    from drena.api import CheckContext, Context
    from engine.node import Node
    from support.postgres import PostgresServer

NEVER_S = 3600
SOON_S = 10.0


class Crowd:
    """Acts that are counted while they run, and wait until they are let go."""

    def __init__(self) -> None:
        self.now: Counter[Any] = Counter()
        self.most: Counter[Any] = Counter()
        self.gate = trio.Event()

    async def hold(self, ctx: Context) -> None:
        with Counted(self, "all", ctx.job.provider_slug, ctx.tenant.slug):
            await self.gate.wait()

    async def pass_by(self, ctx: Context) -> None:
        with Counted(self, "all", ctx.job.provider_slug, ctx.tenant.slug):
            await trio.sleep(0.001)


class Counted:
    def __init__(self, crowd: Crowd, *keys: str) -> None:
        self.crowd, self.keys = crowd, keys

    def __enter__(self) -> None:
        for key in self.keys:
            self.crowd.now[key] += 1
            self.crowd.most[key] = max(self.crowd.most[key], self.crowd.now[key])

    def __exit__(self, *_: object) -> None:
        self.crowd.now.subtract(self.keys)


class Other(Provider):
    """A second provider."""

    slug = "other"
    name = "Other"
    limits = Limits()

    def __init__(self, crowd: Crowd) -> None:
        self.crowd = crowd

    async def check(self, ctx: CheckContext) -> CheckResult:
        return CheckResult(ok=True, message="ok")

    async def run(self, ctx: Context) -> None:
        await getattr(self.crowd, ctx.job.payload["act"])(ctx)


async def fill(node: Node, office: str, act: str, count: int, *, provider: str = "script") -> None:
    """Insert jobs, each in a lane of its own, in one statement."""
    await node.conn.execute(
        "insert into integration_jobs (tenant_id, provider_slug, lane, payload) "
        "select $1, $2, 'lane ' || n, $3::jsonb from generate_series(1, $4::int) n",
        await node.office(office, provider),
        provider,
        json.dumps({"act": act}),
        count,
    )


def drain_loops() -> list[str]:
    """Names of the drain loops that exist now."""
    found, tasks = [], [trio.lowlevel.current_root_task()]
    while tasks:
        task = tasks.pop()
        if task is not None:
            found.append(task.name)
            tasks += [child for nursery in task.child_nurseries for child in nursery.child_tasks]
    return sorted(name for name in found if name.startswith("drain "))


async def test_a_drain_loop_exists_only_while_its_tenant_has_work(database: str) -> None:
    crowd = Crowd()
    async with open_node(database, Script(hold=crowd.hold)) as node:
        assert drain_loops() == []
        first = await node.request("hold", office="contmax")
        await node.request("hold", office="solaris")
        await node.request("hold", office="solaris", lane="second")
        await wait_until(node.conn, "select count(*) = 3 from integration_jobs where status = 'running'")
        with trio.fail_after(SOON_S):
            while drain_loops() != ["drain contmax", "drain solaris"]:  # noqa: ASYNC110  # after the claim's commit
                await trio.sleep(0.001)
        crowd.gate.set()
        await wait_ended(node.conn)
        with trio.fail_after(SOON_S):
            while drain_loops():  # noqa: ASYNC110  # tasks end a step after their last verdict is written
                await trio.sleep(0.001)
        assert (await node.job(first))["status"] == "success"


async def test_a_node_never_runs_more_than_any_cap_allows_and_drains_everything(database: str) -> None:
    crowd = Crowd()
    caps = {"node__max_jobs": 7, "tenant__max_jobs": 3, "providers__other__max_jobs": 2}
    async with open_node(database, Script(pass_by=crowd.pass_by), Other(crowd), **caps) as node:
        for office in ("a", "b", "c", "d"):
            await fill(node, office, "pass_by", 25)
            await fill(node, office, "pass_by", 10, provider="other")
        await wait_ended(node.conn)
        assert await node.conn.fetchval("select count(*) from integration_jobs where status = 'success'") == 140
    assert crowd.most["all"] <= 7
    assert crowd.most["other"] <= 2
    assert max(crowd.most[office] for office in "abcd") <= 3
    assert crowd.now.total() == 0


async def test_the_cap_of_a_tenant_holds_over_all_nodes(database: str) -> None:
    crowd = Crowd()
    async with (
        open_node(database, Script(pass_by=crowd.pass_by), tenant__max_jobs=2) as node,
        open_node(database, Script(pass_by=crowd.pass_by), tenant__max_jobs=2),
    ):
        await fill(node, "a", "pass_by", 60)
        await wait_ended(node.conn)
        nodes = await node.conn.fetchval("select count(distinct node_id) from integration_jobs")
    assert crowd.most["a"] <= 2
    assert nodes >= 1


async def test_a_flood_of_one_tenant_delays_no_other(database: str) -> None:
    crowd = Crowd()
    async with open_node(
        database, Script(hold=crowd.hold, pass_by=crowd.pass_by), tenant__max_jobs=2, node__max_jobs=4
    ) as node:
        await fill(node, "flood", "hold", 2000)
        await wait_until(node.conn, "select count(*) = 2 from integration_jobs where status = 'running'")
        for office in ("b", "c", "d"):
            job_id = await node.request("pass_by", office=office)
            job = await node.ended(job_id, limit_s=SOON_S)
            assert job["status"] == "success"
            assert (job["started_at"] - job["created_at"]).total_seconds() < 1.0
        assert crowd.now["flood"] == 2
        assert await node.conn.fetchval("select count(*) from integration_jobs where status = 'pending'") == 1998


async def test_a_flood_that_runs_leaves_a_late_comer_its_turn(database: str) -> None:
    crowd = Crowd()
    async with open_node(database, Script(pass_by=crowd.pass_by), tenant__max_jobs=2, node__max_jobs=2) as node:
        await fill(node, "flood", "pass_by", 2000)
        await wait_until(node.conn, "select count(*) > 20 from integration_jobs where status = 'success'")
        job_id = await node.request("pass_by", office="late")
        job = await node.ended(job_id, limit_s=SOON_S)
        done_before = await node.conn.fetchval(
            "select count(*) from integration_jobs where started_at between $1 and $2",
            job["created_at"],
            job["started_at"],
        )
        left = await node.conn.fetchval("select count(*) from integration_jobs where status = 'pending'")
    assert left > 0
    assert done_before < 200


async def test_a_request_wakes_the_node_long_before_the_poll(database: str) -> None:
    crowd = Crowd()
    async with open_node(database, Script(pass_by=crowd.pass_by), poll__poll_s=NEVER_S) as node:
        for _ in range(5):
            with trio.fail_after(SOON_S):
                job = await node.perform("pass_by")
            assert (job["started_at"] - job["created_at"]).total_seconds() < 1.0


async def test_the_poll_finds_what_nobody_told_of(database: str) -> None:
    crowd = Crowd()
    async with open_node(database, Script(pass_by=crowd.pass_by), poll__poll_s=0.2) as node:
        await node.perform("pass_by")
        await node.conn.execute("set drena.notify = off")
        with trio.fail_after(SOON_S):
            assert (await node.perform("pass_by"))["status"] == "success"


async def test_a_retry_wakes_by_itself_without_any_notification(database: str) -> None:
    async def third_time(ctx: Context) -> dict[str, int]:  # noqa: ASYNC124
        if ctx.job.attempt < 3:
            raise RetryLater(0.2, "Depois.")
        return {"attempt": ctx.job.attempt}

    async with open_node(database, Script(third_time=third_time), poll__poll_s=NEVER_S) as node:
        await silence(node)
        job_id = await node.request("third_time", attempts=3)
        await wake(node)
        job = await node.ended(job_id, limit_s=SOON_S)
    assert (job["status"], job["result"], job["attempts"]) == ("success", {"attempt": 3}, 3)
    assert (job["finished_at"] - job["created_at"]).total_seconds() >= 0.4


async def test_a_job_that_becomes_due_between_a_claim_and_the_look_after_it_is_not_left_to_the_poll(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The retry is due 0.6 s after the attempt; the claim is 0.4 s after it, and the look after that at 0.8."""

    async def second_time(ctx: Context) -> None:  # noqa: ASYNC124
        if ctx.job.attempt < 2:
            raise RetryLater(0.6, "Depois.")

    async def late(*args: Any) -> Outlook:
        await trio.sleep(0.4)
        return await look_ahead(*args)

    monkeypatch.setattr(dispatcher, "look_ahead", late)
    async with open_node(database, Script(second_time=second_time), poll__poll_s=NEVER_S) as node:
        await silence(node)
        job_id = await node.request("second_time", attempts=2)
        await wake(node)
        assert (await node.ended(job_id, limit_s=2 * SOON_S))["status"] == "success"


async def silence(node: Node) -> None:
    """No session of this database notifies from now on, the node's own included."""
    name = await node.conn.fetchval("select current_database()")
    await node.conn.execute(f'alter database "{name}" set drena.notify = off')
    await node.conn.execute("set drena.notify = off")
    await node.conn.execute(
        "select pg_terminate_backend(pid) from pg_stat_activity "
        "where datname = current_database() and application_name = '' and pid <> pg_backend_pid()"
    )


async def wake(node: Node) -> None:
    """One wake by hand."""
    await node.conn.execute("notify drena_work")


async def test_a_lost_listener_comes_back_and_looks_once_for_what_it_missed(database: str) -> None:
    crowd = Crowd()
    async with open_node(database, Script(pass_by=crowd.pass_by), poll__poll_s=NEVER_S) as node:
        await node.perform("pass_by")
        await node.conn.execute("set drena.notify = off")
        job_id = await node.request("pass_by")
        ended = await node.conn.fetchval(
            "select pg_terminate_backend(pid) from pg_stat_activity "
            "where datname = current_database() and application_name = 'drena listen'"
        )
        assert ended
        assert (await node.ended(job_id, limit_s=SOON_S))["status"] == "success"
        assert node.log.find("listening for wakes failed, will try again")
        await node.conn.execute("set drena.notify = on")
        assert (await node.perform("pass_by"))["status"] == "success"


async def test_more_wakes_than_the_listener_can_hold_are_one_wake(database: str, server: PostgresServer) -> None:
    """A provider blocks the event loop while thousands ask for jobs."""
    name = database.rpartition("/")[2].partition("?")[0]

    async def block(ctx: Context) -> None:  # noqa: ASYNC124
        server.sql("notify drena_work;\n" * 3000, name)

    crowd = Crowd()
    async with open_node(
        database, Script(block=block, pass_by=crowd.pass_by), poll__poll_s=NEVER_S, lease__lease_s=60
    ) as node:
        assert (await node.perform("block"))["status"] == "success"
        assert (await node.perform("pass_by"))["status"] == "success"


async def test_jobs_of_two_nodes_are_each_run_once(database: str) -> None:
    ran: Counter[UUID] = Counter()

    async def once(ctx: Context) -> None:
        ran[ctx.job.id] += 1
        async with ctx.transaction() as tx:
            tx.count("things", read=1)

    async with open_node(database, Script(once=once)) as node, open_node(database, Script(once=once)):
        for office in ("a", "b", "c"):
            await fill(node, office, "once", 60)
        await wait_ended(node.conn)
        assert await node.conn.fetchval("select count(*) from integration_jobs where attempts = 1") == 180
        assert await node.conn.fetchval("select sum(total_read) from sync_jobs") == 180
    assert set(ran.values()) == {1}
    assert len(ran) == 180


async def test_a_job_has_as_many_attempts_as_its_provider_asks_for(database: str) -> None:
    async def fails(ctx: Context) -> None:  # noqa: ASYNC124
        raise RetryLater(None, "Depois.")

    script = Script(fails=fails)
    script.limits = msgspec.structs.replace(Script.limits, max_attempts=4)
    async with open_node(database, script) as node:
        job = await node.perform("fails", attempts=None)
        assert (job["status"], job["attempts"], job["max_attempts"]) == ("error", 4, 4)


async def test_odd_rows_of_the_old_system_run_or_end_and_stop_nobody(database: str) -> None:
    """The old table let many columns be null, and its payloads were not always objects."""
    crowd = Crowd()
    async with open_node(database, Script(pass_by=crowd.pass_by)) as node:
        office = await node.office("contmax")
        for column in ("payload", "attempts", "max_attempts", "progress", "created_at"):
            await node.conn.execute(f"alter table integration_jobs alter column {column} drop not null")
        await node.conn.execute("alter table tenant_integrations alter column config drop not null")
        await node.conn.execute("update tenant_integrations set config = null")
        await node.conn.execute("alter table tenant_integrations alter column base_url drop not null")
        await node.conn.execute("update tenant_integrations set base_url = null")
        for lane, columns in {
            "no payload": "payload = null",
            "a list": "payload = '[1, 2]'",
            "a text": "payload = '\"full\"'",
            "json null": "payload = 'null'",
            "no attempts": "attempts = null",
            "no limit": "max_attempts = null",
            "no progress": "progress = null",
            "spent": "attempts = 99",
        }.items():
            async with node.conn.transaction():
                job_id = await node.conn.fetchval(
                    "insert into integration_jobs (tenant_id, provider_slug, lane, payload) "
                    """values ($1, 'script', $2, '{"act": "pass_by"}') returning id""",
                    office,
                    lane,
                )
                await node.conn.execute(f"update integration_jobs set {columns} where id = $1", job_id)
        await wait_ended(node.conn)
        ended = await node.conn.fetch("select lane, status, error_code from integration_jobs")
        assert (await node.perform("pass_by", office="solaris"))["status"] == "success"
    outcome = {row["lane"]: (row["status"], row["error_code"]) for row in ended}
    unusable = ("error", "provider_bug")
    assert {lane: outcome[lane] for lane in ("no payload", "a list", "a text", "json null")} == {
        "no payload": unusable,
        "a list": unusable,
        "a text": unusable,
        "json null": unusable,
    }
    assert {lane: outcome[lane][0] for lane in ("no attempts", "no limit", "no progress", "spent")} == dict.fromkeys(
        ("no attempts", "no limit", "no progress", "spent"), "success"
    )


async def test_an_observer_of_the_queue_sees_each_claim_under_a_growing_token(
    database: str, conn: asyncpg_trio.Connection
) -> None:
    async def twice(ctx: Context) -> None:  # noqa: ASYNC124
        if ctx.job.attempt < 3:
            raise RetryLater(None, "Depois.")

    async with open_node(database, Script(twice=twice)) as node:
        job = await node.perform("twice", attempts=3)
        starts = [
            fields["lease_token"]
            for _, _, message, fields in await node.lines(job["id"])
            if message == "attempt started"
        ]
    assert starts == [1, 2, 3]
    assert job["lease_token"] == 3
