"""What a client holds, by the rules of contrib/feed-protocol.md. Pure.

For `drena watch`, and as the shortest full example of a client.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from uuid import UUID

import msgspec

from drena.feed import protocol
from drena.views import IntegrationView, JobView

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(slots=True)
class Mirrored:
    """One tenant as it is known here."""

    epoch: UUID | None = None
    offset: int = -1
    jobs: dict[UUID, JobView] = field(default_factory=dict)
    integrations: dict[UUID, IntegrationView] = field(default_factory=dict)
    parts: list[protocol.Snapshot] = field(default_factory=list)
    """Of a snapshot that is not whole yet."""


class Mirror:
    """All tenants of a client."""

    def __init__(self) -> None:
        self.tenants: dict[UUID, protocol.Tenant] = {}
        self.of: dict[UUID, Mirrored] = {}

    @property
    def positions(self) -> dict[UUID, protocol.Resume]:
        """For the next hello."""
        return {t: protocol.Resume(m.epoch, m.offset) for t, m in self.of.items() if m.epoch is not None}

    @property
    def jobs(self) -> list[JobView]:
        """Every job of every tenant."""
        return [job for mirrored in self.of.values() for job in mirrored.jobs.values()]

    def take(self, frame: protocol.ServerFrame) -> bool:
        """Learn from a frame; False when a change is missing, so that `resync` must be said."""
        match frame:
            case protocol.Welcome():
                self.tenants = {tenant.id: tenant for tenant in frame.tenants}
                self.of = {t: m for t, m in self.of.items() if t in self.tenants}
            case protocol.Snapshot():
                _replace(self.of.setdefault(frame.tenant, Mirrored()), frame)
            case protocol.Delta():
                return _apply(self.of.setdefault(frame.tenant, Mirrored()), frame)
            case protocol.Progress():
                _move(self.of.setdefault(frame.tenant, Mirrored()), frame)
            case _:
                pass
        return True


def _replace(known: Mirrored, frame: protocol.Snapshot) -> None:
    if frame.part == 1:
        known.parts = []
    known.parts.append(frame)
    if frame.part == frame.parts:
        known.jobs = {job.id: job for part in known.parts for job in part.jobs}
        known.integrations = {each.id: each for part in known.parts for each in part.integrations}
        known.epoch, known.offset, known.parts = frame.epoch, frame.offset, []


def _apply(known: Mirrored, frame: protocol.Delta) -> bool:
    if known.epoch not in (frame.epoch, frame.was) or frame.from_ > known.offset + 1:
        return False
    known.epoch = frame.epoch
    if frame.to > known.offset:
        for row in frame.rows:
            _set(known, row)
        known.offset = frame.to
    return True


def _set(known: Mirrored, row: protocol.Row) -> None:
    kind, _, text = row.k.partition(":")
    things: dict[UUID, JobView] | dict[UUID, IntegrationView]
    things = known.jobs if kind == "job" else known.integrations
    key = UUID(text)
    held = things.get(key)
    if held is not None and held.version > row.v:
        return
    if row.deleted:
        things.pop(key, None)
    elif kind == "job":
        known.jobs[key] = msgspec.convert(row.d, JobView)
    elif kind == "integration":
        known.integrations[key] = msgspec.convert(row.d, IntegrationView)


def _move(known: Mirrored, frame: protocol.Progress) -> None:
    job = known.jobs.get(frame.job_id)
    if job is not None and frame.version >= job.version:
        known.jobs[frame.job_id] = msgspec.structs.replace(
            job, progress=frame.progress, progress_detail=frame.progress_detail
        )


def running_first(jobs: Iterable[JobView], *, ended: int) -> list[JobView]:
    """Jobs as people look at them: what runs, what waits, and the last that ended."""
    order = {"running": 0, "pending": 1}
    active = sorted((j for j in jobs if j.status in order), key=lambda j: (order[j.status], j.created_at, j.id))
    done = sorted((j for j in jobs if j.status not in order), key=lambda j: j.finished_at or "", reverse=True)
    return active + done[:ended]
