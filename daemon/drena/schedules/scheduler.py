"""Asks for the jobs of schedules when their moment has come. Every node runs one; the database decides who has which.

It sleeps until the next moment the database knows of, is woken when somebody sets a schedule, and looks now and then
all the same, because a notification may be lost. A schedule that fails harms no other: it is told, left as it is, and
tried again at the next look.
"""

from __future__ import annotations

import random
from functools import partial
from typing import TYPE_CHECKING, Final

import trio

from asyncpg_trio import exceptions as pg
from drena.engine.outages import outlast
from drena.store.schedules import due_schedules, next_schedule_s, run_schedule

if TYPE_CHECKING:
    from asyncpg_trio import Pool
    from drena.log import LogLines
    from drena.metrics import Metrics
    from drena.store.schedules import Ran, ScheduleKey

CHANNEL: Final = "drena_schedules"
"""Notified when somebody sets a schedule."""
LOOK_S: Final = 30.0
BREATH_S: Final = 0.05
"""Nodes wake at the same moment: so far apart that they seldom meet at the same row, and none is seen to be late."""
BATCH: Final = 200
AGAIN_S: Final = 5.0
"""After a schedule that the database refused."""


class Scheduler:
    """See the module.

    Args:
        pool: where.
        metrics: counts occurrences.
        log: told of each.
    """

    def __init__(self, pool: Pool, metrics: Metrics, log: LogLines) -> None:
        self._pool = pool
        self._metrics = metrics
        self._log = log
        self._woken = trio.Event()

    def wake(self) -> None:
        """Somebody set a schedule. Never waits."""
        self._woken.set()

    async def run(self) -> None:
        """Run what is due, until cancelled."""
        while True:
            self._woken = trio.Event()
            refused = await self._run_due()
            in_s = await outlast("look at schedules", partial(next_schedule_s, self._pool), self._log)
            wait_s = LOOK_S if in_s is None else min(max(in_s, 0.0), LOOK_S)
            if refused:
                wait_s = max(wait_s, AGAIN_S)
            with trio.move_on_after(wait_s + random.uniform(0, BREATH_S)):  # noqa: S311  # nodes apart, no secret
                await self._woken.wait()

    async def _run_due(self) -> bool:
        """Run all that is due; whether the database refused one."""
        refused: set[ScheduleKey] = set()
        while True:
            due = await outlast("find due schedules", lambda: due_schedules(self._pool, BATCH), self._log)
            fresh = [key for key in due if key not in refused]
            taken = False
            for key in fresh:
                try:
                    ran = await outlast(
                        "run a schedule", partial(run_schedule, self._pool, key), self._log, only_passing=True
                    )
                except pg.PostgresError as error:
                    refused.add(key)
                    self._log.error(
                        "the database refuses a scheduled job, will try again",
                        tenant_id=str(key.tenant_id),
                        provider=key.provider,
                        error=str(error),
                    )
                    continue
                if ran is not None:
                    taken = True
                    self._tell(ran)
            if len(due) < BATCH or not taken:  # what others have in hand is none of ours
                return bool(refused)

    def _tell(self, ran: Ran) -> None:
        self._metrics.scheduled.add(ran.outcome)
        fields = {"tenant_id": str(ran.key.tenant_id), "provider": ran.key.provider}
        if ran.key.lane:
            fields["lane"] = ran.key.lane
        if ran.outcome == "invalid":
            self._log.error("a schedule makes no sense and stands still: set it anew", reason=ran.problem, **fields)
            return
        tell = self._log.info if ran.outcome == "created" else self._log.debug
        tell(
            "schedule ran",
            outcome=ran.outcome,
            late_s=round(ran.late_s, 3),
            next_at=None if ran.next_at is None else ran.next_at.isoformat(),
            **fields,
        )
