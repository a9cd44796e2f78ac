"""When a schedule's next occurrence is. Pure: an expression, a zone and a moment go in, a moment comes out.

Expressions have cron's five fields (minute, hour, day of month, month, day of week) and mean what Debian's cron means:
a fixed time that a clock change skips happens right after the gap, one that a clock change repeats happens once; what
is due every so many minutes or hours simply goes on.

Offices that all say `0 2 * * *` do not all start at 02:00: each integration has an offset, the same every day and on
every node, because it comes out of its own name. An occurrence is known by its nominal moment, so that a changed offset
makes none happen twice.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, Literal, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError

if TYPE_CHECKING:
    from uuid import UUID

DEFAULT_TIMEZONE: Final = "America/Sao_Paulo"
MOST_CHARS: Final = 100
FIELDS: Final = 5
SAID: Final = {
    "Bad minute": ("o minuto vai de 0 a 59", "the minute is 0 to 59"),
    "Bad hour": ("a hora vai de 0 a 23", "the hour is 0 to 23"),
    "Bad day-of-month": ("o dia do mês vai de 1 a 31", "the day of the month is 1 to 31"),
    "Bad month": ("o mês vai de 1 a 12", "the month is 1 to 12"),
    "Bad day-of-week": ("o dia da semana vai de 0 (domingo) a 7", "the day of the week is 0 (Sunday) to 7"),
}
WRITE: Final = (
    "escreva cinco campos, minuto hora dia mês dia-da-semana, como `0 2 * * 1-5`",
    "write five fields, minute hour day month weekday, as in `0 2 * * 1-5`",
)
NEVER: Final = ("essa data nunca chega", "that date never comes")
UNKNOWN_ZONE: Final = (
    "esse fuso horário não existe; escreva um como America/Sao_Paulo",
    "there is no such time zone; write one like America/Sao_Paulo",
)


class CronError(ValueError):
    """A schedule that makes no sense.

    Args:
        field: what is wrong.
        words: why, in Portuguese and in English.
    """

    def __init__(self, field: Literal["cron", "timezone"], words: tuple[str, str]) -> None:
        super().__init__(words[1])
        self.field = field
        self.words = words


class Occurrence(NamedTuple):
    """When a schedule is due."""

    nominal: datetime
    """As the expression says, in UTC."""
    at: datetime
    """With the integration's offset."""


def check_schedule(cron: str, timezone: str) -> None:
    """Hold an expression and a zone to account.

    Raises:
        CronError: one of them makes no sense, or no occurrence ever comes.
    """
    _after(cron, timezone, datetime(2024, 1, 1, tzinfo=UTC))


def next_occurrence(
    cron: str, timezone: str, *, now: datetime, last: datetime | None = None, offset_s: float = 0.0
) -> Occurrence:
    """The first occurrence that is still to come; those that were missed are passed over.

    Args:
        cron, timezone: the schedule.
        now: the database's clock.
        last: the nominal moment of the occurrence that was dealt with last; it does not come again.
        offset_s: see `offset_of`.

    Raises:
        CronError: as `check_schedule`.
    """
    offset = timedelta(seconds=offset_s)
    since = now - offset
    if last is not None and last > since:
        since = last
    nominal = _after(cron, timezone, since)
    return Occurrence(nominal, nominal + offset)


def offset_of(tenant_id: UUID, provider: str, lane: str, jitter_s: float) -> float:
    """How many seconds after its nominal moment an integration's schedule is due: from 0 to below `jitter_s`, whole
    seconds, always the same for the same integration."""
    digest = hashlib.blake2b(f"{tenant_id} {provider} {lane}".encode(), digest_size=8).digest()
    return float(int(int.from_bytes(digest, "big") / 2**64 * max(jitter_s, 0.0)))


def _after(cron: str, timezone: str, moment: datetime) -> datetime:
    """The first nominal moment after this one, in UTC."""
    zone = _zone(timezone)
    if len(cron) > MOST_CHARS or len(cron.split()) != FIELDS:
        raise CronError("cron", WRITE)
    try:
        for found in CronSim(cron, moment.astimezone(zone)):
            utc = found.astimezone(UTC)
            if utc > moment:  # within a repeated hour the library begins at its first pass
                return utc
    except CronSimError as error:
        raise CronError("cron", NEVER if _is_past_its_month(cron) else SAID.get(str(error), WRITE)) from None
    except (ValueError, OverflowError, RecursionError, AssertionError, TypeError):
        raise CronError("cron", WRITE) from None
    raise CronError("cron", NEVER)


def _is_past_its_month(cron: str) -> bool:
    """Whether it fails because its months do not have its day: 30 February, which the library calls a bad day."""
    minute, hour, day, month, weekday = cron.split()
    try:
        CronSim(f"{minute} {hour} {day} * {weekday}", datetime(2024, 1, 1, tzinfo=UTC))
    except CronSimError:
        return False
    return month.isdigit() and 1 <= int(month) <= 12


def _zone(name: str) -> ZoneInfo:
    try:
        if not name or name.startswith(("posix", "right")) or name == "localtime":
            raise ZoneInfoNotFoundError(name)
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError, UnicodeError):
        raise CronError("timezone", UNKNOWN_ZONE) from None
