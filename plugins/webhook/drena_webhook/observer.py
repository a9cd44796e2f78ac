"""The webhook. All it knows is in the database: what changed, what was told, when to try again.

An attempt that ended is only a hint to look; the look compares each integration's last ended job with the last change
that was noted of it. So nothing is lost with a node, nothing doubles when several look, and a queue of hints that
overflowed costs a minute.
"""

from __future__ import annotations

import json
import random
import time
from typing import TYPE_CHECKING, ClassVar, Final
from uuid import UUID

import trio

from drena.api import GiveUp, Observer, RetryLater
from drena_webhook import statements
from drena_webhook.letters import MOST_TRIES, SHORTEST_SECRET, next_wait_s, write

if TYPE_CHECKING:
    from drena.api import AttemptEnd, ObserverContext, Row

POST_S: Final = 10.0
TAKEN_S: Final = 45.0
"""Longer than a post and its settling may take."""
BUDGET_S: Final = 15.0
"""How long one round posts; the rest follows in the next."""
LOOK_S: Final = 60.0
"""How often all integrations are looked at."""
SAID_CHARS: Final = 300


class Webhook(Observer):
    """Posts when an integration starts failing and when it recovers; see the distribution's README."""

    name: ClassVar[str] = "webhook"

    def __init__(self) -> None:
        self._hints: set[tuple[UUID, str]] = set()
        self._looked_s = float("-inf")
        self._began = False
        self._silent = ""

    async def attempt_ended(self, ctx: ObserverContext, end: AttemptEnd) -> None:  # noqa: ASYNC124
        """Remember to look at this integration."""
        if end.status in ("success", "error"):
            self._hints.add((end.job.tenant_id, end.job.provider_slug))
            ctx.wake()

    async def tend(self, ctx: ObserverContext) -> float | None:
        """Note what has changed, post what is due, and say when something is due again."""
        try:
            url, secret = ctx.secret("url"), ctx.secret("secret")
        except (GiveUp, RetryLater) as error:
            self._say_once(ctx, str(error))
            return None
        if len(secret) < SHORTEST_SECRET:
            self._say_once(ctx, f"WEBHOOK_SECRET has fewer than {SHORTEST_SECRET} characters")
            return None
        self._silent = ""
        await self._note(ctx)
        give_up_s = trio.current_time() + BUDGET_S
        while trio.current_time() < give_up_s:
            async with ctx.transaction() as tx:
                change = await tx.fetchrow(statements.TAKE, self.name, TAKEN_S)
            if change is None:
                break
            await self._tell(ctx, change, url, secret)
        async with ctx.transaction() as tx:
            due_s: float | None = await tx.fetchval(statements.NEXT, self.name)
        return LOOK_S if due_s is None else min(max(due_s, 0.0), LOOK_S)

    def _say_once(self, ctx: ObserverContext, reason: str) -> None:
        self._hints.clear()
        if self._silent != reason:
            self._silent = reason
            ctx.log.info("the webhook is not set up; nothing is posted", reason=reason)

    async def _note(self, ctx: ObserverContext) -> None:
        now_s = trio.current_time()
        everything = now_s >= self._looked_s + LOOK_S
        hints, self._hints = self._hints, set()
        if not hints and not everything:
            return
        async with ctx.transaction() as tx:
            quiet = False
            if not self._began:
                quiet = await tx.fetchval(statements.BEGIN, self.name) is not None
            if everything or quiet:
                await tx.execute(statements.NOTE, self.name, None, None, quiet)
            else:
                tenants, providers = zip(*hints, strict=True)
                await tx.execute(statements.NOTE, self.name, list(tenants), list(providers), False)
        self._began = True
        if everything:
            self._looked_s = now_s

    async def _tell(self, ctx: ObserverContext, change: Row, url: str, secret: str) -> None:
        tries = change["tries"]
        letter = write(
            str(change["id"]),
            change["state"],
            change["at"],
            json.loads(change["body"]),
            secret=secret,
            now_s=int(time.time()),
        )
        problem, retry_after = await self._post(ctx, url, letter.body, letter.headers)
        async with ctx.transaction() as tx:
            if problem is None:
                await tx.execute(statements.TOLD, self.name, change["id"], tries)
                ctx.log.info("webhook told", delivery=str(change["id"]), state=change["state"], tries=tries)
                return
            wait_s = next_wait_s(tries, retry_after, random.random())  # noqa: S311  # jitter, not a secret
            await tx.execute(statements.AGAIN, self.name, change["id"], tries, wait_s, problem)
        fields = {"delivery": str(change["id"]), "state": change["state"], "tries": tries, "reason": problem}
        if wait_s is None:
            ctx.log.error("webhook given up", most_tries=MOST_TRIES, **fields)
        else:
            ctx.log.warning("webhook not told, will try again", retry_in_s=round(wait_s, 1), **fields)

    async def _post(
        self, ctx: ObserverContext, url: str, body: bytes, headers: dict[str, str]
    ) -> tuple[str | None, str | None]:
        """What went wrong, None when nothing did; and the answer's Retry-After."""
        with trio.move_on_after(POST_S):
            try:
                answer = await ctx.http.post(url, content=body, headers=headers)
            except (RetryLater, GiveUp) as error:
                return str(error)[:SAID_CHARS], None
            if 200 <= answer.status_code < 300:
                return None, None
            return f"it answered {answer.status_code}", answer.headers.get("retry-after")
        return f"no answer within {POST_S:g} s", None
