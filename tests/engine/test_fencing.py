"""What an attempt writes is fenced, atomic and bounded; what a zombie writes changes nothing and is counted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import trio

from drena.api import AttemptFenced, RetryLater
from drena.engine import transactions
from drena.engine.transactions import CHECKPOINT_LIMIT_BYTES
from engine.node import Script, open_node
from support.waiting import wait_until

if TYPE_CHECKING:
    from uuid import UUID

    from drena.api import Context
    from engine.node import Node

THINGS = "create table things (name text)"


class Step:
    """An act that stops in the middle and waits for the test."""

    def __init__(self) -> None:
        self.reached = trio.Event()
        self.go_on = trio.Event()
        self.fenced = 0

    async def here(self) -> None:
        self.reached.set()
        await self.go_on.wait()


async def take_away(node: Node, job_id: UUID) -> None:
    """Let the job be somebody else's, as a rescue does."""
    await node.conn.execute(
        "update integration_jobs set lease_token = lease_token + 1, status = 'pending', node_id = null, "
        "run_at = now() + interval '1 hour' where id = $1",
        job_id,
    )


@pytest.mark.parametrize("when", ["before", "within"])
async def test_an_attempt_that_lost_its_job_commits_nothing(database: str, when: str) -> None:
    step = Step()

    async def act(ctx: Context) -> None:
        async with ctx.transaction() as tx:
            await tx.execute("insert into things values ('first')")
            tx.checkpoint(1)
            tx.count("things", created=1)
        await step.here()
        try:
            async with ctx.transaction() as tx:
                await tx.execute("insert into things values ('second')")
                tx.checkpoint(2)
                tx.count("things", created=1)
        except AttemptFenced:
            step.fenced += 1
            raise

    async with open_node(database, Script(act=act)) as node:
        await node.conn.execute(THINGS)
        job_id = await node.request("act")
        await step.reached.wait()
        await take_away(node, job_id)
        step.go_on.set()
        if when == "within":  # it comes for another round, with another token, and has nothing of the zombie's
            await node.conn.execute("update integration_jobs set run_at = now() where id = $1", job_id)
            await node.conn.execute("notify drena_work")
            job = await node.ended(job_id)
            assert (job["status"], job["checkpoint"]) == ("success", 2)
        else:
            await until_logged(node, "attempt is fenced: the job is somebody else's now", job_id)
            job = await node.job(job_id)
            assert (job["status"], job["checkpoint"], job["attempts"]) == ("pending", 1, 1)
            assert await node.conn.fetchval("select array_agg(name) from things") == ["first"]
            assert await node.conn.fetchval("select total_created from sync_jobs") == 1
    assert step.fenced == 1


async def until_logged(node: Node, event: str, job_id: UUID) -> None:
    with trio.fail_after(10):
        while not node.log.find(event, job_id=str(job_id)):  # noqa: ASYNC110  # the recorder keeps lines, not waiters
            await trio.sleep(0.005)


async def test_whoever_takes_a_job_waits_for_the_transaction_that_holds_it(database: str) -> None:
    step = Step()

    async def act(ctx: Context) -> None:
        async with ctx.transaction() as tx:
            await tx.execute("insert into things values ('held')")
            tx.checkpoint("held")
            await step.here()
        await trio.sleep_forever()

    async with open_node(database, Script(act=act)) as node, trio.open_nursery() as nursery:
        await node.conn.execute(THINGS)
        job_id = await node.request("act")
        await step.reached.wait()
        taken = trio.Event()

        async def take() -> None:
            async with node.daemon._pool.acquire() as conn:
                await conn.execute("update integration_jobs set lease_token = lease_token + 1 where id = $1", job_id)
            taken.set()

        nursery.start_soon(take)
        await wait_until(node.conn, "select exists (select from pg_locks where not granted)")
        assert not taken.is_set()
        step.go_on.set()
        await taken.wait()
        assert (await node.job(job_id))["checkpoint"] == "held"
        assert await node.conn.fetchval("select count(*) from things") == 1


async def test_the_finish_of_an_attempt_that_lost_its_job_is_refused_and_counted(database: str) -> None:
    steps = {name: Step() for name in ("returns", "raises", "later")}

    async def returns(ctx: Context) -> dict[str, int]:
        await steps["returns"].here()
        return {"zombie": 1}

    async def raises(ctx: Context) -> None:
        await steps["raises"].here()
        raise ValueError

    async def later(ctx: Context) -> None:
        await steps["later"].here()
        raise RetryLater(None, "Depois.")

    async with open_node(database, Script(returns=returns, raises=raises, later=later)) as node:
        ids = {name: await node.request(name, lane=name) for name in steps}
        for name, step in steps.items():
            await step.reached.wait()
            await take_away(node, ids[name])
        before = {name: await node.job(job_id) for name, job_id in ids.items()}
        for name, step in steps.items():
            step.go_on.set()
            await until_logged(node, "verdict refused: the job is somebody else's now", ids[name])
        assert {name: await node.job(job_id) for name, job_id in ids.items()} == before
        assert node.daemon.refusals.of("verdict") == 3
        assert await node.conn.fetchval("select count(*) from integration_logs") == 0
        for job_id in ids.values():
            assert [message for _, _, message, _ in await node.lines(job_id)] == ["job requested", "attempt started"]


async def test_progress_and_log_lines_are_written_while_the_attempt_runs(database: str) -> None:
    step = Step()

    async def act(ctx: Context) -> None:
        ctx.progress(0, 200, unit="companies", phase="reading", message="começo")
        ctx.log.info("primeira linha", page=1)
        ctx.progress(50, 200, unit="companies", phase="reading", message="um quarto")
        ctx.log.warning("segunda linha", secret=ctx.secret("token"))
        ctx.log.debug("not kept")
        await step.here()

    async with open_node(database, Script(act=act)) as node:
        job_id = await node.request("act")
        await step.reached.wait()
        job = await node.until("progress = 25", job_id)
        detail = job["progress_detail"]
        assert (job["status"], detail["done"], detail["total"]) == ("running", 50, 200)
        assert (detail["unit"], detail["phase"], detail["message"]) == ("companies", "reading", "um quarto")
        assert detail["words"] == {"companies": {"pt": "empresas", "en": "companies"}}
        assert detail["rate_per_s"] > 0
        assert detail["eta_s"] >= 0
        await wait_until(node.conn, "select count(*) = 4 from drena.job_logs where job_id = $1", job_id)
        lines = await node.lines(job_id)
        assert [(level, message) for _, level, message, _ in lines[2:]] == [
            ("info", "primeira linha"),
            ("warning", "segunda linha"),
        ]
        assert lines[2][3] == {"page": 1}
        assert lines[3][3] == {"secret": "***"}
        step.go_on.set()
        job = await node.ended(job_id)
        assert job["progress"] == 100
        assert [message for _, _, message, _ in await node.lines(job_id)][-1] == "attempt succeeded"


async def test_a_zombies_progress_and_lines_are_left_out(database: str) -> None:
    step = Step()

    async def act(ctx: Context) -> None:
        await step.here()
        ctx.progress(99, 100, message="zumbi")
        ctx.log.info("linha de zumbi")

    async with open_node(database, Script(act=act)) as node:
        job_id = await node.request("act")
        await step.reached.wait()
        await take_away(node, job_id)
        step.go_on.set()
        await until_logged(node, "verdict refused: the job is somebody else's now", job_id)
        job = await node.job(job_id)
        assert (job["progress"], job["progress_detail"]) == (0, None)
        assert "linha de zumbi" not in str(await node.lines(job_id))


async def test_a_transaction_that_fails_leaves_no_data_no_checkpoint_and_no_count(database: str) -> None:
    async def act(ctx: Context) -> dict[str, Any]:
        if ctx.job.attempt == 1:
            async with ctx.transaction() as tx:
                await tx.execute("insert into things values ('kept')")
                tx.checkpoint({"page": 1})
                tx.count("things", created=1, read=2)
        assert ctx.checkpoint == {"page": 1}
        assert ctx.counters["things"].read == 2
        if ctx.job.attempt < 3:
            async with ctx.transaction() as tx:
                await tx.execute("insert into things values ('lost')")
                tx.checkpoint({"page": 2})
                tx.count("things", created=1, read=2)
                raise RetryLater(None, "Depois.")
        return {"counters": dict(ctx.counters), "checkpoint": ctx.checkpoint}

    async with open_node(database, Script(act=act)) as node:
        await node.conn.execute(THINGS)
        job = await node.perform("act", attempts=3)
        assert (job["status"], job["attempts"]) == ("success", 3)
        assert job["result"]["counters"]["things"] == {"read": 2, "created": 1, "updated": 0, "skipped": 0, "errors": 0}
        assert await node.conn.fetchval("select array_agg(name) from things") == ["kept"]
        syncs = await node.conn.fetch("select entity, total_read, total_created, status from sync_jobs")
        assert [tuple(row) for row in syncs] == [("things", 2, 1, "success")]


async def test_a_checkpoint_is_json_of_a_size_and_any_other_commits_nothing(database: str) -> None:
    async def act(ctx: Context) -> dict[str, bool]:
        async with ctx.transaction() as tx:
            tx.checkpoint("x" * (CHECKPOINT_LIMIT_BYTES - 2))
        with pytest.raises(ValueError, match="65536 bytes"):  # noqa: PT012
            async with ctx.transaction() as tx:
                await tx.execute("insert into things values ('lost')")
                tx.checkpoint("y" * (CHECKPOINT_LIMIT_BYTES - 1))
        with pytest.raises(TypeError, match="a checkpoint is JSON, and a object cannot"):  # noqa: PT012
            async with ctx.transaction() as tx:
                await tx.execute("insert into things values ('lost')")
                tx.checkpoint({"at": [object(), "\0"]})
        return {"kept": ctx.checkpoint[0] == "x"}

    async with open_node(database, Script(act=act)) as node:
        await node.conn.execute(THINGS)
        job = await node.perform("act")
        assert (job["status"], job["result"]) == ("success", {"kept": True})
        assert job["checkpoint"][0] == "x"
        assert await node.conn.fetchval("select count(*) from things") == 0


async def test_the_verdict_of_a_provider_that_ignored_its_fence_is_refused(database: str) -> None:
    step = Step()

    async def act(ctx: Context) -> str:
        await step.here()
        try:
            async with ctx.transaction() as tx:
                await tx.execute("insert into things values ('zombie')")
        except Exception:  # noqa: BLE001  # as careless providers do
            step.fenced += 1
        return "all well"

    async with open_node(database, Script(act=act)) as node:
        await node.conn.execute(THINGS)
        job_id = await node.request("act")
        await step.reached.wait()
        await take_away(node, job_id)
        step.go_on.set()
        await until_logged(node, "verdict refused: the job is somebody else's now", job_id)
        assert await node.conn.fetchval("select count(*) from things") == 0
        assert (await node.job(job_id))["result"] is None
    assert step.fenced == 1


async def test_a_transactions_broken_sql_is_the_attempts_failure_and_the_next_one_works(database: str) -> None:
    async def act(ctx: Context) -> str:
        if ctx.job.attempt == 1:
            async with ctx.transaction() as tx:
                await tx.execute("insert into nowhere values (1)")
        if ctx.job.attempt == 2:
            async with ctx.transaction() as tx:
                await tx.execute("commit")  # a provider that knows better
                await tx.execute("insert into things values ('outside')")
        async with ctx.transaction() as tx:
            await tx.execute("insert into things values ('inside')")
        return "fine"

    async with open_node(database, Script(act=act)) as node:
        await node.conn.execute(THINGS)
        job = await node.perform("act", attempts=4)
        assert job["status"] == "success"
        assert (await node.perform("act", office="solaris", attempts=4))["status"] == "success"


async def test_transactions_of_two_tasks_of_an_attempt_take_turns_however_long_one_takes(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second waits for its turn, not for the row that the first holds: that wait is bounded, and taken for an
    outage."""
    monkeypatch.setattr(transactions, "ANSWER_LIMIT_S", 1.0)
    order: list[str] = []

    async def act(ctx: Context) -> list[str]:
        opened = trio.Event()

        async def long() -> None:
            async with ctx.transaction() as tx:
                opened.set()
                await tx.execute("select pg_sleep(2)")
                order.append("long")

        async with trio.open_nursery() as nursery:
            nursery.start_soon(long)
            await opened.wait()
            async with ctx.transaction() as tx:
                await tx.execute("select 1")
                order.append("short")
        return order

    async with open_node(database, Script(act=act)) as node:
        job = await node.perform("act")
    assert (job["status"], job["result"]) == ("success", ["long", "short"])
