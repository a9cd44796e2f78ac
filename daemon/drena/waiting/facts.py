"""What is known about one job at one moment, as the statement `why_facts` tells it. All times are the database's."""

from __future__ import annotations

from datetime import datetime
from typing import Final
from uuid import UUID

import msgspec

EVERY_TENANT: Final = UUID(int=0)
"""The tenant of a pause that holds for all of them."""


class JobFacts(msgspec.Struct, frozen=True, kw_only=True):
    """The job's own row."""

    id: UUID
    tenant_id: UUID
    tenant: str
    """The slug; the id when there is no such tenant."""
    provider: str
    lane: str
    status: str
    attempts: int
    max_attempts: int
    rescues: int = 0
    run_at: datetime | None
    """None when it lies in infinity."""
    created_at: datetime
    started_at: datetime | None = None
    finished_at: datetime | None = None
    error_code: str | None = None
    error_message: str | None = None
    cancel_requested_at: datetime | None = None
    node_id: UUID | None = None


class Pause(msgspec.Struct, frozen=True, kw_only=True):
    """A row of drena.pauses that holds for the job."""

    tenant_id: UUID
    provider_slug: str
    reason: str = ""
    created_by: UUID | None = None
    created_at: datetime

    @property
    def scope(self) -> str:
        """How far it reaches: `everything`, `provider`, `tenant` or `integration`."""
        every_tenant, every_provider = self.tenant_id == EVERY_TENANT, self.provider_slug == "*"
        if every_tenant:
            return "everything" if every_provider else "provider"
        return "tenant" if every_provider else "integration"


class NodeFacts(msgspec.Struct, frozen=True, kw_only=True):
    """A node whose lease is good. A limit of None is one the node does not tell of."""

    id: UUID
    name: str
    providers: list[str]
    running: int = 0
    running_of_provider: int = 0
    max_jobs: int | None = None
    tenant_max_jobs: int | None = None
    provider_max_jobs: int | None = None
    """For the job's provider."""


class RunningJob(msgspec.Struct, frozen=True, kw_only=True):
    """A running job of the same tenant."""

    id: UUID
    provider: str
    lane: str


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """Everything the decision needs."""

    now: datetime
    job: JobFacts
    enabled: bool | None = True
    """None when the tenant has no such integration."""
    pauses: list[Pause] = []
    nodes: list[NodeFacts] = []
    tenant_running: list[RunningJob] = []
    ahead: int = 0
    """Due jobs of the same tenant that come first and could run; counted up to 1,000."""
    lane_active_id: UUID | None = None
    """Another job that is active in the same lane; only for a job that has ended."""
    pending_after_s: float = 900.0
    """`heal.pending_after_s`"""
