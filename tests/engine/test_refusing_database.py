"""A database that refuses one thing must not end the daemon, nor hold up what it would take."""

from __future__ import annotations

from typing import TYPE_CHECKING

import trio

from engine.node import Script, open_node
from support.waiting import wait_until

if TYPE_CHECKING:
    from drena.api import Context

REFUSE_A_RESULT = """
create function refuse() returns trigger language plpgsql as $$
begin
    if new.result ? 'refused' then raise exception 'somebody''s own trigger'; end if;
    return new;
end $$;
create trigger zz_refuse before update on integration_jobs for each row execute function refuse();
"""
REFUSE_CLAIMS = """
create function refuse() returns trigger language plpgsql as $$
begin
    if new.status = 'running' then raise exception 'nobody starts now'; end if;
    return new;
end $$;
create trigger zz_refuse before update on integration_jobs for each row execute function refuse();
"""
REFUSE_LINES = "alter table drena.job_logs add constraint refuse check (message <> 'refused')"


async def test_a_refused_verdict_ends_its_own_job_in_words_and_the_others_as_they_were(database: str) -> None:
    async def refused(ctx: Context) -> dict[str, bool]:
        await trio.lowlevel.checkpoint()
        return {"refused": True}

    async def taken(ctx: Context) -> dict[str, bool]:
        await trio.lowlevel.checkpoint()
        return {"taken": True}

    async with open_node(database, Script(refused=refused, taken=taken), tenant__max_jobs=10) as node:
        await node.conn.execute(REFUSE_A_RESULT)
        jobs = [await node.request("refused" if n == 2 else "taken", lane=str(n)) for n in range(5)]
        ended = [await node.ended(job) for job in jobs]
        lines = await node.lines(jobs[2])
    assert [job["status"] for job in ended] == ["success", "success", "error", "success", "success"]
    assert ended[2]["error_code"] == "verdict_refused"
    assert ended[2]["result"] is None
    assert lines[-1][2] == "attempt ended, its verdict was refused by the database"


async def test_a_database_that_refuses_claims_is_outlasted_and_told_as_an_error(database: str) -> None:
    async def taken(ctx: Context) -> None:
        await trio.lowlevel.checkpoint()

    async with open_node(database, Script(taken=taken)) as node:
        await node.conn.execute(REFUSE_CLAIMS)
        job = await node.request("taken")
        await wait_until(
            node.conn,
            "select exists (select from pg_stat_database where datname = current_database() and xact_rollback > 0)",
        )
        await node.conn.execute("drop trigger zz_refuse on integration_jobs")
        assert (await node.ended(job))["status"] == "success"
        told = [line for line in node.log.lines if line["level"] == "error"]
    assert [line["doing"] for line in told] == ["claim jobs"]
    assert "nobody starts now" in told[0]["error"]


async def test_reports_the_database_refuses_are_lost_and_told_and_hold_up_nobody(database: str) -> None:
    async def talks(ctx: Context) -> None:
        await trio.lowlevel.checkpoint()
        ctx.log.info("refused")

    async with open_node(database, Script(talks=talks)) as node:
        await node.conn.execute(REFUSE_LINES)
        ended = await node.perform("talks")
        told = node.log.find("the database refuses reports of attempts", level="error")
    assert ended["status"] == "success"
    assert [line["statement"] for line in told] == ["write_job_logs"]
