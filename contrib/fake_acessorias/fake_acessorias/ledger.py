"""What was asked and what was answered: a bounded record, and counts that forget nothing."""

from __future__ import annotations

from collections import Counter, deque
from contextlib import contextmanager
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator

MINUTE = 60


class Entry(msgspec.Struct, frozen=True):
    """One request of the API, as recorded. The token of an unknown caller is not kept."""

    number: int
    at_s: float
    office: str | None
    method: str
    path: str
    query: str
    status: int
    fault: str


class Ledger:
    """The record and the statistics of one run."""

    def __init__(self, bound: int) -> None:
        self._bound = bound
        self._in_flight = 0
        self.clear()

    def clear(self) -> None:
        """Start a fresh page. Requests now in flight stay counted as such."""
        self._entries: deque[Entry] = deque(maxlen=self._bound)
        self.total = 0
        self._by_status: Counter[int] = Counter()
        self._by_fault: Counter[str] = Counter()
        self._by_office: Counter[str] = Counter()
        self._seconds: deque[tuple[int, int]] = deque()
        self._in_last_minute = self._busiest_minute = 0
        self._max_in_flight = self._in_flight

    @contextmanager
    def in_flight(self) -> Iterator[None]:
        """Count a request as being answered."""
        self._in_flight += 1
        self._max_in_flight = max(self._max_in_flight, self._in_flight)
        try:
            yield
        finally:
            self._in_flight -= 1

    def record(self, entry: Entry) -> None:
        """Write one answered request down."""
        self._entries.append(entry)
        self.total += 1
        self._by_status[entry.status] += 1
        self._by_fault[entry.fault] += 1
        self._by_office[entry.office or ""] += 1
        self._count(int(entry.at_s))

    def _count(self, second: int) -> None:
        self._expire(second)
        if self._seconds and self._seconds[-1][0] == second:
            self._seconds[-1] = (second, self._seconds[-1][1] + 1)
        else:
            self._seconds.append((second, 1))
        self._in_last_minute += 1
        self._busiest_minute = max(self._busiest_minute, self._in_last_minute)

    def _expire(self, second: int) -> None:
        while self._seconds and self._seconds[0][0] <= second - MINUTE:
            self._in_last_minute -= self._seconds.popleft()[1]

    def entries(self, office: str | None, limit: int | None) -> list[Entry]:
        """Return the recorded requests, oldest first, of one office or all; the newest ``limit``."""
        found = [entry for entry in self._entries if office is None or entry.office == office]
        return found if limit is None else found[max(0, len(found) - limit) :]

    def statistics(self, at_s: float) -> dict[str, object]:
        """Return the counts since the start or the last reset."""
        self._expire(int(at_s))
        return {
            "total": self.total,
            "by_status": {str(status): count for status, count in sorted(self._by_status.items())},
            "by_fault": {fault: count for fault, count in sorted(self._by_fault.items()) if fault},
            "by_office": {office: count for office, count in sorted(self._by_office.items()) if office},
            "unauthorized": self._by_office[""],
            "last_minute": self._in_last_minute,
            "busiest_minute": self._busiest_minute,
            "in_flight": self._in_flight,
            "max_in_flight": self._max_in_flight,
        }
