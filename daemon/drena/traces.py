"""OpenTelemetry traces, where somebody wants them: one span an attempt, one below it for each request of its provider.

Off, which is the default, nothing here is imported and an attempt pays for one comparison with None. On, spans are
handed to a thread of the library's that sends them in batches; a collector that is away or slow delays nobody, and what
it does not take is lost. No asyncio runs anywhere.

Spans hold ids, slugs, codes, hosts and statuses: no path, no query, no body, no message, since any of them may hold a
secret (I14).
"""

from __future__ import annotations

from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any, Final

import trio

from drena import __version__
from drena.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    import httpx2

    from drena.api import Job, Tenant

GOODBYE_S: Final = 3.0
"""How long the end of the daemon waits for the last spans to be sent."""


class Traces:
    """Makes spans.

    Args:
        tracer: OpenTelemetry's.
    """

    def __init__(self, tracer: Any) -> None:
        from opentelemetry import trace  # noqa: PLC0415  # an extra

        self._tracer = tracer
        self._kinds = trace.SpanKind
        self._codes = trace.StatusCode

    @contextmanager
    def attempt(self, job: Job, tenant: Tenant | None) -> Iterator[Callable[[str, str | None], None]]:
        """The span of an attempt, current for the block and for every task it starts.

        Yields:
            Tells how it ended: outcome and code, as the metrics name them.
        """
        attributes = {
            "drena.job_id": str(job.id),
            "drena.tenant": tenant.slug if tenant else str(job.tenant_id),
            "drena.provider": job.provider_slug,
            "drena.lane": job.lane,
            "drena.attempt": job.attempt,
        }
        with self._tracer.start_as_current_span(
            f"attempt {job.provider_slug}",
            kind=self._kinds.CONSUMER,
            attributes=attributes,
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            span.set_attribute("drena.outcome", "interrupted")  # until somebody says otherwise

            def ended(outcome: str, code: str | None) -> None:
                span.set_attribute("drena.outcome", outcome)
                if code is not None:
                    span.set_attribute("drena.code", code)
                if outcome in ("error", "retry"):
                    span.set_status(self._codes.ERROR, code or outcome)

            yield ended

    @contextmanager
    def request(self, request: httpx2.Request) -> Iterator[Callable[[int], None]]:
        """The span of a provider's request, its tries and its wait for the pace included.

        Yields:
            Tells the status of the answer.
        """
        attributes = {"http.request.method": request.method, "server.address": request.url.host}
        with self._tracer.start_as_current_span(
            request.method,
            kind=self._kinds.CLIENT,
            attributes=attributes,
            record_exception=False,
            set_status_on_exception=False,
        ) as span:

            def answered(status: int) -> None:
                span.set_attribute("http.response.status_code", status)
                if status >= 400:
                    span.set_status(self._codes.ERROR)

            try:
                yield answered
            except BaseException as error:
                span.set_attribute("error.type", type(error).__name__)
                span.set_status(self._codes.ERROR)
                raise


@asynccontextmanager
async def open_traces(endpoint: str | None, ratio: float) -> AsyncIterator[Traces | None]:
    """Send traces for the length of the block; None when nobody wants them.

    Args:
        endpoint: where, over HTTP; None for nowhere.
        ratio: of how many attempts.

    Raises:
        ConfigError: `drena[otel]` is not installed.
    """
    if endpoint is None:
        yield None
        return
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415  # an extra
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415
    except ImportError as error:
        raise ConfigError("`traces.endpoint` needs OpenTelemetry: install drena[otel].") from error
    provider = make_provider(BatchSpanProcessor(OTLPSpanExporter(endpoint=endpoint, timeout=5)), ratio)
    try:
        yield Traces(provider.get_tracer("drena", __version__))
    finally:
        with trio.move_on_after(GOODBYE_S, shield=True):
            await trio.to_thread.run_sync(provider.shutdown, abandon_on_cancel=True)


def make_provider(processor: Any, ratio: float) -> Any:
    """OpenTelemetry's tracer provider, with nothing global about it."""
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415  # an extra
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
    from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased  # noqa: PLC0415

    provider = TracerProvider(
        resource=Resource.create({"service.name": "drena", "service.version": __version__}),
        sampler=ParentBased(TraceIdRatioBased(ratio)),
        shutdown_on_exit=False,
    )
    provider.add_span_processor(processor)
    return provider
