"""Which company a contact's name means, by Jaro-Winkler. Pure, and safe in a thread: it touches nothing but its values.

The similarity is rapidfuzz's, which compares a name with thousands in one call of C++. A call holds the interpreter for
as long as it takes one name (some tenths of a millisecond for 2,000 companies); between two names other threads get
their turn, so matching a page in a thread does not hold the event loop up.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Final, Literal

import msgspec
from rapidfuzz import process
from rapidfuzz.distance import JaroWinkler

from drena_onecode.names import company_part, normalise

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from drena_onecode.answers import Contact

Wish = Literal["link", "review", "ignore"]

SHORTEST: Final = 3
"""Fewer characters than this say nothing: Jaro-Winkler rewards a common beginning."""
_DIGITS: Final = 4


class Company(msgspec.Struct, frozen=True):
    """A company to be found."""

    id: str
    name: str


class Match(msgspec.Struct, frozen=True, kw_only=True):
    """What a contact's name came to; read by the statement of `mirror.py`, by these names."""

    contact_id: str
    name: str
    phone: str | None
    company_id: str | None
    company_name: str | None
    score: float
    wish: Wish


class Directory:
    """The companies of an office, ready to be searched.

    Args:
        companies: of one office; names that normalise to nothing cannot be found.
        link_at: similarity from which a contact is linked.
        review_at: similarity from which a person is asked.
    """

    def __init__(self, companies: Iterable[Company], *, link_at: float, review_at: float) -> None:
        named: defaultdict[str, list[Company]] = defaultdict(list)
        for company in companies:
            named[normalise(company.name)].append(company)
        named.pop("", None)
        self._named = dict(named)
        self._names = list(self._named)
        self._link_at = link_at
        self._review_at = review_at

    def match(self, contacts: Sequence[Contact]) -> list[Match]:
        """What each contact's name comes to."""
        return [self._match(contact) for contact in contacts]

    def _match(self, contact: Contact) -> Match:
        wanted = normalise(company_part(contact.name))
        found, score, alone = self._best(wanted) if len(wanted) >= SHORTEST else (None, 0.0, False)
        wish: Wish = "ignore"
        if found is not None and score >= self._link_at:
            wish = "link" if alone else "review"
        elif found is not None and score >= self._review_at:
            wish = "review"
        return Match(
            contact_id=contact.id,
            name=contact.name,
            phone=contact.phone,
            company_id=found.id if found else None,
            company_name=found.name if found else None,
            score=round(score, _DIGITS),
            wish=wish,
        )

    def _best(self, wanted: str) -> tuple[Company | None, float, bool]:
        """The nearest company, how near, and whether no other is as near."""
        if (exact := self._named.get(wanted)) is not None:
            return exact[0], 1.0, len(exact) == 1
        found = process.extract(wanted, self._names, scorer=JaroWinkler.normalized_similarity, limit=2)
        if not found:
            return None, 0.0, False
        name, score, _ = found[0]
        rival = found[1][1] if len(found) > 1 else 0.0
        companies = self._named[name]
        return companies[0], score, len(companies) == 1 and rival < score
