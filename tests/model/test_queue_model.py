"""The queue's SQL against a plain model of it, with calls of several actors under way at the same time.

A step makes a call alone, or begins one in a transaction that stays open: others then run into its locks, or past them.
When it ends, the answers and the rows must be those of *some* order of the calls (`plain_queue.explain`), and a call
that was rolled back must not show. Whether a rule has anything to do is decided inside it and not by a precondition:
the database's answers may differ from run to run, what hypothesis draws may not.

    make test ARGS="tests/model --hypothesis-profile=long"      many more examples, and other ones each time
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar
from uuid import UUID

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from drena.engine.outages import PASSING
from drena.store.doctor import examine
from model import calls, plain_queue
from model.bridge import Bridge
from model.plain_queue import ACTIVE, Call, State, explain

if TYPE_CHECKING:
    from collections.abc import Callable

    import trio

    from asyncpg_trio import Connection
    from model.bridge import Running

BLOCKED_S = 0.05
"""A call that takes longer waits for somebody. A slow machine only makes fewer calls count as having met nobody."""
NODES = [UUID(int=n + 1) for n in range(3)]
LANES = ["", "b", "c"]
MOST_AT_ONCE = 4

settings.register_profile("long", max_examples=2000, stateful_step_count=60, derandomize=False, deadline=None)

pick = st.integers(0, 1_000_000)
node = st.sampled_from(NODES)
WEIGHTS = {
    "request": 3, "claim": 4, "finish": 4, "checkpoint": 3, "cancel": 1, "renew": 2, "expire": 1, "die": 3, "rescue": 2,
    "release": 1, "heal": 1, "age": 1, "old_start": 1, "join": 2, "settle": 6,
}  # fmt: skip
ACTS = [act for act, weight in WEIGHTS.items() for _ in range(weight)]
STATUSES = ["success", "error", "pending", "pending"]


class Begun:
    """A call of the present window."""

    def __init__(self, step: Callable[..., Any], arguments: tuple[Any, ...], hold: trio.Event | None) -> None:
        self.step = step
        self.arguments = arguments
        self.hold = hold
        self.commit = True
        self.running: Running | None = None


class Rollback(Exception):
    """Ends a held transaction without its effect."""


class Machine(RuleBasedStateMachine):
    """Actors: two offices asking, three nodes working, the old system's functions, somebody sweeping."""

    bridge: ClassVar[Bridge]
    tenants: ClassVar[list[UUID]] = []

    def __init__(self) -> None:
        super().__init__()
        self.state = State()
        self.window: list[Begun] = []
        self.claims: list[tuple[UUID, int]] = []
        self.history: list[str] = []
        self.bridge.call(self._with, calls.start_anew, self.tenants)

    @initialize()
    def join_all(self) -> None:
        for ident in NODES:
            self.bridge.call(self._with, calls.join, ident)
        self.state = State({}, dict.fromkeys(NODES, True))
        for tenant in self.tenants:
            for each in LANES:
                self._make(plain_queue.request, tenant, each)
        for ident in NODES[:2]:
            self._make(plain_queue.claim, ident)

    @rule(what=st.sampled_from(ACTS), pick=pick, node=node, held=st.booleans())
    def act(self, what: str, pick: int, node: UUID, held: bool) -> None:
        """One rule for all, so that each has its weight: of many rules hypothesis leaves some out of each example."""
        getattr(self, what)(pick, node, held)

    def request(self, pick: int, _: UUID, held: bool) -> None:
        self._make(plain_queue.request, self.tenants[pick % 2], LANES[pick // 2 % 3], hold=held)

    def claim(self, _: int, node: UUID, held: bool) -> None:
        if self.state.nodes.get(node):  # a node without a lease stops claiming (I3)
            self._make(plain_queue.claim, node, hold=held)

    def finish(self, pick: int, _: UUID, held: bool) -> None:
        if self.claims and self._may_speak(*self._attempt(pick)):
            self._make(plain_queue.finish, *self._attempt(pick), STATUSES[pick // 6 % 4], hold=held)

    def checkpoint(self, pick: int, _: UUID, held: bool) -> None:
        if self.claims and self._may_speak(*self._attempt(pick)):
            self._make(plain_queue.checkpoint, *self._attempt(pick), pick % 100, hold=held)

    def cancel(self, pick: int, _: UUID, held: bool) -> None:
        if self.state.jobs:
            self._make(plain_queue.cancel, self._job(pick), hold=held)

    def renew(self, _: int, node: UUID, held: bool) -> None:
        late = [ident for ident, alive in self.state.nodes.items() if not alive]
        self._make(plain_queue.renew, late[0] if late else node, hold=held)

    def expire(self, pick: int, *_: Any) -> None:
        if self._busy():
            self._make(plain_queue.expire, self._busy()[pick % len(self._busy())])

    def die(self, pick: int, node: UUID, held: bool) -> None:
        """A node dies, and another notices at once."""
        self.expire(pick)
        self._make(plain_queue.rescue, node, hold=held)

    def rescue(self, _: int, node: UUID, held: bool) -> None:
        self._make(plain_queue.rescue, node, hold=held)

    def release(self, pick: int, _: UUID, held: bool) -> None:
        if self._busy():
            self._make(plain_queue.release, self._busy()[pick % len(self._busy())], hold=held)

    def heal(self, _: int, __: UUID, held: bool) -> None:
        self._make(plain_queue.heal, hold=held)

    def age(self, pick: int, *_: Any) -> None:
        if self._waiting() and not self.window:
            self._make(plain_queue.age, self._waiting()[pick % len(self._waiting())])

    def old_start(self, pick: int, *_: Any) -> None:
        if self.state.jobs:
            self._make(plain_queue.old_start, self._job(pick))

    def join(self, _: int, node: UUID, __: bool) -> None:
        if not self.window and node not in self.state.nodes:
            self.bridge.call(self._with, calls.join, node)
            self.state = State(self.state.jobs, {**self.state.nodes, node: True})

    def settle(self, pick: int, *_: Any) -> None:
        """End the transaction that is held, wait for all that waited, and find the order that explains it."""
        if self.window:
            self._end_window(commit=pick % 4 > 0)

    def _end_window(self, *, commit: bool) -> None:
        for begun in self.window:
            if begun.hold is not None:
                begun.commit = commit
                self.bridge.set(begun.hold)
        happened = []
        for begun in self.window:
            assert begun.running is not None
            assert self.bridge.ends_within(begun.running, 60), f"{begun.step.__name__} never ended"
            error = begun.running.error
            if error is None:
                happened.append(Call(begun.step, begun.arguments, begun.running.answer))
            elif not isinstance(error, (Rollback, *PASSING)):
                raise error
        self.window = []
        self._explain(happened)

    @invariant()
    def lanes_have_one_active_job_each(self) -> None:
        active = [(j.tenant, j.lane) for j in self.state.jobs.values() if j.status in ACTIVE]
        assert len(active) == len(set(active))

    def teardown(self) -> None:
        if self.window:
            self._end_window(commit=True)
        self._make(plain_queue.heal)  # or the doctor would find the residues
        logged = self.bridge.call(self._with, _logged)
        assert logged == {i for i, j in self.state.jobs.items() if j.status not in ACTIVE}, "I12: one line for each end"
        assert self.bridge.call(self._with, _examine) == []

    def _make(self, step: Callable[..., Any], *arguments: Any, hold: bool = False) -> None:
        """Make a call; in a window it is one of several, alone it is judged at once."""
        if len(self.window) >= MOST_AT_ONCE:
            return
        if hold and any(begun.hold is not None for begun in self.window):
            hold = False
        begun = Begun(step, arguments, self.bridge.event() if hold else None)
        begun.running = self.bridge.start(self._with, calls.name_of(step), *arguments, begun)
        if hold or self.window or not self.bridge.ends_within(begun.running, 60):
            self.window.append(begun)
            self.bridge.ends_within(begun.running, BLOCKED_S)
            return
        if begun.running.error is not None:
            raise begun.running.error
        self._explain([Call(step, arguments, begun.running.answer)])

    def _explain(self, happened: list[Call]) -> None:
        seen = self.bridge.call(self._with, calls.read_state)
        order = explain(self.state, happened, seen)
        if order is None:
            told = "\n".join([*self.history, "no order explains:", *map(str, happened)])
            raise AssertionError(f"{told}\nbefore {self.state}\nafter  {seen}")
        for call in order:
            self.state = call.step(self.state, *call.arguments, call.answer, alone=len(order) == 1)
            self.history.append(str(call))
            if call.step is plain_queue.claim:
                self.claims += call.answer.items()

    def _may_speak(self, job: UUID, token: int) -> bool:
        """Zombies do; an attempt that wrote its own verdict is over, also when an old function then took the job."""
        row = self.state.jobs[job]
        return not (row.status == "running" and row.token == token and row.node is None)

    def _waiting(self) -> list[UUID]:
        """Jobs that no node holds, and not for long yet."""
        jobs = self.state.jobs.items()
        return sorted(ident for ident, job in jobs if job.status in ACTIVE and job.node is None and not job.old)

    def _busy(self) -> list[UUID]:
        """The nodes that hold jobs."""
        held = {job.node for job in self.state.jobs.values() if job.status == "running"}
        return [ident for ident in NODES if ident in held]

    def _attempt(self, pick: int) -> tuple[UUID, int]:
        """A claim anybody ever had: most are zombies by now."""
        return self.claims[-1 - pick % min(len(self.claims), 6)]

    def _job(self, pick: int) -> UUID:
        jobs = sorted(self.state.jobs, key=lambda i: (self.state.jobs[i].status not in ACTIVE, str(i)))
        return jobs[pick % min(len(jobs), 6)]

    async def _with(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """One call in a transaction of its own; held open when it says so."""
        begun = arguments[-1] if arguments and isinstance(arguments[-1], Begun) else None
        if begun is not None:
            arguments = arguments[:-1]
        if function is _examine:
            async with self.bridge.pool.acquire() as conn:
                return await _examine(conn)
        async with self.bridge.pool.acquire() as conn, conn.transaction():
            answer = await function(conn, *arguments)
            if begun is not None and begun.hold is not None:
                await begun.hold.wait()
                if not begun.commit:
                    raise Rollback
        return answer


async def _examine(conn: Connection) -> list[Any]:
    return [finding for finding in await examine(conn, patience_s=10_000) if finding.invariant]


async def _logged(conn: Connection) -> set[UUID]:
    rows = await conn.fetch("select execution_id from integration_logs")
    assert len({row[0] for row in rows}) == len(rows)
    return {row[0] for row in rows}


@pytest.fixture(name="bridge")
def _bridge(database: str):
    with Bridge(database) as bridge:
        yield bridge


def test_every_interleaving_of_calls_is_one_the_model_allows(bridge: Bridge, request: pytest.FixtureRequest) -> None:
    Machine.bridge = bridge
    Machine.tenants = []
    profile = settings.get_current_profile_name()
    many = (
        settings.get_profile("long")
        if profile == "long"
        else settings(max_examples=30, stateful_step_count=80, derandomize=True)
    )
    run_state_machine_as_test(
        Machine,
        settings=settings(
            many,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            database=None,
            phases=[Phase.generate, Phase.shrink] if profile == "long" else [Phase.generate],
        ),
    )
