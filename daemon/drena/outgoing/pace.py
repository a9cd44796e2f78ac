"""The pace of requests towards an outside system: a token bucket per credential that learns. Pure: no clock, no I/O.

Callers pass `now` in seconds of any clock that never goes back; a pace only ever sees one such clock. A request asks
`reserve` for its turn and is told how long to wait. What the bucket guarantees:

- In any stretch of T seconds at most `1 + (T + TOLERANCE_S) x rate` turns come due, whoever asked for them, where rate
  is the highest in that stretch; and never more than the limit allows.
- The rate stays between `floor` and `limit`. A throttled answer halves it, once for all the requests that were already
  on their way; `GOOD_RUN` good answers in a row add a twentieth of the limit. (What was measured of Acessórias: 60 a
  minute draws 429 for half the calls, 45 for none; so the rate must find its own level below the limit.)
- After `pause` no turn comes due until the pause has passed.

A turn that was given before the pace changed is void: whoever waited for it sees another `epoch` and asks again. That
keeps a queue of waiters from firing all at once when a pause ends. The alternative, telling each waiter, needs events,
and with them Trio, in a file that is better without.
"""

from __future__ import annotations

import hashlib
import heapq
from collections.abc import Iterable, Mapping
from typing import Final
from uuid import UUID

TOLERANCE_S: Final = 0.002
"""How far turns may run ahead. Below what a timer can keep anyway; it makes very high limits cost no wait at all."""
GOOD_RUN: Final = 10
STEP: Final = 0.05
FLOOR: Final = 1 / 16
MAX_PAUSE_S: Final = 900.0
KEPT_CREDENTIALS: Final = 4


class Pace:
    """One credential's token bucket. Satisfies `drena.api.Pace`.

    Args:
        limit_per_minute: the rate it starts with and never exceeds.
        floor_per_minute: the rate it never goes below; by default a sixteenth of the limit.
    """

    def __init__(self, limit_per_minute: float, floor_per_minute: float | None = None) -> None:
        self.limit = limit_per_minute
        self.floor = min(limit_per_minute, limit_per_minute * FLOOR if floor_per_minute is None else floor_per_minute)
        self.epoch = 0
        """Grows when turns already given become void."""
        self.reason = ""
        """Why it last went slower, for logs."""
        self._rate = limit_per_minute
        self._next = float("-inf")
        self._seen = float("-inf")
        self._paused_until = float("-inf")
        self._good = 0
        self._turns = 0
        self._slowed = False
        """Nobody has asked since it went slower."""
        self._returned: list[float] = []
        """A heap of turns nobody waits for any more. They keep their moments, so the spacing holds."""

    @property
    def requests_per_minute(self) -> float:
        """The present rate."""
        return self._rate

    @property
    def interval_s(self) -> float:
        """The time between two turns at the present rate."""
        return 60.0 / self._rate

    def reserve(self, now: float) -> float:
        """Take the next turn.

        Returns:
            How many seconds to wait for it; 0.0 for none. Compare `epoch` before and after the wait: when it changed,
            this turn is void and another must be taken.
        """
        self._seen = max(self._seen, now)
        wait_s = self._next_due() - self._seen
        self._turns += 1
        return 0.0 if wait_s <= TOLERANCE_S else wait_s

    def give_back(self, epoch: int, due: float) -> None:
        """Return a turn of this epoch, due at this moment, that was not used: whoever waited for it was cancelled."""
        if epoch == self.epoch:
            heapq.heappush(self._returned, due)

    def good(self, epoch: int) -> None:
        """A request whose turn was of this epoch had a good answer."""
        if epoch != self.epoch or self._rate >= self.limit:
            return
        self._good += 1
        if self._good >= GOOD_RUN:
            self._good = 0
            self._rate = min(self.limit, self._rate + self.limit * STEP)

    def throttled(self, epoch: int, now: float, reason: str) -> None:
        """A request whose turn was of this epoch was refused for coming too fast."""
        self._seen = max(self._seen, now)
        if epoch == self.epoch:
            self.slower(reason)

    def slower(self, reason: str) -> None:
        """Halve the rate, unless no request has been made at the present one yet.

        The next turn is a whole interval after it is asked for: the plugin that calls this has no clock to tell when.
        """
        if self._turns == 0:
            return
        self.reason = reason
        self._rate = max(self.floor, self._rate / 2)
        self._slowed = True
        self._void(float("-inf"))

    def pause(self, now: float, wait_s: float) -> None:
        """Let no turn come due for this long, `MAX_PAUSE_S` at most: what a server's Retry-After asks for."""
        self._seen = max(self._seen, now)
        self._paused_until = max(self._paused_until, self._seen + min(max(wait_s, 0.0), MAX_PAUSE_S))
        self._void(min(self._next, self._seen + self.interval_s))

    def limit_to(self, limit_per_minute: float) -> None:
        """Follow a changed setting."""
        if limit_per_minute != self.limit:
            scale = limit_per_minute / self.limit
            self.limit, self.floor = limit_per_minute, min(limit_per_minute, self.floor * scale)
            self._rate = min(max(self._rate, self.floor), self.limit)

    def _next_due(self) -> float:
        """A returned turn that is still to come, else a new one."""
        while self._returned:
            due = heapq.heappop(self._returned)
            if due >= self._seen:
                return due
        due = max(self._next, self._seen + self.interval_s if self._slowed else self._seen)
        self._slowed = False
        self._next = due + self.interval_s
        return due

    def _void(self, first: float) -> None:
        """Forget the turns given so far; the next comes due at `first`, or when the pause has passed."""
        self.epoch += 1
        self._turns = self._good = 0
        self._returned.clear()
        self._next = max(first, self._paused_until)


class PaceBook:
    """The paces of this process: they outlive attempts, so a retried job does not start at full speed again.

    At most `KEPT_CREDENTIALS` are kept of a tenant and provider; a rotated credential's pace goes when others came.
    """

    def __init__(self) -> None:
        self._pages: dict[tuple[UUID, str], dict[bytes, Pace]] = {}

    def pace(self, tenant_id: UUID, provider: str, credential: bytes, limit_per_minute: float) -> Pace:
        """The pace of this credential, new at the limit or as an earlier attempt left it.

        Args:
            tenant_id: whose credential it is.
            provider: the provider's slug.
            credential: what `credential_digest` made of the secrets.
            limit_per_minute: the limit as it is set now; a change reaches an existing pace.
        """
        page = self._pages.setdefault((tenant_id, provider), {})
        found = page.pop(credential, None) or Pace(limit_per_minute)
        found.limit_to(limit_per_minute)
        page[credential] = found
        if len(page) > KEPT_CREDENTIALS:
            del page[next(iter(page))]
        return found

    def paces(self) -> Iterable[tuple[UUID, str, Pace]]:
        """Every pace with its tenant and provider, for metrics."""
        return [(tenant, slug, pace) for (tenant, slug), page in self._pages.items() for pace in page.values()]


def credential_digest(secrets: Mapping[str, str]) -> bytes:
    """A name for a set of secrets that does not tell them. In memory only: a short secret could be guessed from it."""
    digest = hashlib.blake2b(digest_size=16)
    for name, value in sorted(secrets.items()):
        for part in (name, value):
            raw = part.encode("utf-8", "surrogatepass")
            digest.update(len(raw).to_bytes(8, "big") + raw)
    return digest.digest()
