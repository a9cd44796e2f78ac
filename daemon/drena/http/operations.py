"""Every operation of the API, in the order of the document."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from drena.http import health, integrations, jobs, shapes, tenants
from drena.http.answers import JSON
from drena.http.explaining import explain_problem
from drena.http.health import METRICS_TYPE
from drena.http.polling import poll_feed
from drena.http.routing import Operation
from drena.views import IntegrationView, JobView

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.responses import Response

    from drena.config import Http
    from drena.http.calls import Call
    from drena.http.pages import Pages

BODY: Final = ("body_invalid", "body_too_large", "media_type_unsupported", "request_timeout")
START: Final = (
    "job_active",
    "integration_not_found",
    "integration_disabled",
    "provider_unavailable",
    "forbidden",
)
KEY: Final = {
    "Idempotency-Key": "Made by the client, new for each job it wants: the request can then be repeated for a day and "
    "answers the same job (`Idempotency-Replayed: true`). A refused request does not use it up.",
}


def api_operations() -> list[Operation]:
    """Jobs, integrations, the feed by long poll, and oneself."""
    return [*_jobs(), *_integrations(), *_others()]


def _jobs() -> list[Operation]:
    return [
        Operation(
            method="POST", path="/v1/jobs", name="createJob", tag="jobs", handler=jobs.create_job,
            summary="Ask for a job. One that is active in the lane already is answered with 409 and the job.",
            body=shapes.JobRequest, headers=KEY, answers={201: shapes.StartedJob},
            problems=(*BODY, *START, "payload_invalid", "lane_invalid", "parameter_invalid", "idempotency_conflict"),
        ),
        Operation(
            method="GET", path="/v1/jobs", name="listJobs", tag="jobs", handler=jobs.list_jobs,
            summary="Jobs, the newest first.",
            query=shapes.JobsQuery, answers={200: shapes.JobPage}, problems=("parameter_invalid", "cursor_invalid"),
        ),
        Operation(
            method="GET", path="/v1/jobs/{job_id}", name="getJob", tag="jobs", handler=jobs.get_job,
            summary="One job.", answers={200: JobView}, problems=("job_not_found",),
        ),
        Operation(
            method="GET", path="/v1/jobs/{job_id}/logs", name="listJobLogs", tag="jobs", handler=jobs.job_logs,
            summary="A job's log, in the order it was written.",
            query=shapes.LogsQuery, answers={200: shapes.LogPage}, problems=("job_not_found", "parameter_invalid"),
        ),
        Operation(
            method="GET", path="/v1/jobs/{job_id}/why", name="whyJob", tag="jobs", handler=jobs.why_job,
            summary="The one reason that a job is not running.",
            answers={200: shapes.WaitReason}, problems=("job_not_found",),
        ),
        Operation(
            method="POST", path="/v1/jobs/{job_id}/cancel", name="cancelJob", tag="jobs", handler=jobs.cancel_job,
            summary="Ask for the end of a job. A running one ends within two seconds, on whichever node runs it.",
            answers={202: JobView}, problems=("job_not_found", "job_ended", "forbidden"),
        ),
        Operation(
            method="POST", path="/v1/jobs/{job_id}/retry", name="retryJob", tag="jobs", handler=jobs.retry_job,
            summary="Ask for an ended job again; one that backs off is pulled forward.",
            answers={202: shapes.StartedJob}, problems=("job_not_found", "job_not_ended", *START),
        ),
    ]  # fmt: skip


def _integrations() -> list[Operation]:
    one = "/v1/integrations/{integration_id}"
    return [
        Operation(
            method="GET", path="/v1/integrations", name="listIntegrations", tag="integrations",
            handler=integrations.list_integrations, summary="Integrations with their last status and next run.",
            query=shapes.IntegrationsQuery, answers={200: shapes.IntegrationPage},
            problems=("parameter_invalid", "cursor_invalid"),
        ),
        Operation(
            method="GET", path=one, name="getIntegration", tag="integrations",
            handler=integrations.get_integration, summary="One integration.",
            answers={200: IntegrationView}, problems=("integration_not_found",),
        ),
        Operation(
            method="PATCH", path=one, name="changeIntegration", tag="integrations",
            handler=integrations.change_integration,
            summary="Enable, disable, pause, resume, schedule: all of it or nothing. What is absent stays.",
            body=shapes.IntegrationChange, answers={200: IntegrationView},
            problems=(*BODY, "integration_not_found", "schedule_invalid", "forbidden"),
        ),
        Operation(
            method="GET", path=f"{one}/stats", name="integrationStats", tag="integrations",
            handler=integrations.integration_stats, summary="How it has done: success rate, mean time, days.",
            query=shapes.StatsQuery, answers={200: shapes.Stats},
            problems=("integration_not_found", "parameter_invalid"),
        ),
    ]  # fmt: skip


def _others() -> list[Operation]:
    return [
        Operation(
            method="GET", path="/v1/feed", name="pollFeed", tag="feed", handler=poll_feed, own_time_s=30.0,
            summary="The feed by long poll: a snapshot without a position, else what changed behind it; and the "
            "progress of what runs.",
            query=shapes.FeedQuery, answers={200: shapes.PolledSnapshot | shapes.PolledDelta},
            problems=("parameter_invalid", "forbidden"),
        ),
        Operation(
            method="GET", path="/v1/me", name="whoAmI", tag="about", handler=tenants.who_am_i,
            summary="Who asks, and which tenants he sees.", answers={200: shapes.Me},
        ),
        Operation(
            method="GET", path="/v1/tenants", name="listTenants", tag="about", handler=tenants.list_tenants,
            summary="The tenants one sees, by name: all of them, or those looked for.",
            query=shapes.TenantsQuery, answers={200: shapes.TenantPage},
            problems=("parameter_invalid", "cursor_invalid"),
        ),
        Operation(
            method="GET", path="/v1/counts", name="countIntegrations", tag="integrations",
            handler=tenants.count_integrations, summary="How many integrations are in which state, over all tenants.",
            query=shapes.CountsQuery, answers={200: shapes.Counts}, problems=("parameter_invalid",),
        ),
        Operation(
            method="GET", path="/v1/providers", name="listProviders", tag="about",
            handler=integrations.list_providers, summary="What this node can run.",
            answers={200: shapes.ProviderList},
        ),
        Operation(
            method="GET", path="/v1/nodes", name="listNodes", tag="about", handler=integrations.list_all_nodes,
            summary="The running daemons.", answers={200: shapes.NodeList},
        ),
    ]  # fmt: skip


def other_operations(settings: Http, pages: Pages, document: Callable[[Call], Awaitable[Response]]) -> list[Operation]:
    """What is no part of the API proper: the document itself, health, the page."""
    health_types = {200: shapes.Health, 503: shapes.Health}
    return [
        Operation(
            method="GET", path="/v1/openapi.json", name="openapi", tag="about", handler=document, public=True,
            summary="This document.", answers={200: JSON},
        ),
        Operation(
            method="GET", path="/problems/{code}", name="explainProblem", tag="about", handler=explain_problem,
            public=True, summary="What a problem's code means, as text or, where JSON is accepted, as JSON.",
            answers={200: shapes.Explanation}, problems=("not_found",),
        ),
        Operation(
            method="GET", path="/livez", name="livez", tag="health", handler=health.livez, public=True, free=True,
            summary="This process answers.", answers={200: shapes.Health},
        ),
        Operation(
            method="GET", path="/readyz", name="readyz", tag="health", handler=health.readyz, public=True, free=True,
            summary="The database answers, the lease is fresh, the feed serves.", answers=health_types,
        ),
        Operation(
            method="GET", path="/metrics", name="metrics", tag="health", handler=health.metrics,
            public=settings.metrics != "token", free=settings.metrics != "token",
            summary="For Prometheus. See the setting `http.metrics`.", answers={200: METRICS_TYPE},
            problems=("forbidden", "not_found"),
        ),
        Operation(
            method="GET", path="/page/config.json", name="pageConfig", tag="page", handler=pages.config, public=True,
            free=True, summary="What the status page has to know.", answers={200: shapes.PageConfig},
        ),
        Operation(
            method="GET", path="/page/{path:path}", name="pageFile", tag="page", handler=pages.file, public=True,
            free=True, summary="A file of the status page.", answers={200: "*/*", 304: None}, problems=("not_found",),
        ),
        Operation(
            method="GET", path="/", name="page", tag="page", handler=pages.front, public=True, free=True,
            summary="The status page.", answers={200: "text/html", 304: None},
        ),
    ]  # fmt: skip
