"""What a sync of deliveries has to ask for. Pure.

Two ways to read, because the API has no third: company by company, with the deadlines' first and last day, which shows
everything; or `/deliveries/ListAll` with a moment of today or yesterday, which shows what changed since, of all
companies. The first is slow, so it is taken when it must be:

* nothing was read before, or the settings reach further than what was read;
* the last reading is older than yesterday: a daemon that was down over the weekend;
* `full_every_days` have passed: deadlines that came within reach by the passing of time alone are no changes, and pages
  are known to skip rows;
* only for companies that were linked since, when all others can be followed by changes.

The watermark is the office's time at which the reading *began*, so that whatever changed while it went on is read
again.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Final

import msgspec

from drena_acessorias.office_clock import heard, yesterday_begins

if TYPE_CHECKING:
    from collections.abc import Iterator

    from drena_acessorias.settings import Settings

LEAST_OVERLAP: Final = dt.timedelta(minutes=5)
"""With less, a clock that was set or a slow commit at the source could hide a change."""


class Reach(msgspec.Struct, frozen=True):
    """Deadlines from the first day to the last, both included."""

    first: dt.date
    last: dt.date


class Watermark(msgspec.Struct, frozen=True):
    """What is known to have been read: the row of `drena.sync_state` for deliveries."""

    since: str
    """Every change before this moment of the office is in the mirror."""
    full_on: dt.date
    """The day of the last reading company by company."""
    reach: Reach
    """Of that reading."""
    companies: tuple[str, ...] = ()
    """External keys of the companies that were ever read one by one."""


class Plan(msgspec.Struct, frozen=True):
    """What to ask for; stays the same over all attempts of a job."""

    began: str
    """The office's time when the reading began; the next watermark."""
    reach: Reach
    since: str | None = None
    """`DtLastDH` of the list of changes; None: all companies one by one."""
    why_full: str = ""


def reach_of(settings: Settings, today: dt.date) -> Reach:
    """The deadlines the settings ask for."""
    return Reach(
        today - dt.timedelta(days=settings.deliveries_back_days),
        today + dt.timedelta(days=settings.deliveries_ahead_days),
    )


def windows(reach: Reach, days: int) -> Iterator[Reach]:
    """`reach` in pieces of at most so many days: none overlaps, none is missing, oldest first."""
    first = reach.first
    while first <= reach.last:
        last = min(reach.last, first + dt.timedelta(days=days - 1))
        yield Reach(first, last)
        first = last + dt.timedelta(days=1)


def decide(settings: Settings, watermark: Watermark | None, *, earliest: dt.datetime, latest: dt.datetime) -> Plan:
    """Choose between everything and changes.

    Args:
        settings: how far to reach.
        watermark: of the last reading that came to its end.
        earliest: the office's time by the clock that is behind.
        latest: by the clock that is ahead.
    """
    reach = reach_of(settings, earliest.date())
    began = str(earliest)
    if watermark is None:
        return Plan(began, reach, why_full="primeira leitura")
    try:
        known = heard(watermark.since)
    except ValueError:
        return Plan(began, reach, why_full="marca d'água ilegível")
    if watermark.full_on + dt.timedelta(days=settings.full_every_days) <= earliest.date():
        return Plan(began, reach, why_full=f"última leitura completa em {watermark.full_on}")
    moved = earliest.date() - watermark.full_on
    if reach.first < watermark.reach.first or reach.last > watermark.reach.last + moved:
        return Plan(began, reach, why_full="o período configurado aumentou")
    floor = yesterday_begins(latest)
    since = max(known - dt.timedelta(minutes=settings.overlap_minutes), floor)
    if known > latest or since > known - min(LEAST_OVERLAP, dt.timedelta(minutes=settings.overlap_minutes)):
        return Plan(began, reach, why_full=f"a última leitura é de {watermark.since}: antes de ontem")
    return Plan(began, reach, since=str(since))


def still_listed(since: str, latest: dt.datetime) -> bool:
    """Whether the API still answers for this moment: at midnight a good `DtLastDH` becomes one that means nothing."""
    return heard(since) >= yesterday_begins(latest)
