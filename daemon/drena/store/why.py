"""The one function behind `drena why`, `GET /v1/jobs/{id}/why` and the status page."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from drena.errors import UsageError
from drena.store.queries import sql
from drena.waiting import Facts, decide

if TYPE_CHECKING:
    from uuid import UUID

    from drena.store.jobs import Executor
    from drena.waiting import Reason


async def why(on: Executor, job_id: UUID) -> Reason:
    """Why a job is not running, in one statement.

    Raises:
        UsageError: there is no such job.
    """
    row = await on.fetchrow(sql("why_facts"), job_id)
    if row is None:
        raise UsageError(f"There is no job {job_id}; `drena jobs` lists the newest ones.")
    return decide(msgspec.json.decode(row["facts"], type=Facts))
