"""What goes over the wire, as types: requests are decoded by them, the OpenAPI document is generated from them, and
tests hold every answer to them.

Jobs and integrations are those of `drena.views`, and a long poll's frames those of `drena.feed.protocol`.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, UnsetType

from drena.feed.protocol import Delta, Progress, Snapshot
from drena.views import IntegrationView, JobView, Status

Slug = Annotated[str, Meta(min_length=1, max_length=100, pattern=r"^[A-Za-z0-9_.-]+$")]
Moment = Annotated[datetime, Meta(tz=True)]
Mark = Annotated[str, Meta(description="What the progress beside it says, in short: send it with the next request.")]
Cursor = Annotated[str, Meta(max_length=500, description="`next_cursor` of the page before.")]


class Request(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A body or query that somebody sends: what is not known is refused, lest a misspelt word be ignored."""


class Answer(msgspec.Struct, kw_only=True):
    """A body that we send."""


class JobRequest(Request):
    """A job to run."""

    tenant_id: UUID
    provider_slug: Slug
    lane: str = ""
    payload: dict[str, Any] | None = None


class ScheduleOf(Request):
    """When an integration runs by itself."""

    cron: Annotated[str, Meta(min_length=1, max_length=200, examples=["0 6 * * 1-5"])]
    timezone: Annotated[str, Meta(min_length=1, max_length=64)] = "America/Sao_Paulo"


class IntegrationChange(Request):
    """What to change of an integration; what is absent stays."""

    is_enabled: bool | UnsetType = UNSET
    paused: bool | UnsetType = UNSET
    schedule: ScheduleOf | UnsetType | None = UNSET


class JobsQuery(Request):
    """Which jobs to list."""

    tenant_id: UUID | None = None
    provider_slug: Slug | None = None
    status: Annotated[tuple[Status, ...], Meta(description="Any of these; all when absent.")] = ()
    limit: Annotated[int, Meta(ge=1, le=200)] = 50
    cursor: Cursor | None = None


class LogsQuery(Request):
    """Which part of a job's log."""

    limit: Annotated[int, Meta(ge=1, le=1000)] = 500
    cursor: Annotated[str, Meta(pattern=r"^[0-9]{1,18}$")] | None = None
    after: Annotated[int, Meta(ge=0, le=2**62, description="Only lines with a greater id: what is new.")] = 0


class IntegrationsQuery(Request):
    """Which integrations to list."""

    tenant_id: UUID | None = None
    limit: Annotated[int, Meta(ge=1, le=1000)] = 200
    cursor: Cursor | None = None


Search = Annotated[str, Meta(max_length=100, description="Words of a name or slug; accents and case do not matter.")]


class TenantsQuery(Request):
    """Which tenants to list."""

    search: Search = ""
    state: (
        Annotated[
            Literal["any", "active", "error", "success", "idle"],
            Meta(description="Only those with an integration in this state; `any`: with an integration."),
        ]
        | None
    ) = None
    limit: Annotated[int, Meta(ge=1, le=1000)] = 200
    cursor: Cursor | None = None


class CountsQuery(Request):
    """What to count."""

    search: Search = ""


class StatsQuery(Request):
    """Which days to count."""

    days: Annotated[int, Meta(ge=1, le=90)] = 30
    timezone: Annotated[str, Meta(min_length=1, max_length=64, description="Whose days they are.")] = (
        "America/Sao_Paulo"
    )


class FeedQuery(Request):
    """Where to go on in the feed."""

    tenant_id: UUID
    epoch: UUID | None = None
    offset: Annotated[int, Meta(ge=0, le=2**62)] | None = None
    wait_s: Annotated[float, Meta(ge=0, le=25, description="How long to wait for something new.")] = 25.0
    progress_mark: (
        Annotated[
            str,
            Meta(
                pattern=r"^[0-9a-f]{1,32}$",
                description="That of the frame before: progress ends the wait, too, a second after the request at the "
                "earliest.",
            ),
        ]
        | None
    ) = None


class PolledSnapshot(Snapshot, frozen=True, kw_only=True, tag_field="t", tag="snapshot"):
    """A snapshot as the long poll answers it."""

    progress: list[Progress]
    progress_mark: Mark


class PolledDelta(Delta, frozen=True, kw_only=True, tag_field="t", tag="delta", rename={"from_": "from"}):
    """A delta as the long poll answers it."""

    progress: list[Progress]
    progress_mark: Mark


class StartedJob(JobView, frozen=True, kw_only=True):
    """A job that was created."""

    healed_job_id: Annotated[UUID, Meta(description="The stuck job that it replaces.")] | UnsetType = UNSET


class JobPage(Answer):
    """A page of jobs, the newest first."""

    items: list[JobView]
    next_cursor: str | None


class IntegrationPage(Answer):
    """A page of integrations."""

    items: list[IntegrationView]
    next_cursor: str | None


class LogLine(Answer):
    """A line of a job's log."""

    id: int
    attempt: int
    at: Moment
    level: str
    message: str
    fields: dict[str, Any]


class LogPage(Answer):
    """A page of a job's log, in the order it was written."""

    items: list[LogLine]
    next_cursor: str | None


class BothLanguages(Answer):
    """A text in both languages."""

    pt: str
    en: str


class WaitReason(Answer):
    """Why a job is not running."""

    job_id: UUID
    code: str
    text: BothLanguages
    until: Moment | None
    details: dict[str, Any]


class Provider(Answer):
    """What integrations there can be."""

    slug: str
    name: str
    category: str
    version: str


class ProviderList(Answer):
    """The providers of this node."""

    items: list[Provider]
    next_cursor: None = None


class MyTenant(Answer):
    """A tenant, and what one is to it."""

    id: UUID
    slug: str
    name: str
    role: Literal["admin", "staff", "service"]


class Me(Answer):
    """Who one is."""

    subject: str
    kind: Literal["user", "service", "open"]
    expires_at: Moment | None
    all_tenants: Annotated[bool, Meta(description="Sees every tenant, also those to come.")]
    tenants: Annotated[list[MyTenant], Meta(description="The first 1,000 by name.")]
    next_cursor: Annotated[str | None, Meta(description="`GET /v1/tenants?cursor=…` tells the others, if there are.")]


class TenantPage(Answer):
    """A page of tenants, by name."""

    items: list[MyTenant]
    next_cursor: str | None


class Counts(Answer):
    """How many integrations are in which state."""

    tenants: Annotated[int, Meta(description="How many tenants have an integration.")]
    active: int
    error: int
    success: int
    idle: Annotated[int, Meta(description="Disabled, paused, never run, or canceled.")]


class Node(Answer):
    """A running daemon."""

    id: UUID
    name: str
    version: str
    live: bool
    started_at: Moment
    lease_left_s: float
    providers: list[str]
    running: Annotated[int | None, Meta(description="Null for those who see single tenants only.")]
    max_jobs: int | None


class NodeList(Answer):
    """The nodes."""

    items: list[Node]
    next_cursor: None = None


class StatsDay(Answer):
    """A day's ended jobs, by the day they were asked for."""

    day: Annotated[str, Meta(pattern=r"^\d{4}-\d{2}-\d{2}$")]
    success: int
    error: int


class Stats(Answer):
    """How an integration has done."""

    success_rate: Annotated[float | None, Meta(description="0 to 1; null when nothing ended.")]
    mean_time_ms: int | None
    days: list[StatsDay]


class Health(Answer):
    """Whether a node can be used."""

    status: Literal["ok", "unready"]
    checks: dict[str, bool]


class PageConfig(Answer):
    """What the status page has to know."""

    feed_url: str | None
    languages: list[str]
    auth: dict[str, Any]


class ProblemShape(Answer, rename={"type_": "type"}):
    """RFC 9457 problem details. Further members depend on the code."""

    type_: Annotated[str, Meta(description="A URI reference that explains the code.")]
    title: str
    status: int
    detail: str
    code: str
    request_id: Annotated[str, Meta(description="Also in `X-Request-Id`, and in our log.")] | UnsetType = UNSET


class Explanation(Answer):
    """What a problem code means."""

    code: str
    status: int
    title: BothLanguages
    detail: BothLanguages
