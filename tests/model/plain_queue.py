"""The queue as a plain value, and what each call may do to it. No database here: this is what the database is held to.

Every step takes a state, the call's arguments and the answer the database really gave, and returns the state after it,
or None when no queue in that state may answer so. Calls that ran at the same time are legal when *some* order of them
is (`explain`). `alone` is false for those: a call may then pass over what another one holds locked (SKIP LOCKED), and
do less than it could.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from uuid import UUID

TENANT_CAP = 2
POISON = 3
ACTIVE = ("pending", "running")


@dataclass(frozen=True)
class Job:
    """What of a job's row the model answers for."""

    tenant: UUID
    lane: str
    status: str = "pending"
    token: int = 0
    attempts: int = 0
    rescues: int = 0
    outlived: int = 0
    node: UUID | None = None
    cancel: bool = False
    page: int = 0
    old: bool = field(default=False, compare=False)
    """Waiting or running for longer than any threshold."""


@dataclass(frozen=True)
class State:
    """The whole queue."""

    jobs: Mapping[UUID, Job] = field(default_factory=dict)
    nodes: Mapping[UUID, bool] = field(default_factory=dict)
    """Each node's row: whether its lease still runs."""

    def having(self, changed: Mapping[UUID, Job]) -> State:
        return replace(self, jobs={**self.jobs, **changed})

    def active(self, tenant: UUID, lane: str) -> UUID | None:
        """I1 says that there is at most one."""
        found = [i for i, j in self.jobs.items() if (j.tenant, j.lane) == (tenant, lane) and j.status in ACTIVE]
        assert len(found) <= 1
        return found[0] if found else None

    def residue(self, job: Job) -> bool:
        if job.status == "pending":
            return job.old and not any(self.nodes.values())
        return job.status == "running" and job.node is None and job.old


@dataclass(frozen=True)
class Call:
    """One call as it happened."""

    step: Callable[..., State | None]
    arguments: tuple[Any, ...]
    answer: Any

    def __str__(self) -> str:
        return f"{self.step.__name__}{self.arguments} -> {self.answer}"


def explain(state: State, calls: Sequence[Call], seen: State) -> Sequence[Call] | None:
    """An order of the calls that leads from one state to the other; None when there is none."""
    for order in itertools.permutations(calls):
        after: State | None = state
        for call in order:
            after = call.step(after, *call.arguments, call.answer, alone=len(calls) == 1)
            if after is None:
                break
        if after == seen:
            return order
    return None


def request(state: State, tenant: UUID, lane: str, answer: Any, *, alone: bool) -> State | None:
    outcome, job, healed = answer
    active = state.active(tenant, lane)
    if outcome == "active":
        if active != job or (alone and state.residue(state.jobs[active])):
            return None
        return state
    if healed is not None:
        if active != healed or not state.residue(state.jobs[healed]):
            return None
        state = state.having({healed: _ended(state.jobs[healed], "error", bump=True)})
    elif active is not None:
        return None
    return state.having({job: Job(tenant, lane)})


def claim(state: State, node: UUID, answer: Mapping[UUID, int], *, alone: bool) -> State | None:
    """Answer: jobs with their new tokens. Work-conserving within the caps (I7)."""
    if node not in state.nodes and answer:
        return None  # nobody would look for them (I5)
    for job, token in answer.items():
        if state.jobs[job].status != "pending" or token != state.jobs[job].token + 1:
            return None
    for tenant in {job.tenant for job in state.jobs.values()}:
        of_tenant = {i: j for i, j in state.jobs.items() if j.tenant == tenant}
        room = max(TENANT_CAP - sum(j.status == "running" for j in of_tenant.values()), 0)
        due = sum(j.status == "pending" for j in of_tenant.values())
        taken = sum(i in answer for i in of_tenant)
        if taken > room or (alone and node in state.nodes and taken < min(room, due)):
            return None
    return state.having(
        {
            i: replace(
                state.jobs[i], status="running", token=t, attempts=state.jobs[i].attempts + 1, node=node, old=False
            )
            for i, t in answer.items()
        }
    )


def finish(state: State, job: UUID, token: int, status: str, answer: bool, *, alone: bool) -> State | None:
    """I2: only under the token, and only once."""
    row = state.jobs[job]
    if row.status == "running" and row.token == token:
        if status == "pending" and row.cancel:
            status = "canceled"
        again = replace(row, status="pending", node=None, old=False)
        return state.having({job: again if status == "pending" else _ended(row, status)}) if answer else None
    sent_again = row.token == token and row.status == status
    return (
        state if answer == sent_again or (sent_again and not alone) else None
    )  # at once with the first: may be refused


def checkpoint(state: State, job: UUID, token: int, page: int, answer: bool, *, alone: bool) -> State | None:
    """I8: the fence lets it through or it does nothing."""
    row = state.jobs[job]
    if answer != (row.status == "running" and row.token == token):
        return None
    return state.having({job: replace(row, page=page, outlived=row.rescues)}) if answer else state


def cancel(state: State, job: UUID, answer: str, *, alone: bool) -> State | None:
    row = state.jobs[job]
    if row.status not in ACTIVE:
        return state if answer == "ended" else None
    if row.status == "pending" or row.node is None or row.node not in state.nodes:
        return (
            state.having({job: _ended(replace(row, cancel=True), "canceled", bump=True)})
            if answer == "canceled"
            else None
        )
    return state.having({job: replace(row, cancel=True)}) if answer == "cancel_requested" else None


def renew(state: State, node: UUID, answer: bool, *, alone: bool) -> State | None:
    if answer != (node in state.nodes):
        return None
    return replace(state, nodes={**state.nodes, node: True}) if answer else state


def expire(state: State, node: UUID, answer: None, *, alone: bool) -> State | None:
    return replace(state, nodes={**state.nodes, node: False}) if node in state.nodes else state


def rescue(
    state: State, rescuer: UUID, answer: tuple[frozenset[UUID], frozenset[UUID]], *, alone: bool
) -> State | None:
    """Answer: the jobs taken back, and the nodes that are gone since. Never a node whose lease runs (I4)."""
    jobs, buried = answer
    dead = {n for n, alive in state.nodes.items() if not alive and n != rescuer}
    lost = {i for i, j in state.jobs.items() if j.status == "running" and j.node in dead}
    if not jobs <= lost or (alone and jobs != lost):
        return None
    of_dead = {state.jobs[i].node for i in jobs} | (dead if alone else buried & dead)
    if {i for i in lost if state.jobs[i].node in of_dead} != jobs:
        return None  # a node is buried with all of its jobs or not at all
    changed = {i: _rescued(state.jobs[i]) for i in jobs}
    return replace(state.having(changed), nodes={n: a for n, a in state.nodes.items() if n not in of_dead})


def release(state: State, node: UUID, answer: frozenset[UUID], *, alone: bool) -> State | None:
    held = {i for i, j in state.jobs.items() if j.status == "running" and j.node == node}
    if answer != held:
        return None
    changed = {}
    for i in held:
        row = replace(state.jobs[i], node=None, attempts=state.jobs[i].attempts - 1, token=state.jobs[i].token + 1)
        changed[i] = _ended(row, "canceled") if row.cancel else replace(row, status="pending", old=False)
    return replace(state.having(changed), nodes={n: a for n, a in state.nodes.items() if n != node})


def heal(state: State, answer: frozenset[UUID], *, alone: bool) -> State | None:
    stale = {i for i, j in state.jobs.items() if state.residue(j)}
    if not answer <= stale or (alone and answer != stale):
        return None
    return state.having({i: _ended(state.jobs[i], "error", bump=True) for i in answer})


def age(state: State, job: UUID, answer: None, *, alone: bool) -> State | None:
    """Time passes over a job that waits, or that an old function runs without a lease."""
    row = state.jobs[job]
    waits = row.status == "pending" or (row.status == "running" and row.node is None)
    return state.having({job: replace(row, old=True)}) if waits else state


def old_start(state: State, job: UUID, answer: bool, *, alone: bool) -> State | None:
    """A function of the old system takes a pending job in its own way."""
    row = state.jobs[job]
    if answer != (row.status == "pending"):
        return None
    return state.having({job: replace(row, status="running", old=False)}) if answer else state


def _ended(row: Job, status: str, *, bump: bool = False) -> Job:
    return replace(row, status=status, token=row.token + bump, node=None)


def _rescued(row: Job) -> Job:
    poison = row.rescues + 1 - row.outlived >= POISON
    status = "canceled" if row.cancel else "error" if poison else "pending"
    return replace(
        row,
        status=status,
        rescues=row.rescues + 1,
        token=row.token + 1,
        node=None,
        attempts=max(row.attempts - 1, 0),
        old=False,
    )
