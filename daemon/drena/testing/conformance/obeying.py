"""A provider that lost its job writes nothing more; one that is cancelled ends at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import trio

from drena.api import AttemptFenced
from drena.testing.conformance.subject import Line, Subject, fail, raised_only, spread
from drena.testing.witness import Account

if TYPE_CHECKING:
    from drena.testing import Database
    from drena.testing.workbench import Workbench


class Obeying(Subject):
    """See the head of this file."""

    async def test_a_zombie_writes_nothing(self, drena_suite_database: Database, autojump_clock: object) -> None:
        """Another node takes the job in the middle: no row may change after that, and the attempt ends fenced."""
        whole = await self.run_whole(drena_suite_database)
        if not whole.account.commits:
            if whole.rows:
                fail(
                    "The provider writes rows, and none in a ctx.transaction(): nothing keeps a zombie from writing.",
                    "write through `async with ctx.transaction() as tx` and nowhere else.",
                )
            pytest.skip("the provider writes nothing in this conversation")
        for place in spread(whole.account.commits, self.cuts):
            async with self.open_job(drena_suite_database, Line(self.conversation())) as bench:
                account, before = await self._taken_over(bench, drena_suite_database, place)
            if await self.read(drena_suite_database) != before:
                fail(
                    f"After another node took the job (before transaction {place + 1}), the provider still wrote rows.",
                    "write through `async with ctx.transaction() as tx` and nowhere else: only that is fenced.",
                )
            if not raised_only(account, (AttemptFenced, trio.Cancelled)):
                ended = f"raised {account.raised!r}" if account.raised is not None else "returned as if all were well"
                fail(
                    f"ctx.transaction() raised AttemptFenced, and the provider swallowed it: run() {ended}.",
                    "let AttemptFenced pass: catch the errors you expect by name, never `except Exception` around a "
                    "transaction.",
                )

    async def _taken_over(self, bench: Workbench, database: Database, place: int) -> tuple[Account, Any]:
        """Run an attempt that loses its job before its transaction of this number, 0 for the first."""
        account = Account()
        before: list[Any] = []

        async def take(committed: int) -> None:
            if committed == place and not before:
                await bench.take_over()
                before.append(await self.read(database))

        account.before_transaction = take
        await bench.attempt(account)
        return account, before[0]

    async def test_cancelled_it_ends_at_once(self, drena_suite_database: Database, autojump_clock: object) -> None:
        """Cancel while an answer is awaited: `run` must let Trio's cancellation pass, and ask for nothing more."""
        whole = await self.run_whole(drena_suite_database)
        for place in spread(len(whole.requests), self.cuts // 2):
            line = Line(self.conversation())
            async with self.open_job(drena_suite_database, line) as bench:
                in_time = await self._cancelled_in(bench, line, place + 1)
                account = bench.account
            if not in_time:
                fail(
                    f"Cancelled while it waited for answer {place + 1}, run() still ran {self.cancel_limit_s} s later.",
                    "shield nothing but a short clean-up, under trio.move_on_after(..., shield=True), and await "
                    "nothing in a thread that cannot be abandoned.",
                )
            if not raised_only(account, trio.Cancelled):
                ended = f"raised {account.raised!r}" if account.raised is not None else "returned as if all were well"
                fail(
                    f"Cancelled while it waited for answer {place + 1}, the provider swallowed trio.Cancelled: "
                    f"run() {ended}.",
                    "never catch BaseException or trio.Cancelled without raising it again; `except Exception` lets it "
                    "pass.",
                )

    async def _cancelled_in(self, bench: Workbench, line: Line, request: int) -> bool:
        """Cancel at a request that is never answered; whether the attempt's call ended in time."""
        waiting, ended, released = trio.Event(), trio.Event(), trio.Event()
        account = Account()

        async def hang(number: int) -> None:
            if number >= request:
                waiting.set()
                await released.wait()

        async def attempt() -> None:
            await bench.attempt(account)
            ended.set()

        line.before = hang
        async with trio.open_nursery() as nursery:
            nursery.start_soon(attempt, name="attempt to be cancelled")
            await waiting.wait()
            bench.cancel()
            with trio.move_on_after(self.cancel_limit_s):
                await ended.wait()
            in_time = ended.is_set()
            released.set()  # one that shields itself would wait for the answer for ever
        return in_time
