"""Carries out what clients ask for over the feed, with the same rules and answers as HTTP.

A `run` whose `ref` is a UUID is asked for once: the same `ref` again, here or as HTTP's Idempotency-Key, is answered
with what came of it the first time. So a client whose connection broke before the reply may ask again without a second
job.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

import msgspec
import trio

from drena import operations
from drena.engine.outages import PASSING
from drena.feed import protocol
from drena.problems import Refused
from drena.store.web import KeyOf, claim_key, keep_answer, kept_answer

if TYPE_CHECKING:
    from asyncpg_trio import Pool
    from drena.access import Principal
    from drena.operations import Started
    from drena.plugins import PluginHost

LIMIT_S: Final = 10.0
CLAIMS: Final = 3
"""A key that is forgotten between two looks at it is claimed again; more than twice in a row nobody forgets one."""


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What a run asks for, as HTTP's POST /v1/jobs has it: both make the same fingerprint of it."""

    tenant_id: UUID
    provider_slug: str
    lane: str = ""
    payload: dict[str, Any] | None = None


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
        wanted = Wanted(
            tenant_id=frame.tenant_id, provider_slug=frame.provider_slug, lane=frame.lane, payload=frame.payload or {}
        )
        if not _is_uuid(frame.ref):
            started = await self._start(self._pool, principal, wanted)
            return _reply(frame.ref, started.job, started.healed_job_id)
        claimed = KeyOf(frame.tenant_id, principal.subject, frame.ref)
        fingerprint = hashlib.sha256(msgspec.json.encode(wanted, order="deterministic")).digest()
        for _ in range(CLAIMS):
            async with self._pool.acquire() as conn, conn.transaction():
                if await claim_key(conn, claimed, fingerprint):
                    started = await self._start(conn, principal, wanted)
                    await keep_answer(conn, claimed, 201, _body(started))
                    return _reply(frame.ref, started.job, started.healed_job_id)
                kept = await kept_answer(conn, claimed)
            if kept is not None and kept.fingerprint != fingerprint:
                raise Refused("idempotency_conflict")
            if kept is not None:
                answer = msgspec.json.decode(kept.answer)
                healed = answer.pop("healed_job_id", None)
                return _reply(frame.ref, answer, None if healed is None else UUID(healed))
        raise Refused("database_away")

    async def _start(self, on: Any, principal: Principal, wanted: Wanted) -> Started:
        return await operations.run_job(
            on,
            self._host,
            principal,
            tenant_id=wanted.tenant_id,
            provider_slug=wanted.provider_slug,
            lane=wanted.lane,
            payload=wanted.payload,
        )


def _body(started: Started) -> str:
    """As HTTP answers it: the job, and beside its members the one it replaces."""
    healed: dict[str, Any] = {} if started.healed_job_id is None else {"healed_job_id": started.healed_job_id}
    return msgspec.json.encode(started.job | healed).decode()


def _reply(ref: str, job: dict[str, Any], healed: UUID | None) -> protocol.Reply:
    return protocol.Reply(ref=ref, ok=True, job=job, healed_job_id=healed)  # type: ignore[arg-type]  # a view, as it came


def _is_uuid(text: str) -> bool:
    try:
        return str(UUID(text)) == text.lower()
    except ValueError:
        return False
