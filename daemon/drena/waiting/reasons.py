"""The one true reason a job is not running. Pure: facts go in, a reason comes out.

Of several that hold at once the first of this order is told, because it is the one that has to go first:

    it ended, it runs            nothing to wait for
    paused, disabled, no node,   waits for a person, and for ever without one
    no node with the provider
    backing off, scheduled       waits for the time
    caps, full nodes, the queue  waits for other jobs
    about to run                 waits for the next claim, moments away
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import msgspec

from .sentences import Texts, in_words, texts

if TYPE_CHECKING:
    from .facts import Facts, NodeFacts


class Reason(msgspec.Struct, frozen=True, kw_only=True):
    """Why a job is not running, ready for JSON."""

    job_id: UUID
    code: str
    """Stable, for programs."""
    text: Texts
    until: datetime | None = None
    """When it will be over by itself, where that is known."""
    details: dict[str, Any]


def decide(facts: Facts) -> Reason:
    """The reason that holds at `facts.now`."""
    if facts.job.status == "pending":
        return _needs_a_person(facts) or _needs_time(facts) or _needs_room(facts)
    return _runs(facts) if facts.job.status == "running" else _ended(facts)


def _reason(facts: Facts, name: str, *, until: datetime | None = None, **details: Any) -> Reason:
    words = {"tenant": facts.job.tenant, "provider": facts.job.provider, **details}
    if until is not None:
        words["in"] = in_words((until - facts.now).total_seconds())
    if (since := details.get("since")) is not None:
        words["for"] = in_words((facts.now - since).total_seconds())
    if isinstance(words.get("nodes"), list):
        words["nodes"] = ", ".join(node["name"] for node in words["nodes"])
    return Reason(
        job_id=facts.job.id, code=name.partition(".")[0], text=texts(name, words), until=until, details=details
    )


def _ended(facts: Facts) -> Reason:
    job = facts.job
    return _reason(
        facts,
        f"ended.{job.status}",
        since=job.finished_at or job.created_at,
        status=job.status,
        error_code=job.error_code,
        message=job.error_message or "-",
        active_job_id=facts.lane_active_id,
    )


def _runs(facts: Facts) -> Reason:
    job = facts.job
    if job.node_id is None:
        return _reason(facts, "running.unheld", since=job.started_at or job.created_at)
    node = next((n for n in facts.nodes if n.id == job.node_id), None)
    if node is None:
        return _reason(facts, "node_lost" if facts.nodes else "node_lost.alone", node_id=job.node_id)
    if job.cancel_requested_at is not None:
        return _reason(facts, "canceling", since=job.cancel_requested_at, node=node.name, node_id=node.id)
    return _reason(
        facts,
        "running",
        since=job.started_at or facts.now,
        node=node.name,
        node_id=node.id,
        attempt=job.attempts,
        max_attempts=job.max_attempts,
    )


def _needs_a_person(facts: Facts) -> Reason | None:
    job = facts.job
    if facts.pauses:
        widest = min(facts.pauses, key=lambda p: ("everything", "provider", "tenant", "integration").index(p.scope))
        return _reason(
            facts,
            f"paused.{widest.scope}",
            scope=widest.scope,
            reason=widest.reason,
            since=widest.created_at,
            by=widest.created_by,
            pauses=len(facts.pauses),
        )
    if not facts.enabled:
        return _reason(facts, "integration_not_found" if facts.enabled is None else "integration_disabled")
    if not facts.nodes:
        return _reason(facts, "no_node")
    if not _offering(facts):
        due_at = max(job.created_at, job.run_at or facts.now)
        return _reason(
            facts,
            "provider_unavailable",
            until=due_at + timedelta(seconds=facts.pending_after_s),
            provider=job.provider,
            nodes=[{"name": n.name, "providers": n.providers} for n in facts.nodes],
        )
    return None


def _needs_time(facts: Facts) -> Reason | None:
    job = facts.job
    if job.run_at is not None and job.run_at <= facts.now:
        return None
    failed = job.attempts > 0 or job.rescues > 0 or job.error_code is not None
    if job.run_at is not None and not failed:
        return _reason(facts, "scheduled", until=job.run_at)
    return _reason(
        facts,
        "backing_off" if job.run_at is not None else "backing_off.ever",
        until=job.run_at,
        attempt=job.attempts + 1,
        max_attempts=job.max_attempts,
        error_code=job.error_code,
        message=job.error_message,
    )


def _needs_room(facts: Facts) -> Reason:
    """Every node that offers the provider is looked at; one with room is enough."""
    nodes = _offering(facts)
    hindered = [_hindrances(facts, node) for node in nodes]
    if not all(hindered):
        room = max(_room(facts, node) for node in nodes)
        if facts.ahead >= room:
            return _reason(facts, "queued_behind", ahead=facts.ahead, place=facts.ahead + 1)
        return _reason(facts, "about_to_run")
    jobs = [msgspec.to_builtins(job) for job in facts.tenant_running]
    if all("tenant_cap" in each for each in hindered):
        cap = max(n.tenant_max_jobs or 0 for n in nodes)
        return _reason(facts, "tenant_cap", running=len(jobs), cap=cap, jobs=jobs, ahead=facts.ahead)
    if all("node_full" in each for each in hindered):
        return _full(facts, "node_full", sum(n.running for n in nodes), sum(n.max_jobs or 0 for n in nodes))
    running = sum(n.running_of_provider for n in nodes)
    return _full(facts, "provider_cap", running, sum(n.provider_max_jobs or n.max_jobs or 0 for n in nodes))


def _full(facts: Facts, name: str, running: int, cap: int) -> Reason:
    return _reason(facts, name, running=running, cap=cap, ahead=facts.ahead)


def _offering(facts: Facts) -> list[NodeFacts]:
    return [node for node in facts.nodes if facts.job.provider in node.providers]


def _hindrances(facts: Facts, node: NodeFacts) -> set[str]:
    return {name for name, left in _rooms(facts, node).items() if left <= 0}


def _room(facts: Facts, node: NodeFacts) -> int:
    """How many of the tenant's jobs the node could start now; 1 for one that does not tell its limits."""
    return min(_rooms(facts, node).values(), default=1)


def _rooms(facts: Facts, node: NodeFacts) -> dict[str, int]:
    counts = {
        "tenant_cap": (len(facts.tenant_running), node.tenant_max_jobs),
        "provider_cap": (node.running_of_provider, node.provider_max_jobs),
        "node_full": (node.running, node.max_jobs),
    }
    return {name: cap - running for name, (running, cap) in counts.items() if cap is not None}
