"""The one shape of a job and of an integration: in the feed, in HTTP's answers, in the client, on the page.

PostgreSQL builds them (`drena.job_view`, `drena.integration_view`, migration 0010); these types say what it builds, for
whoever reads, for JSON Schema and for documentation. Times are RFC 3339 texts in UTC. Never a payload, a checkpoint, a
config: what a provider needs is nobody else's business.
"""

from __future__ import annotations

from typing import Any, Literal
from uuid import UUID

import msgspec

Status = Literal["pending", "running", "success", "error", "canceled"]
ACTIVE: tuple[Status, ...] = ("pending", "running")


class ProgressDetail(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How far a running job is, in the provider's units."""

    done: int = 0
    total: int | None = None
    unit: str = ""
    phase: str = ""
    message: str = ""
    eta_s: float | None = None
    rate_per_s: float | None = None
    words: dict[str, dict[str, str]] = {}
    """Unit and phase as people read them, by language: `{"companies": {"pt": "empresas", "en": "companies"}}`."""


class JobView(msgspec.Struct, frozen=True, kw_only=True):
    """A job."""

    id: UUID
    tenant_id: UUID
    provider_slug: str
    lane: str
    status: Status
    priority: int
    run_at: str | None
    """When it is due; null: never."""
    created_at: str
    started_at: str | None
    finished_at: str | None
    execution_time_ms: int | None
    attempts: int
    max_attempts: int
    rescues: int
    progress: int
    """Per cent."""
    progress_detail: ProgressDetail | None
    error_code: str | None
    error_message: str | None
    result: Any
    """Null as well when it is larger than 4 KiB as JSON."""
    result_omitted: bool
    created_by: UUID | None
    cancel_requested_at: str | None
    version: int
    """Grows with every change of the row."""


class Schedule(msgspec.Struct, frozen=True, kw_only=True):
    """When an integration runs by itself."""

    cron: str
    timezone: str


class IntegrationView(msgspec.Struct, frozen=True, kw_only=True):
    """An integration: a tenant and a provider."""

    id: UUID
    tenant_id: UUID
    provider_slug: str
    is_enabled: bool
    paused: bool
    last_status: str | None
    last_error: str | None
    last_run: str | None
    schedule: Schedule | None
    next_at: str | None
    version: int
    """Grows with what a client sees of it; a pause may show under the same version."""
