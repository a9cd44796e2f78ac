"""Merging what a slow reader has not been sent yet. Pure.

A delta covers a range of offsets and carries each changed thing once, with its newest value. Two deltas that follow
each other merge into one that covers both ranges: memory is bounded by the number of things, and nothing is lost but
values that were overtaken. Rows are JSON, encoded once for all readers; nobody here looks inside.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from uuid import UUID

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(slots=True)
class Pending:
    """What one reader has still to be told of one tenant."""

    epoch: UUID
    first: int
    last: int
    rows: dict[str, bytes] = field(default_factory=dict)
    was: UUID | None = None
    """The epoch that the reader is in, when the feed has gone on in another."""

    def merge(self, epoch: UUID, first: int, last: int, rows: Mapping[str, bytes]) -> None:
        """Add the delta that follows: the newest value of each thing stays."""
        assert first <= self.last + 1, "a delta is missing between these two"
        if epoch != self.epoch:
            self.epoch, self.was = epoch, self.was or self.epoch
        self.last = max(self.last, last)
        self.rows.update(rows)

    def encode(self, tenant: UUID) -> bytes:
        """The delta as a frame."""
        return delta_frame(tenant, self.epoch, self.first, self.last, self.rows, was=self.was)


def row(key: str, version: int, value: str | None) -> bytes:
    """One row of a delta, from the value's JSON; without a value the thing is gone."""
    if value is None:
        return b'{"k":"%b","v":%d,"del":true}' % (key.encode(), version)
    return b'{"k":"%b","v":%d,"d":%b}' % (key.encode(), version, value.encode())


def delta_frame(
    tenant: UUID, epoch: UUID, first: int, last: int, rows: Mapping[str, bytes], *, was: UUID | None = None
) -> bytes:
    """A delta as JSON; `was` when it leads from another epoch into this one."""
    before = "" if was is None else f'"was":"{was}",'
    head = f'{{"t":"delta","tenant":"{tenant}","epoch":"{epoch}",{before}"from":{first},"to":{last},"rows":['
    return head.encode() + b",".join(rows.values()) + b"]}"


def progress_frame(tenant: UUID, job: UUID, version: int, progress: int, detail: str | None) -> bytes:
    """Progress of a job as JSON."""
    return (
        f'{{"t":"progress","tenant":"{tenant}","job_id":"{job}","version":{version},"progress":{progress},'
        f'"progress_detail":{detail or "null"}}}'
    ).encode()


def snapshot_frames(
    tenant: UUID, epoch: UUID, offset: int, jobs: list[str], integrations: list[str], *, part_size: int
) -> list[bytes]:
    """A snapshot as one frame or more, each with so many jobs at most; the integrations are in the first."""
    pieces = [jobs[i : i + part_size] for i in range(0, len(jobs), part_size)] or [[]]
    return [
        (
            f'{{"t":"snapshot","tenant":"{tenant}","epoch":"{epoch}","offset":{offset},"part":{part},'
            f'"parts":{len(pieces)},"jobs":[{",".join(piece)}],'
            f'"integrations":[{",".join(integrations) if part == 1 else ""}]}}'
        ).encode()
        for part, piece in enumerate(pieces, 1)
    ]
