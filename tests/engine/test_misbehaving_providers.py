"""Whatever a provider raises, returns, tells or refuses to do hurts its own attempt and nothing else.

Every test ends with a healthy job of another tenant on the same node; that the node is alive at all is held by
`open_node`, which fails the test when the daemon ends by itself.
"""

from __future__ import annotations

import asyncio
import math
import sys
from typing import TYPE_CHECKING, Any

import pytest
import trio

from drena.api import GiveUp, RetryLater
from engine.node import SECRET, Script, open_node

if TYPE_CHECKING:
    from drena.api import Context
    from engine.node import Act, Node


async def healthy(ctx: Context) -> dict[str, Any]:
    async with ctx.transaction() as tx:
        tx.count("things", read=1)
        tx.checkpoint({"done": True})
    return {"fine": True}


async def assert_unharmed(node: Node) -> None:
    """Another tenant's job runs as if nothing had happened."""
    job = await node.perform("healthy", office="solaris")
    assert (job["status"], job["attempts"], job["result"]) == ("success", 1, {"fine": True})


async def perform_all(database: str, acts: dict[str, Act], **settings: Any) -> dict[str, dict[str, Any]]:
    """Every act as a job of its own, all at once on one node; the jobs as they ended."""
    async with open_node(database, Script(healthy=healthy, **acts), **settings) as node:
        ids = {name: await node.request(name, lane=name) for name in acts}
        jobs = {name: await node.ended(job_id) for name, job_id in ids.items()}
        await assert_unharmed(node)
    return jobs


def raising(error: BaseException) -> Act:
    async def act(ctx: Context) -> None:  # noqa: ASYNC124
        raise error

    return act


def raising_in_a_nursery(*errors: BaseException) -> Act:
    async def act(ctx: Context) -> None:
        async with trio.open_nursery() as nursery:
            for error in errors:
                nursery.start_soon(raising(error), ctx)

    return act


def asking(query: str, *args: Any) -> Act:
    async def act(ctx: Context) -> None:
        async with ctx.transaction() as tx:
            await tx.fetch(query, *args)

    return act


class UnspeakableError(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no words")


async def exits(ctx: Context) -> None:  # noqa: ASYNC124
    sys.exit(3)


async def exits_in_a_nursery(ctx: Context) -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(exits, ctx)
        await trio.sleep_forever()


async def recurses(ctx: Context) -> None:
    await recurses(ctx)


async def transacts_inside_a_transaction(ctx: Context) -> None:
    async with ctx.transaction(), ctx.transaction():
        raise AssertionError


async def transacts_after_the_end(ctx: Context) -> None:
    async with ctx.transaction() as tx:
        pass
    await tx.execute("select 1")


async def saves_after_the_end(ctx: Context) -> None:
    async with ctx.transaction() as tx:
        pass
    tx.checkpoint({"page": 1})


RAISED = {
    "bug": (raising(ZeroDivisionError("oops")), "provider_bug"),
    "unspeakable": (raising(UnspeakableError()), "provider_bug"),
    "group": (raising(ExceptionGroup("several", [ValueError(), KeyError()])), "provider_bug"),
    "nursery": (raising_in_a_nursery(ValueError()), "provider_bug"),
    "exit": (exits, "provider_bug"),
    "exit_in_a_nursery": (exits_in_a_nursery, "provider_bug"),
    "exit_and_more": (raising_in_a_nursery(SystemExit(1), ValueError()), "provider_bug"),
    "generator_exit": (raising(GeneratorExit()), "provider_bug"),
    "asyncio": (raising(asyncio.CancelledError()), "provider_bug"),
    "asyncio_in_a_nursery": (raising_in_a_nursery(asyncio.CancelledError()), "provider_bug"),
    "recursion": (recurses, "provider_bug"),
    "assertion": (raising(AssertionError()), "provider_bug"),
    "file": (raising(FileNotFoundError("nowhere")), "provider_bug"),
    "connection": (raising(ConnectionResetError("its own socket")), "provider_bug"),
    "argument": (asking("select $1::integer", "no number"), "provider_bug"),
    "sql": (asking("selec 1"), "provider_bug"),
    "row": (asking("select 1 / 0"), "provider_bug"),
    "ended": (asking("select pg_terminate_backend(pg_backend_pid())"), "database_unreachable"),
    "transaction_inside": (transacts_inside_a_transaction, "provider_bug"),
    "transaction_after": (transacts_after_the_end, "provider_bug"),
    "saved_after": (saves_after_the_end, "provider_bug"),
    "stop": (raising(StopAsyncIteration()), "provider_bug"),
    "give_up": (raising(GiveUp("token_invalid", "O token não vale.")), "token_invalid"),
    "give_up_in_a_nursery": (raising_in_a_nursery(GiveUp("token_invalid", "Não."), ValueError()), "token_invalid"),
    "later": (raising(RetryLater(None, "Depois.")), "retry_later"),
    "later_and_bug": (raising_in_a_nursery(RetryLater(None, "Depois."), ValueError()), "provider_bug"),
    "odd_code": (raising(GiveUp("a\0b\ud800", "mensagem\0 com \ud800 restos")), "ab?"),
    "no_text": (raising(GiveUp(None, None)), "None"),  # type: ignore[arg-type]
    "number": (raising(GiveUp(404, {"texto": 1})), "404"),  # type: ignore[arg-type]
    "endless_message": (raising(GiveUp("long", "x" * 5_000_000)), "long"),
}


async def test_what_a_provider_raises_ends_its_attempt_with_a_code(database: str) -> None:
    jobs = await perform_all(database, {name: act for name, (act, _) in RAISED.items()})
    assert {name: (job["status"], job["error_code"]) for name, job in jobs.items()} == {
        name: ("error", code) for name, (_, code) in RAISED.items()
    }
    assert all(job["error_message"] for name, job in jobs.items() if name != "no_text")
    assert len(jobs["endless_message"]["error_message"]) < 100_000


LATER = {
    "nan": math.nan,
    "infinite": math.inf,
    "beyond_time": 1e300,
    "past": -1e9,
    "text": "soon",
    "decimal": 0.0,
}


async def test_no_wish_to_wait_is_too_odd_to_be_kept(database: str) -> None:
    """The job comes back, or waits for a time that the database can hold; it is never lost."""
    acts = {name: raising(RetryLater(value, "Depois.")) for name, value in LATER.items()}  # type: ignore[arg-type]
    async with open_node(database, Script(healthy=healthy, **acts)) as node:
        ids = {name: await node.request(name, lane=name, attempts=2) for name in acts}
        for name in ("nan", "past", "text", "decimal"):
            job = await node.ended(ids[name])
            assert (name, job["error_code"], job["attempts"]) == (name, "retry_later", 2)
        for name in ("infinite", "beyond_time"):
            job = await node.until("error_code = 'retry_later'", ids[name])
            assert job["status"] in ("pending", "error")
            assert await node.conn.fetchval("select isfinite(run_at) from integration_jobs where id = $1", ids[name])
        await assert_unharmed(node)


def returning(value: Any) -> Act:
    async def act(ctx: Context) -> Any:  # noqa: ASYNC124
        return value

    return act


ENDLESS: list[Any] = []
ENDLESS.append(ENDLESS)


class Thing:
    def __str__(self) -> str:
        return "a thing"


RETURNED: dict[str, tuple[Any, Any]] = {
    "nul": ({"text\0": "a\0b"}, {"text": "ab"}),
    "object": ({"thing": Thing()}, {"thing": "a thing"}),
    "nan": ({"rate": math.nan, "most": math.inf}, {"rate": None, "most": None}),
    "surrogate": ({"text": "a\ud800b"}, {"text": "a?b"}),
    "bytes": ({"raw": b"abc"}, {"raw": "YWJj"}),
    "text": ("just a text", "just a text"),
    "number": (10**400, ...),
    "odd_keys": ({("a", 1): 2}, ...),
    "numbers": ({1: 2}, {"1": 2}),
    "empty": ({}, {}),
    "bare_none": (None, {}),
}
UNENCODABLE: dict[str, Any] = {
    "endless": ENDLESS,
    "too_large": "x" * 2_000_000,
    "mute": {"thing": UnspeakableError()},
}


async def test_odd_results_are_kept_as_plain_json(database: str) -> None:
    jobs = await perform_all(database, {name: returning(value) for name, (value, _) in RETURNED.items()})
    assert {name: job["status"] for name, job in jobs.items()} == dict.fromkeys(RETURNED, "success")
    for name, (_, kept) in RETURNED.items():
        assert kept is ... or (name, jobs[name]["result"]) == (name, kept)


async def test_a_result_nobody_can_write_down_is_a_bug_of_the_provider(database: str) -> None:
    jobs = await perform_all(database, {name: returning(value) for name, value in UNENCODABLE.items()})
    assert {name: (job["status"], job["error_code"]) for name, job in jobs.items()} == dict.fromkeys(
        UNENCODABLE, ("error", "provider_bug")
    )


PROGRESS: dict[str, tuple[Any, ...]] = {
    "fractions": (0.5, 1.0),
    "nan": (math.nan, 10),
    "infinite": (1, math.inf),
    "negative": (-5, 10),
    "more_than_all": (20, 10),
    "of_nothing": (0, 0),
    "astronomic": (10**30, 10**31),
    "text": ("half", "all"),
    "nothing": (None, None),
    "odd_words": (1, 2),
}


async def test_odd_progress_and_odd_log_lines_stop_nobody(database: str) -> None:
    def telling(*how: Any) -> Act:
        async def act(ctx: Context) -> dict[str, Any]:
            try:
                ctx.progress(*how, message="até\0 aqui \ud800")
            except Exception as error:  # noqa: BLE001
                return {"refused": type(error).__name__}
            await trio.sleep(0.3)  # the reporter writes it meanwhile, or the daemon dies of it
            return {}

        return act

    def saying(message: Any, **fields: Any) -> Act:
        async def act(ctx: Context) -> dict[str, Any]:
            try:
                ctx.log.info(message, **fields)
            except Exception as error:  # noqa: BLE001
                return {"refused": type(error).__name__}
            await trio.sleep(0.3)
            return {}

        return act

    lines: dict[str, Act] = {
        "say_nul": saying("a\0b", text="c\0d"),
        "say_surrogate": saying("a\ud800b", text="c\ud800d"),
        "say_object": saying("thing", thing=Thing(), endless=ENDLESS),
        "say_mute": saying("mute", thing=UnspeakableError()),
        "say_number": saying(17),
        "say_keys": saying("keys", odd={("a", 1): 2}),
        "say_reserved": saying("reserved", level="x", event="y", at="z", job_id="mine", attempt="none"),
        "say_much": saying("x" * 3_000_000),
    }
    acts = {name: telling(*how) for name, how in PROGRESS.items()} | lines
    jobs = await perform_all(database, acts)
    assert {name: job["status"] for name, job in jobs.items()} == dict.fromkeys(acts, "success")


async def test_a_bugs_traceback_is_in_the_jobs_log_without_the_secret(database: str) -> None:
    async def leak(ctx: Context) -> None:  # noqa: ASYNC124
        raise ValueError(f"cannot use {ctx.secret('token')}")

    async with open_node(database, Script(leak=leak)) as node:
        job = await node.perform("leak")
        lines = await node.lines(job["id"])
        trace = lines[-1][3]["traceback"]
        assert "in leak" in trace
        assert "ValueError" in job["error_message"]
        assert SECRET not in str(lines) + str(job) + str(node.log.lines)


async def test_a_provider_that_swallows_cancellation_loses_its_job_to_the_deadline(database: str) -> None:
    released = trio.Event()

    async def deaf(ctx: Context) -> str:
        with trio.CancelScope(shield=True):
            await released.wait()
        return "I was not impressed"

    async def stubborn(ctx: Context) -> str:
        for _ in range(3):
            try:
                await trio.sleep_forever()
            except trio.Cancelled:  # noqa: ASYNC103
                continue  # noqa: ASYNC104
        return "I did not listen"

    async def rude(ctx: Context) -> None:
        try:
            await trio.sleep_forever()
        finally:
            raise ValueError("not now")

    acts: dict[str, Any] = {"deaf": deaf, "stubborn": stubborn, "rude": rude, "healthy": healthy}
    async with open_node(database, Script(**acts), providers__script__deadline_s=3) as node:
        ids = [await node.request(name, lane=name) for name in ("deaf", "stubborn", "rude")]
        for job_id in ids:
            job = await node.ended(job_id)
            assert (job["status"], job["error_code"]) == ("error", "deadline")
        await assert_unharmed(node)
        released.set()
    assert node.log.find("provider does not react to cancellation; its job ends without it", job_id=str(ids[0]))


@pytest.mark.parametrize("how", ["leak", "swallow", "shield"])
async def test_a_provider_that_misbehaves_while_the_daemon_stops_leaves_a_job_for_the_next(
    database: str, how: str
) -> None:
    started = trio.Event()

    async def act(ctx: Context) -> str | None:
        if ctx.checkpoint:
            return "resumed"
        async with ctx.transaction() as tx:
            tx.checkpoint({"page": 1})
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(leak)
                started.set()
                await trio.sleep_forever()
        except trio.Cancelled:  # noqa: ASYNC103
            if how != "swallow":
                raise
        return "swallowed"

    async def leak() -> None:
        try:
            await trio.sleep_forever()
        finally:
            if how == "leak":
                raise ValueError("leaked")
            if how == "shield":
                with trio.move_on_after(0.5, shield=True):
                    await trio.sleep_forever()

    async with open_node(database, Script(act=act), shutdown__grace_s=0.1) as node:
        job_id = await node.request("act")
        await started.wait()
    async with open_node(database, Script(act=act)) as node:
        job = await node.ended(job_id)
        assert (job["status"], job["result"], job["attempts"]) == ("success", "resumed", 1)
