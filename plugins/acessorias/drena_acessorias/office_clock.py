"""The office's local time, from our clock and the server's. Pure.

The API speaks of dates and moments of the office's place (America/Sao_Paulo) without naming a zone. Brazil has kept
UTC-3 there all year since 2019 (Decreto 9.772/2019), so the offset is fixed and needs no zone database.

`/deliveries/ListAll` answers 204 when `DtLastDH` is older than yesterday, the same as "nothing changed". Whose
yesterday it is cannot be asked, so both clocks count, each where it is the careful one: the later of the two says which
day is yesterday, the earlier says from when on changes are yet to be read.
"""

from __future__ import annotations

import datetime as dt
from email.utils import parsedate_to_datetime
from typing import Final

OFFICE_ZONE: Final = dt.timezone(dt.timedelta(hours=-3), "America/Sao_Paulo")
_FORM: Final = "%Y-%m-%d %H:%M:%S"


def server_offset(header: str | None, received: dt.datetime) -> dt.timedelta | None:
    """How far the server's clock is ahead of ours; None without a `Date` header that can be read.

    Args:
        header: of the form ``Mon, 23 Nov 2026 21:00:00 GMT``.
        received: our time, with its zone, when the answer was there.
    """
    if not header:
        return None
    try:
        sent = parsedate_to_datetime(header)
    except ValueError:
        return None
    return (sent if sent.tzinfo else sent.replace(tzinfo=dt.UTC)) - received


def earliest(ours: dt.datetime, offset: dt.timedelta | None) -> dt.datetime:
    """The office's time by the clock that is behind, to the second, without a zone."""
    return _local(ours + min(offset or dt.timedelta(), dt.timedelta()))


def latest(ours: dt.datetime, offset: dt.timedelta | None) -> dt.datetime:
    """The office's time by the clock that is ahead, to the second, without a zone."""
    return _local(ours + max(offset or dt.timedelta(), dt.timedelta()))


def yesterday_begins(office_now: dt.datetime) -> dt.datetime:
    """The oldest `DtLastDH` that the API accepts at this time of the office."""
    return dt.datetime.combine(office_now.date() - dt.timedelta(days=1), dt.time())


def spoken(moment: dt.datetime) -> str:
    """As the API writes a moment."""
    return moment.strftime(_FORM)


def heard(text: str) -> dt.datetime:
    """The moment that `spoken` wrote. Raises ValueError for any other text."""
    return dt.datetime.strptime(text, _FORM)  # noqa: DTZ007 - the office's own time, which has no zone


def _local(moment: dt.datetime) -> dt.datetime:
    return moment.astimezone(OFFICE_ZONE).replace(tzinfo=None, microsecond=0)
