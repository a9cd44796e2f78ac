"""What an author says about the provider under test, and what every check of the suite does with it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any, ClassVar, Final, NoReturn

import httpx2
import msgspec
import pytest
import trio

from drena.testing.running import raise_unexpected
from drena.testing.witness import Account, leaves
from drena.testing.workbench import Case, JobState, Workbench, open_workbench

if TYPE_CHECKING:
    from collections.abc import Iterator

    from drena.api import Provider
    from drena.testing import Connection, Conversation, Database

__all__ = ["Line", "Subject", "Whole", "fail", "spread"]

MOST_ATTEMPTS: Final = 8


def fail(wrong: str, remedy: str) -> NoReturn:
    """End the test with two sentences: what the provider did, and what its author can do."""
    pytest.fail(f"{wrong}\n    What to do: {remedy}", pytrace=False)


def spread(count: int, most: int) -> list[int]:
    """At most so many of the numbers below `count`, evenly, the first and the last among them."""
    if count <= most:
        return list(range(count))
    return sorted({round(each * (count - 1) / (most - 1)) for each in range(most)})


class Line(httpx2.AsyncBaseTransport):
    """The transport of a job: whatever conversation its present attempt has."""

    def __init__(self, conversation: Conversation) -> None:
        self.now = conversation
        self.before: Callable[[int], Awaitable[None]] | None = None
        """Awaited before each request is answered, with its number, 1 for the first."""

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Pass it to the conversation."""
        if self.before is not None:
            await self.before(len(self.now.requests) + 1)
        return await self.now.handle_async_request(request)


class Steps(trio.abc.Instrument):
    """Counts the steps of all tasks, and cancels a scope at one of them: a kill at any await there is."""

    def __init__(self, scope: trio.CancelScope, cut_at: int | None) -> None:
        self._scope = scope
        self._cut_at = cut_at
        self.count = 0

    def before_task_step(self, _task: trio.lowlevel.Task) -> None:
        self.count += 1
        if self.count == self._cut_at:
            self._scope.cancel()


@contextmanager
def cutting(scope: trio.CancelScope, cut_at: int | None) -> Iterator[Steps]:
    """Cancel the scope at this step of the block; None only counts."""
    steps = Steps(scope, cut_at)
    trio.lowlevel.add_instrument(steps)
    try:
        yield steps
    finally:
        trio.lowlevel.remove_instrument(steps)


class Whole(msgspec.Struct, frozen=True, kw_only=True):
    """What a run that nothing disturbs does: what the others are measured against."""

    rows: Any
    requests: list[str]
    account: Account
    steps: int


class Subject:
    """What the suite needs to know. Set `provider`, write `conversation` and `rows`; the rest has defaults."""

    provider: ClassVar[Provider]
    """An instance."""
    settings: ClassVar[Mapping[str, Any]] = {}
    """`tenant_integrations.config` of the test's tenant."""
    payload: ClassVar[Mapping[str, Any]] = {}
    lane: ClassVar[str] = ""
    base_url: ClassVar[str | None] = None
    bad_settings: ClassVar[Sequence[Mapping[str, Any]]] = ()
    """Settings of the right types that the provider must refuse, each one as the change to `settings`; `msgspec.UNSET`
    leaves one out."""
    overlap: ClassVar[int] = 1
    """How many requests a resumed attempt may make that an earlier one made before its last checkpoint: logins, the
    page in hand, pages read ahead."""
    cancel_limit_s: ClassVar[float] = 2.0
    """How long the provider may take to end when it is cancelled."""
    cuts: ClassVar[int] = 8
    """How many kills at awaits and at checkpoints each test makes."""
    entry_point: ClassVar[bool] = True
    """Whether the provider is installed as a plugin; False for one that lives in a test."""

    def conversation(self) -> Conversation:
        """The outside system in good order, new for each attempt. At least three pages, if there are pages."""
        raise NotImplementedError("write conversation(self): see contrib/writing-a-plugin.md")

    async def prepare(self, conn: Connection) -> None:
        """Create the tables your provider needs beside Drena's (`create table if not exists`), or rows it finds."""

    async def rows(self, conn: Connection) -> Any:
        """Read what the provider wrote, in a stable order, without what differs by nature: ids, times."""
        raise NotImplementedError("write rows(self, conn): see contrib/writing-a-plugin.md")

    @property
    def secrets(self) -> Mapping[str, str]:
        """A synthetic value for each secret; override it when they must have a certain shape."""
        return {name: f"synthetic-{name}-5fK2q9" for name in self.provider.secrets}

    def case(self, **changes: Any) -> Case:
        """What a job is run with."""
        case = Case(
            settings=self.settings,
            secrets=self.secrets,
            payload=self.payload,
            lane=self.lane,
            base_url=self.base_url,
        )
        return msgspec.structs.replace(case, **changes)

    @asynccontextmanager
    async def open_job(self, database: Database, line: Line, **changes: Any) -> AsyncIterator[Workbench]:
        """A job on an empty database."""
        await database.clear()
        async with database.connect() as conn:
            await self.prepare(conn)
        async with open_workbench(database, self.provider, self.case(**changes), line) as bench:
            yield bench

    async def read(self, database: Database) -> Any:
        """The rows, on a connection of its own."""
        async with database.connect() as conn:
            return await self.rows(conn)

    async def run_whole(self, database: Database) -> Whole:
        """Run undisturbed.

        Raises:
            UnexpectedRequest: the conversation has no answer to what the provider asks.
        """
        line = Line(self.conversation())
        async with self.open_job(database, line) as bench:
            with trio.CancelScope() as scope, cutting(scope, None) as steps:
                account = await bench.attempt()
            state = await bench.state()
        raise_unexpected(line.now)
        if state.status != "success":
            raised = f"; it raised {account.raised!r}" if account.raised else ""
            fail(
                f"Undisturbed, the job does not succeed: {state.status} ({state.code}): {state.message}{raised}.",
                "first make a test of yours with run_once succeed with this conversation, these settings and secrets.",
            )
        requests = [str(each) for each in line.now.requests]
        return Whole(rows=await self.read(database), requests=requests, account=account, steps=steps.count)

    async def run_to_the_end(self, bench: Workbench, line: Line) -> JobState:
        """Run attempts in good order until the job has ended."""
        state = await bench.state()
        for _ in range(MOST_ATTEMPTS):
            if state.status != "pending":
                break
            line.now = self.conversation()
            await bench.attempt()
            raise_unexpected(line.now)
            state = await bench.state()
        return state


def raised_only(account: Account, kinds: type[BaseException] | tuple[type[BaseException], ...]) -> bool:
    """Whether the provider's run ended in these and nothing else, groups looked into."""
    return account.raised is not None and all(isinstance(each, kinds) for each in leaves(account.raised))


def asked_again(before: Iterable[str], after: Iterable[str]) -> list[str]:
    """Requests of an attempt that an earlier one had made, each once."""
    known = set(before)
    return [each for each in dict.fromkeys(after) if each in known]
