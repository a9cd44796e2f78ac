"""Who may come in, and how many at once. Pure."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Sequence

LOOPBACK_NAMES = ("localhost", "127.0.0.1", "::1")


def origin_is_allowed(origin: str | None, host: str | None, allowed: Sequence[str], *, same_host: bool) -> bool:
    """Whether a browser's page may open a feed. Programs send no Origin: their token is what counts.

    Args:
        origin: the header.
        host: the Host header: whom the page thinks it talks to.
        allowed: origins, as `https://app.example`; `*` allows all. A page of this machine may always talk to the feed
            of this machine.
        same_host: whether a page of the feed's own host may, whatever its port. A name can be made to point anywhere,
            so this is for feeds that ask for a token.
    """
    if origin is None or "*" in allowed:
        return True
    if origin.lower().rstrip("/") in {each.lower().rstrip("/") for each in allowed}:
        return True
    page, feed = _host_of(origin), _host_of(f"//{host}") if host else None
    return (page in LOOPBACK_NAMES and feed in LOOPBACK_NAMES) or (same_host and page is not None and page == feed)


def _host_of(url: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None


class Doors:
    """Counts who is inside.

    Args:
        everybody: connections at once.
        per_address: of one address.
        strangers: of one address that have not said yet who they are.
    """

    def __init__(self, *, everybody: int, per_address: int, strangers: int) -> None:
        self.everybody = everybody
        self.per_address = per_address
        self.strangers = strangers
        self._inside: Counter[str] = Counter()
        self._strangers: Counter[str] = Counter()

    @property
    def inside(self) -> int:
        """How many are inside."""
        return self._inside.total()

    def enter(self, address: str) -> str | None:
        """Let one in, still a stranger; or say why not. Whoever was let in must leave."""
        if self.inside >= self.everybody:
            return "the feed is full"
        if self._inside[address] >= self.per_address:
            return "too many connections from this address"
        if self._strangers[address] >= self.strangers:
            return "too many connections from this address have not said who they are"
        self._inside[address] += 1
        self._strangers[address] += 1
        return None

    def introduce(self, address: str) -> None:
        """A stranger has said who he is."""
        self._take(self._strangers, address)

    def leave(self, address: str, *, stranger: bool) -> None:
        """One has gone."""
        self._take(self._inside, address)
        if stranger:
            self._take(self._strangers, address)

    @staticmethod
    def _take(counter: Counter[str], address: str) -> None:
        counter[address] -= 1
        if counter[address] <= 0:
            del counter[address]


class Bucket:
    """How often something may happen: so many a second, and as many again in a burst.

    Args:
        per_s: how many.
        now_s: by whatever clock the caller goes.
    """

    __slots__ = ("_at_s", "_level", "_per_s")

    def __init__(self, per_s: float, now_s: float) -> None:
        self._per_s = per_s
        self._level = 2 * per_s
        self._at_s = now_s

    def take(self, now_s: float) -> bool:
        """Whether one more may."""
        self._level = min(2 * self._per_s, self._level + (now_s - self._at_s) * self._per_s)
        self._at_s = now_s
        if self._level < 1:
            return False
        self._level -= 1
        return True
