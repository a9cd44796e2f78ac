"""Carries out what clients ask for over the feed, with the same rules and answers as HTTP.

A `run` whose `ref` is a UUID is asked for once: the same `ref` again, here or as HTTP's Idempotency-Key, is answered
with what came of it the first time. So a client whose connection broke before the reply may ask again without a second
job.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

import trio

from drena import operations
from drena.engine.outages import PASSING
from drena.feed import protocol
from drena.problems import Refused

if TYPE_CHECKING:
    from asyncpg_trio import Pool
    from drena.access import Principal
    from drena.plugins import PluginHost

LIMIT_S: Final = 10.0


class Desk:
    """See the module.

    Args:
        pool: where jobs are.
        host: the providers of this node.
    """

    def __init__(self, pool: Pool, host: PluginHost) -> None:
        self._pool = pool
        self._host = host

    async def carry_out(
        self, principal: Principal, frame: protocol.Run | protocol.Cancel | protocol.Retry
    ) -> protocol.Reply:
        """Do it and say what came of it.

        Raises:
            Refused: it cannot be done, or not now (`database_away`).
        """
        try:
            with trio.fail_after(LIMIT_S):
                if isinstance(frame, protocol.Run):
                    return await self._run(principal, frame)
                if isinstance(frame, protocol.Cancel):
                    job = await operations.cancel_job(self._pool, principal, frame.job_id)
                    return _reply(frame.ref, job, None)
                started = await operations.retry_job(self._pool, self._host, principal, frame.job_id)
                return _reply(frame.ref, started.job, started.healed_job_id)
        except (*PASSING, trio.TooSlowError) as error:
            if isinstance(error, ValueError):
                raise
            raise Refused("database_away") from None

    async def _run(self, principal: Principal, frame: protocol.Run) -> protocol.Reply:
        wanted: dict[str, Any] = {
            "tenant_id": frame.tenant_id,
            "provider_slug": frame.provider_slug,
            "lane": frame.lane,
            "payload": frame.payload,
        }
        if _is_uuid(frame.ref):
            started, _ = await operations.run_job_once(self._pool, self._host, principal, frame.ref, **wanted)
        else:
            started = await operations.run_job(self._pool, self._host, principal, **wanted)
        return _reply(frame.ref, started.job, started.healed_job_id)


def _reply(ref: str, job: dict[str, Any], healed: UUID | None) -> protocol.Reply:
    return protocol.Reply(ref=ref, ok=True, job=job, healed_job_id=healed)  # type: ignore[arg-type]  # a view, as it came


def _is_uuid(text: str) -> bool:
    try:
        return str(UUID(text)) == text.lower()
    except ValueError:
        return False
