"""An outside system in trouble is never taken for one that has nothing more to say."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

import httpx2

from drena.testing.conformance.subject import Line, Subject, Whole, fail, spread

if TYPE_CHECKING:
    from drena.testing import Answer, Database, Seen
    from drena.testing.witness import Account
    from drena.testing.workbench import JobState

PLACES: Final = 4
ENDLESS: Final = ("deadline", "no_progress")


class Answers(Subject):
    """See the head of this file."""

    async def test_a_storm_of_429_ends(self, drena_suite_database: Database, autojump_clock: object) -> None:
        """429 from some request on: the attempt asks for a retry within bounds; one in better weather succeeds."""
        whole = await self.run_whole(drena_suite_database)
        for place in spread(len(whole.requests), PLACES):
            line = Line(self.conversation().override(_from(place + 1, _throttled)))
            async with self.open_job(drena_suite_database, line) as bench:
                account = await bench.attempt()
                trouble = f"429 from request {place + 1} on"
                await self._judge(drena_suite_database, whole, await bench.state(), account, trouble)
                state = await self.run_to_the_end(bench, line)
            if state.status != "success" or await self.read(drena_suite_database) != whole.rows:
                fail(
                    f"After a storm of 429 (from request {place + 1} on) the job ended as {state.status} and not with "
                    "the rows of an undisturbed run.",
                    "commit nothing that claims more than was read, and resume from the checkpoint.",
                )

    async def test_a_truncated_body_is_not_success(
        self, drena_suite_database: Database, autojump_clock: object
    ) -> None:
        """One answer always arrives cut in half, with status 200."""
        whole = await self.run_whole(drena_suite_database)
        for place in spread(len(whole.requests), PLACES):
            target = whole.requests[place]
            line = Line(self.conversation().override(_for(target, _cut)))
            async with self.open_job(drena_suite_database, line) as bench:
                account = await bench.attempt()
                await self._judge(
                    drena_suite_database, whole, await bench.state(), account, f"a body cut in half ({target})"
                )

    async def test_a_lost_connection_is_not_success(
        self, drena_suite_database: Database, autojump_clock: object
    ) -> None:
        """One answer always ends in a connection reset."""
        whole = await self.run_whole(drena_suite_database)
        for place in spread(len(whole.requests), PLACES):
            target = whole.requests[place]
            line = Line(self.conversation().override(_for(target, _reset)))
            async with self.open_job(drena_suite_database, line) as bench:
                account = await bench.attempt()
                await self._judge(
                    drena_suite_database, whole, await bench.state(), account, f"a lost connection ({target})"
                )

    async def _judge(self, database: Database, whole: Whole, state: JobState, account: Account, trouble: str) -> None:
        if state.status == "success" and (await self.read(database)) != whole.rows:
            fail(
                f"With {trouble}, the provider ended in success with other rows than it should have written: it took "
                "trouble for the end of the list.",
                "check the status code and decode the whole body before you believe it, and raise RetryLater for "
                "whatever is not a proper answer.",
            )
        if state.code in ENDLESS:
            fail(
                f"With {trouble}, the attempt did not end by itself: Drena ended it ({state.code}).",
                "do not ask again for ever: ctx.http has retried already; raise RetryLater and let the job be retried.",
            )
        if state.code == "provider_bug":
            fail(
                f"With {trouble}, the provider raised {account.raised!r}, which Drena takes for a bug.",
                "catch what decoding raises and raise RetryLater with a sentence for the office's users.",
            )
        if state.status == "error":
            fail(
                f"With {trouble}, the provider gave up ({state.code}), though time may heal it.",
                "raise RetryLater, not GiveUp, for what the outside system may do right a minute later.",
            )


def _throttled(_: Answer) -> Answer:
    return lambda _request: httpx2.Response(429, headers={"retry-after": "5"})


def _cut(answer: Answer) -> Answer:
    def cut(request: httpx2.Request) -> httpx2.Response:
        whole = answer(request)
        return httpx2.Response(
            whole.status_code, headers=_typed(whole), content=whole.content[: len(whole.content) // 2]
        )

    return cut


def _typed(response: httpx2.Response) -> dict[str, str]:
    return {name: value for name, value in response.headers.items() if name == "content-type"}


def _reset(_: Answer) -> Answer:
    def reset(request: httpx2.Request) -> httpx2.Response:
        raise httpx2.ReadError("connection reset by peer", request=request)

    return reset


def _from(number: int, change: Callable[[Answer], Answer]) -> Callable[[int, Seen, Answer], Answer]:
    return lambda at, _seen, answer: change(answer) if at >= number else answer


def _for(target: str, change: Callable[[Answer], Answer]) -> Callable[[int, Seen, Answer], Answer]:
    return lambda _at, seen, answer: change(answer) if str(seen) == target else answer
