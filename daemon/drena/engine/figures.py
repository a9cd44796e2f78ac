"""What the database knows, for the metrics: asked when somebody scrapes, kept for `FRESH_S`, given up after `ANSWER_S`.

However many scrape, one asks. While the database is away there are no old numbers that look like new ones: the gauges
are empty, and `drena_database_up` is 0.
"""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING, Final

import trio

from asyncpg_trio import exceptions as pg
from drena.engine.outages import PASSING
from drena.metrics import OTHER
from drena.store.figures import read_figures

if TYPE_CHECKING:
    from collections.abc import Collection

    from asyncpg_trio import Pool
    from drena.metrics import Metrics
    from drena.store.figures import Figures

FRESH_S: Final = 10.0
ANSWER_S: Final = 3.0
STATUSES: Final = frozenset({"pending", "running", "success", "error", "canceled", "none", "disabled"})


class QueueFigures:
    """See the module.

    Args:
        pool: where.
        providers: the slugs that may be labels; what the table holds besides is `other`.
        metrics: whose gauges are fed.
    """

    def __init__(self, pool: Pool, providers: Collection[str], metrics: Metrics) -> None:
        self._pool = pool
        self._providers = providers
        self._read_at_s = -math.inf
        self._figures: Figures | None = None
        self._asking = trio.Lock()
        metrics.refresh = self.refresh
        metrics.database_up.read = lambda: {(): float(self._figures is not None)}
        metrics.jobs.read = self._jobs
        metrics.queue_age.read = self._queue_age
        metrics.integrations.read = self._integrations
        metrics.nodes.read = self._nodes
        metrics.schedules_late.read = self._schedules_late

    async def refresh(self) -> None:
        """Ask the database unless it was asked a moment ago. Never raises because it is away."""
        async with self._asking:
            if trio.current_time() < self._read_at_s + FRESH_S and self._figures is not None:
                return
            self._figures = None
            with trio.move_on_after(ANSWER_S):
                try:
                    self._figures = await read_figures(self._pool)
                except (*PASSING, pg.PostgresError):
                    pass
            self._read_at_s = trio.current_time()

    def _provider(self, slug: str) -> str:
        return slug if slug in self._providers else OTHER

    def _jobs(self) -> dict[tuple[str, ...], float]:
        if self._figures is None:
            return {}
        found: Counter[tuple[str, ...]] = Counter()
        found.update({(status, slug): 0 for status in ("pending", "running") for slug in self._providers})
        for status, slug, jobs in self._figures.jobs:
            found[status, self._provider(slug)] += jobs
        return dict(found)

    def _queue_age(self) -> dict[tuple[str, ...], float]:
        if self._figures is None:
            return {}
        found: dict[tuple[str, ...], float] = {(slug,): 0.0 for slug in self._providers}
        for slug, age_s in self._figures.oldest_due_s:
            key = (self._provider(slug),)
            found[key] = max(found.get(key, 0.0), age_s)
        return found

    def _integrations(self) -> dict[tuple[str, ...], float]:
        found: Counter[tuple[str, ...]] = Counter()
        for slug, status, number in self._figures.integrations if self._figures else ():
            found[self._provider(slug), status if status in STATUSES else OTHER] += number
        return dict(found)

    def _nodes(self) -> dict[tuple[str, ...], float]:
        if self._figures is None:
            return {}
        live, lost = self._figures.nodes
        return {("live",): live, ("lost",): lost}

    def _schedules_late(self) -> dict[tuple[str, ...], float]:
        return {} if self._figures is None else {(): self._figures.schedules_late}
