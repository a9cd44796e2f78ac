"""Killed anywhere, a job goes on where its last checkpoint says, and ends with the same rows."""

from __future__ import annotations

import random
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
import trio

from drena.testing.conformance.subject import Line, Subject, asked_again, cutting, fail, spread

if TYPE_CHECKING:
    from drena.testing import Database
    from drena.testing.witness import Account
    from drena.testing.workbench import Workbench


class Resuming(Subject):
    """See the head of this file."""

    def backwards(self, earlier: Any, later: Any) -> str | None:
        """What of a checkpoint went back, in words; None when nothing did.

        By default no number may be smaller than the one in the same place of the checkpoint before. Override it when a
        number of yours counts down.
        """
        return _shrunk(earlier, later, "checkpoint")

    async def test_killed_at_a_checkpoint_it_ends_with_the_same_rows(
        self, drena_suite_database: Database, autojump_clock: object
    ) -> None:
        """Kill after a commit; the next attempt must add what is missing and nothing twice."""
        whole = await self.run_whole(drena_suite_database)
        for commit in spread(whole.account.commits, self.cuts):
            line = Line(self.conversation())
            async with self.open_job(drena_suite_database, line) as bench:
                await _attempt_killed_after(bench, commit + 1)
                await bench.release()
                state = await self.run_to_the_end(bench, line)
            await self._compare(
                drena_suite_database, whole.rows, state.status, f"after commit {commit + 1}", state.message
            )

    async def test_killed_at_any_await_it_ends_with_the_same_rows(
        self, drena_suite_database: Database, autojump_clock: object
    ) -> None:
        """Kill at some of all the awaits of a run, the same ones in each run of the test."""
        whole = await self.run_whole(drena_suite_database)
        places = sorted(random.Random(0).sample(range(1, whole.steps), min(self.cuts, whole.steps - 1)))  # noqa: S311
        for place in places:
            line = Line(self.conversation())
            async with self.open_job(drena_suite_database, line) as bench:
                with trio.CancelScope() as scope, cutting(scope, place):
                    await bench.attempt()
                await bench.release()
                state = await self.run_to_the_end(bench, line)
            await self._compare(drena_suite_database, whole.rows, state.status, f"at step {place}", state.message)

    async def _compare(self, database: Database, whole: Any, status: str, where: str, message: str | None) -> None:
        if status != "success":
            fail(
                f"Killed {where}, the job ends as {status} instead of success: {message}",
                "let run() start from any checkpoint that it ever committed; try it with run_once(checkpoint=...).",
            )
        if (rows := await self.read(database)) != whole:
            fail(
                f"Killed {where} and resumed, the job leaves other rows than an undisturbed run: "
                f"{_difference(whole, rows)}.",
                "commit data and tx.checkpoint(...) in the same ctx.transaction(), save the place *after* the data of "
                "that transaction, and write so that a page written twice changes nothing (insert ... on conflict).",
            )

    async def test_a_resumed_attempt_does_not_begin_again(
        self, drena_suite_database: Database, autojump_clock: object
    ) -> None:
        """What a committed checkpoint is past is not asked for again, but for the declared overlap."""
        whole = await self.run_whole(drena_suite_database)
        for commit in spread(whole.account.commits, self.cuts):
            line = Line(self.conversation())
            async with self.open_job(drena_suite_database, line) as bench:
                await _attempt_killed_after(bench, commit + 1)
                before = [str(each) for each in line.now.requests]
                await bench.release()
                line.now = self.conversation()
                await bench.attempt()
            again = asked_again(before, map(str, line.now.requests))
            if len(again) > self.overlap:
                fail(
                    f"Killed after commit {commit + 1}, the next attempt asks again for {len(again)} requests it had "
                    f"made, where {self.overlap} may be: {', '.join(again[:5])}.",
                    "start run() from ctx.checkpoint, and let each tx.checkpoint(...) say how far the data goes; or "
                    "declare `overlap` when your provider reads pages again by design.",
                )

    async def test_the_checkpoint_only_moves_forward(
        self, drena_suite_database: Database, autojump_clock: object
    ) -> None:
        """Each checkpoint of a run is further than the one before."""
        checkpoints = (await self.run_whole(drena_suite_database)).account.checkpoints
        if not checkpoints:
            pytest.skip("the provider saves no checkpoint: a killed job of it begins again")
        for number, (earlier, later) in enumerate(pairwise(checkpoints), start=2):
            if (what := self.backwards(earlier, later)) is not None:
                fail(
                    f"Checkpoint {number} goes backwards: {what}.",
                    "save the place after the data of this transaction, never an earlier one; if that number counts "
                    "down by design, override backwards(self, earlier, later).",
                )


async def _attempt_killed_after(bench: Workbench, commit: int) -> Account:
    account = type(bench.account)()
    with trio.CancelScope() as scope:

        async def kill(number: int) -> None:
            if number == commit:
                scope.cancel()
                await trio.lowlevel.checkpoint()

        account.after_commit = kill
        await bench.attempt(account)
    return account


def _shrunk(earlier: Any, later: Any, where: str) -> str | None:
    if isinstance(earlier, dict) and isinstance(later, dict):
        pairs = ((earlier[key], later[key], f"{where}[{key!r}]") for key in earlier.keys() & later.keys())
        return next((found for pair in pairs if (found := _shrunk(*pair))), None)
    numbers = (int, float)
    if isinstance(earlier, numbers) and isinstance(later, numbers) and later < earlier:
        return f"{where} was {earlier} and is {later}"
    return None


def _difference(whole: Any, rows: Any) -> str:
    if isinstance(whole, list) and isinstance(rows, list):
        missing, more = [r for r in whole if r not in rows], [r for r in rows if r not in whole]
        first = (
            f"; the first that is missing: {missing[0]!r}"
            if missing
            else f"; the first too many: {more[0]!r}"
            if more
            else ""
        )
        return f"{len(rows)} instead of {len(whole)}{first}"[:500]
    return f"{rows!r} instead of {whole!r}"[:500]
