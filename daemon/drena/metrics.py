"""What Prometheus is told of this node: every metric there is, in one value that is handed down.

Counting is on the hot path, so it costs next to nothing: a tally is a dictionary, a spread is a list of numbers, and
whoever counts is on the loop's thread, so that nothing is locked. Families of the client library are built when
somebody asks. What exists anyway (a pool's statistics, the age of a lease) is not counted but read at that moment; what
only the database knows is asked for then, by `refresh`, and kept for a while.

Values of labels are bounded: a family has at most `MOST_SERIES`, what comes beyond them is counted as `other`, and so
is a code that does not look like one. No label ever names a tenant, a job or a person (I14).

The names are listed in `contrib/monitoring/metrics.md`; a test holds that page to this file.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from typing import TYPE_CHECKING, Final

from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily

from drena import __version__

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping

    from prometheus_client.core import Metric

MOST_SERIES: Final = 200
OTHER: Final = "other"
CODE: Final = re.compile(r"[a-z][a-z0-9_]{0,62}")
QUICK: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
"""Bounds in seconds for what should take milliseconds."""
LONG: Final = (0.01, 0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0, 4 * 3600.0)
"""Bounds in seconds for attempts."""
Labels = tuple[str, ...]


class Tally:
    """A counter.

    Args:
        name: as exposed, with `_total`.
        text: what it counts.
        labels: the names of its labels.
    """

    def __init__(self, name: str, text: str, *labels: str) -> None:
        self.name, self.text, self.labels = name, text, labels
        self.counts: dict[Labels, float] = {} if labels else {(): 0.0}

    def add(self, *values: str, by: float = 1) -> None:
        """Count, under the labels' values."""
        counts = self.counts
        if values not in counts and len(counts) >= MOST_SERIES:
            values = (OTHER,) * len(values)
        counts[values] = counts.get(values, 0) + by

    def begin(self, *values: str) -> None:
        """Tell 0 under these values until something is counted: where a series begins with its first count, Prometheus
        sees no increase, and a fault that comes all at once goes by unseen."""
        self.add(*values, by=0)

    def collect(self) -> Metric:
        family = CounterMetricFamily(self.name, self.text, labels=self.labels)
        for values, count in list(self.counts.items()):
            family.add_metric(values, count)
        return family


class Spread:
    """A histogram.

    Args:
        name: as exposed, without `_bucket`.
        text: what it measures.
        bounds: of its buckets, growing.
        labels: the names of its labels.
    """

    def __init__(self, name: str, text: str, bounds: tuple[float, ...], *labels: str) -> None:
        self.name, self.text, self.bounds, self.labels = name, text, bounds, labels
        self._cells: dict[Labels, list[float]] = {}
        if not labels:
            self._cells[()] = [0.0] * (len(bounds) + 2)

    def observe(self, amount: float, *values: str) -> None:
        """Take one measurement, under the labels' values."""
        cells = self._cells.get(values)
        if cells is None:
            if len(self._cells) >= MOST_SERIES:
                values = (OTHER,) * len(values)
            cells = self._cells.setdefault(values, [0.0] * (len(self.bounds) + 2))
        cells[bisect_left(self.bounds, amount)] += 1
        cells[-1] += amount

    def collect(self) -> Metric:
        family = HistogramMetricFamily(self.name, self.text, labels=self.labels)
        for values, cells in list(self._cells.items()):
            upto, buckets = 0.0, []
            for bound, cell in zip((*self.bounds, float("inf")), cells, strict=False):
                upto += cell
                buckets.append(("+Inf" if bound == float("inf") else str(bound), upto))
            family.add_metric(values, buckets, sum_value=cells[-1])
        return family


class Reading:
    """A gauge, or a counter that somebody else keeps, read when asked for.

    Args:
        name: as exposed.
        text: what it says.
        labels: the names of its labels.
    """

    def __init__(self, name: str, text: str, *labels: str) -> None:
        self.name, self.text, self.labels = name, text, labels
        self.read: Callable[[], Mapping[Labels, float]] = dict
        """The values by labels; nothing until whoever has them connects it."""

    def collect(self) -> Metric:
        kind = CounterMetricFamily if self.name.endswith("_total") else GaugeMetricFamily
        family: CounterMetricFamily | GaugeMetricFamily = kind(self.name, self.text, labels=self.labels)
        for values, value in self.read().items():
            family.add_metric(values, value)
        return family


class Metrics:
    """All metrics of one node, with a registry of its own."""

    def __init__(self) -> None:
        self._families: list[Tally | Spread | Reading] = []
        self._declare_queue()
        self._declare_node()
        self._declare_clients()
        self.refresh: Callable[[], Awaitable[None]] = _nothing
        """Brings what only the database knows up to date; never raises because it is away."""
        self.registry = CollectorRegistry(auto_describe=False)
        self.registry.register(self)
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        GCCollector(registry=self.registry)

    def _declare_queue(self) -> None:
        self.jobs = self._reading(
            "drena_jobs",
            "Active jobs of all tenants; beyond 100,000 pending ones they are not counted any further.",
            "status",
            "provider",
        )
        self.queue_age = self._reading(
            "drena_queue_oldest_due_age_seconds",
            "How long the oldest job that is due and not paused has waited.",
            "provider",
        )
        self.integrations = self._reading(
            "drena_integrations", "Integrations by how their last job ended.", "provider", "status"
        )
        self.schedules_late = self._reading("drena_schedules_late", "Schedules whose moment passed over a minute ago.")
        self.attempts = self._tally("drena_attempts_total", "Attempts that ended here.", "provider", "outcome")
        self.retries = self._tally(
            "drena_retries_total", "Attempts that ended and will be tried again, by reason.", "provider", "code"
        )
        self.failures = self._tally(
            "drena_job_failures_total", "Jobs that ended as error here, by reason.", "provider", "code"
        )
        self.attempt_time = self._spread(
            "drena_attempt_duration_seconds", "How long attempts took, from claim to written verdict.", LONG, "provider"
        )
        self.running = self._reading("drena_attempts_running", "Attempts in hand.")
        self.room = self._reading("drena_attempts_limit", "Attempts this node runs at once at most.")
        self.claimed = self._tally("drena_jobs_claimed_total", "Jobs this node claimed.")
        self.claim_time = self._spread("drena_claim_duration_seconds", "How long one claim of jobs took.", QUICK)
        self.finish_time = self._spread(
            "drena_finish_duration_seconds", "How long writing one batch of verdicts took.", QUICK
        )
        self.refused = self._reading(
            "drena_refused_writes_total", "Writes refused because another node has the job now.", "kind"
        )
        self.rescued = self._tally("drena_jobs_rescued_total", "Jobs taken back from nodes that died.", "code")
        for code in ("lease_lost", "poison", "canceled"):
            self.rescued.begin(code)
        self.healed = self._tally("drena_jobs_healed_total", "Things that stood still for ever and were ended.", "code")
        self.scheduled = self._tally(
            "drena_schedule_runs_total", "Occurrences of schedules, by what came of them.", "outcome"
        )
        self.pace = self._reading(
            "drena_pace_requests_per_minute", "The slowest pace of a provider's credentials.", "provider"
        )
        self.slowed = self._reading(
            "drena_pace_slowed_credentials", "Credentials that go slower than their limit.", "provider"
        )

    def _declare_node(self) -> None:
        self._reading("drena_build_info", "The version that runs; always 1.", "version").read = lambda: {
            (__version__,): 1.0
        }
        self.ready = self._reading("drena_ready", "What `/readyz` looks at besides the database; 1 when well.", "check")
        self.lease_held = self._reading("drena_lease_held", "1 while this node may run jobs.")
        self.lease_age = self._reading("drena_lease_age_seconds", "Since when the lease was last renewed.")
        self.lease_length = self._reading("drena_lease_limit_seconds", "The age at which a lease is lost.")
        self.nodes = self._reading("drena_nodes", "Nodes that have joined, and those whose lease is over.", "state")
        self.loop_lag = self._spread(
            "drena_event_loop_lag_seconds", "How much later than asked for a waiting task goes on.", QUICK
        )
        self.loop_blocks = self._tally(
            "drena_event_loop_blocks_total", "Times that somebody held up everything for most of a second.", "provider"
        )
        self.database_up = self._reading("drena_database_up", "1 when the database answered the last question.")
        self.pool = self._reading("drena_database_connections", "Connections of the pool.", "state")
        self.pool_size = self._reading("drena_database_connections_limit", "Connections the pool opens at most.")
        self.pool_waiting = self._reading("drena_database_waiting_tasks", "Tasks that wait for a connection.")
        self.pool_opened = self._reading("drena_database_connections_opened_total", "Connections opened.")
        self.pool_discarded = self._reading("drena_database_connections_discarded_total", "Connections given up.")
        self.observed = self._tally(
            "drena_observer_calls_total", "What observers were told, and what became of it.", "observer", "outcome"
        )

    def _declare_clients(self) -> None:
        self.feed_connections = self._reading("drena_feed_connections", "Clients of the feed.", "state")
        self.feed_tenants = self._reading("drena_feed_tenants", "Tenants that somebody watches here.")
        self.feed_readings = self._reading("drena_feed_readings_total", "Readings of the feed's log.")
        self.feed_deliveries = self._reading("drena_feed_deliveries_total", "Changes handed to clients.")
        self.feed_resumes = self._reading(
            "drena_feed_resumes_total", "Feeds of a tenant that began, by how.", "outcome"
        )
        self.feed_slow = self._reading(
            "drena_feed_slow_closed_total", "Clients cut off because they took nothing, or too little."
        )
        self.feed_refused = self._reading("drena_feed_refused_total", "Connections that were not let in.")
        self.feed_silence = self._reading(
            "drena_feed_silence_seconds", "For how long the feed's log could not be read."
        )
        self.http_requests = self._tally("drena_http_requests_total", "Requests answered.", "route", "method", "status")
        self.http_time = self._spread(
            "drena_http_request_duration_seconds", "How long answers took; long polls are left out.", QUICK, "route"
        )

    def _tally(self, name: str, text: str, *labels: str) -> Tally:
        self._families.append(made := Tally(name, text, *labels))
        return made

    def _spread(self, name: str, text: str, bounds: tuple[float, ...], *labels: str) -> Spread:
        self._families.append(made := Spread(name, text, bounds, *labels))
        return made

    def _reading(self, name: str, text: str, *labels: str) -> Reading:
        self._families.append(made := Reading(name, text, *labels))
        return made

    @property
    def families(self) -> list[Tally | Spread | Reading]:
        """What is declared here; the process's own metrics come from the client library."""
        return list(self._families)

    def attempt_ended(self, provider: str, outcome: str, code: str | None, took_s: float) -> None:
        """An attempt's verdict is written.

        Args:
            provider: its slug.
            outcome: `success`, `error`, `canceled`, `retry`, `released` (the attempt does not count), `fenced`.
            code: the reason of an error or retry.
            took_s: since it was claimed.
        """
        self.attempts.add(provider, outcome)
        self.attempt_time.observe(took_s, provider)
        if outcome == "retry":
            self.retries.add(provider, code_label(code))
        elif outcome == "error":
            self.failures.add(provider, code_label(code))

    def http_request(self, route: str, method: str, status: int, took_s: float) -> None:
        """A request is answered; `route` is a template such as `/v1/jobs/{job_id}`, empty where there is none."""
        route = route or "none"
        self.http_requests.add(route, method if method in METHODS else OTHER, str(status))
        if route not in LONG_POLLS:
            self.http_time.observe(took_s, route)

    def collect(self) -> Iterable[Metric]:
        """For the registry."""
        return [family.collect() for family in self._families]

    async def render(self) -> bytes:
        """Everything in Prometheus's text format. Waits for the database's answer when what is known is old."""
        await self.refresh()
        return generate_latest(self.registry)


METHODS: Final = frozenset({"GET", "HEAD", "POST", "PATCH", "PUT", "DELETE", "OPTIONS"})
LONG_POLLS: Final = frozenset({"/v1/feed"})


def code_label(code: str | None) -> str:
    """A code as a label's value; what a plugin made up freely is `other`."""
    return code if code is not None and CODE.fullmatch(code) else OTHER


async def _nothing() -> None:  # noqa: ASYNC124
    """There is no database to ask."""
