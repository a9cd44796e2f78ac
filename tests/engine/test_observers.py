"""Observers: told of every attempt's end, and unable to hurt anybody whatever they do."""

from __future__ import annotations

import pytest
import trio

from drena.api import AttemptEnd, GiveUp, Observer, ObserverContext, RetryLater
from engine.node import SECRET, Script, open_node


class Ears(Observer):
    name = "ears"

    def __init__(self) -> None:
        self.heard: list[AttemptEnd] = []
        self.news = trio.Event()
        self.tended = 0

    async def attempt_ended(self, ctx: ObserverContext, end: AttemptEnd) -> None:
        self.heard.append(end)
        self.news.set()

    async def tend(self, ctx: ObserverContext) -> float | None:
        self.tended += 1
        return None


async def work(ctx) -> None:
    await trio.lowlevel.checkpoint()


async def give_up(ctx) -> None:  # noqa: ASYNC124
    raise GiveUp("token_invalid", f"O token {SECRET} foi recusado.")


async def try_later(ctx) -> None:  # noqa: ASYNC124
    if ctx.job.attempt == 1:
        raise RetryLater(None, "espere", code="busy")


SCRIPT = Script(work=work, give_up=give_up, try_later=try_later)


async def test_an_observer_hears_how_every_attempt_ended(database):
    ears = Ears()
    async with open_node(database, SCRIPT, observers=[ears]) as node:
        await node.perform("work")
        await node.perform("give_up")
        await node.perform("try_later", attempts=3)
        while len(ears.heard) < 4:
            ears.news = trio.Event()
            await ears.news.wait()
    assert [(end.status, end.code, end.job.attempt) for end in ears.heard] == [
        ("success", None, 1),
        ("error", "token_invalid", 1),
        ("pending", "busy", 1),
        ("success", None, 2),
    ]
    assert ears.heard[0].tenant.slug == "contmax"
    assert SECRET not in str(ears.heard[1].message)
    assert ears.tended == 1


class Raising(Ears):
    name = "raising"

    async def attempt_ended(self, ctx, end):
        raise SystemExit(f"with {SECRET}")

    async def tend(self, ctx):
        raise ExceptionGroup("several", [ValueError("one"), KeyError("two")])


class Odd(Ears):
    name = "odd"

    async def tend(self, ctx):
        await super().tend(ctx)
        return dict(enumerate((-1.0, float("nan"), "soon", True, float("-inf")), 1)).get(self.tended, 99.0)


class Hanging(Ears):
    name = "hanging"
    CALL_S = 0.05

    async def attempt_ended(self, ctx, end):
        await trio.sleep_forever()


class Slow(Ears):
    name = "slow"
    QUEUED = 3

    async def attempt_ended(self, ctx, end):
        await trio.sleep_forever()


async def test_observers_that_raise_exit_hang_or_fall_behind_delay_no_job_and_no_other_observer(database):
    ears = Ears()
    observers = [Raising(), Hanging(), Slow(), ears]
    async with open_node(database, SCRIPT, observers=observers) as node:
        for _ in range(12):
            assert (await node.perform("work"))["status"] == "success"
        while len(ears.heard) < 12:
            ears.news = trio.Event()
            await ears.news.wait()
        counts = node.daemon.metrics.observed.counts
        while counts.get(("raising", "failed"), 0) < 13 or not counts.get(("hanging", "timeout")):  # noqa: ASYNC110
            await trio.sleep(0.01)
        assert counts["slow", "dropped"] == 12 - 3 - 1
        assert counts["ears", "told"] == 12
        lines = node.log.find("an observer failed; nothing else is affected", observer="raising")
    assert {line["doing"] for line in lines} == {"attempt_ended", "tend"}
    assert not [line for line in lines if SECRET in line["error"]]


async def test_whatever_an_observer_returns_it_is_called_again_in_time(database, monkeypatch):
    monkeypatch.setattr("drena.engine.observers.SHORTEST_TEND_S", 0.01)
    monkeypatch.setattr("drena.engine.observers.TEND_S", 0.02)
    odd = Odd()
    async with open_node(database, SCRIPT, observers=[odd]):
        with trio.fail_after(10):
            while odd.tended < 6:  # noqa: ASYNC110
                await trio.sleep(0.01)


async def test_what_is_queued_when_the_node_stops_is_still_told(database):
    class Unhurried(Ears):
        async def attempt_ended(self, ctx, end):
            await trio.sleep(0.05)
            await super().attempt_ended(ctx, end)

    ears = Unhurried()
    async with open_node(database, SCRIPT, observers=[ears]) as node:
        for _ in range(5):
            await node.perform("work")
    assert len(ears.heard) == 5


async def test_an_observer_that_shields_itself_does_not_keep_the_node_from_ending(database, monkeypatch):
    monkeypatch.setattr("drena.engine.observers.PATIENCE_S", 0.1)
    monkeypatch.setattr("drena.engine.observers.GOODBYE_S", 0.1)
    let_go, deaths = trio.Event(), []

    class Shielded(Ears):
        async def attempt_ended(self, ctx, end):
            with trio.CancelScope(shield=True):
                self.news.set()
                await let_go.wait()

    def die(code: int) -> None:
        deaths.append(code)
        let_go.set()

    ears = Shielded()
    async with open_node(database, SCRIPT, observers=[ears], die=die) as node:
        await node.perform("work")
        await ears.news.wait()
    assert deaths == [0]


async def test_an_observer_keeps_things_in_the_database_wakes_itself_and_reads_its_secrets(database):
    done = trio.Event()

    class Keeper(Ears):
        async def attempt_ended(self, ctx, end):
            ctx.wake()

        async def tend(self, ctx):
            async with ctx.transaction() as tx:
                await tx.execute("create table if not exists kept (n int)")
                await tx.execute("insert into kept values (1)")
                kept = await tx.fetchval("select count(*) from kept")
            with pytest.raises(GiveUp, match="KEEPER_OTHER") as missing:
                ctx.secret("other")
            assert missing.value.code == "secret_missing"
            if kept == 2 and ctx.secret("key") == "a-key-of-its-own":
                done.set()
            return 1000.0

    keeper = Keeper()
    keeper.name = "keeper"  # type: ignore[misc]
    async with open_node(database, SCRIPT, observers=[keeper], environ={"KEEPER_KEY": "a-key-of-its-own"}) as node:
        await node.perform("work")
        with trio.fail_after(10):
            await done.wait()
