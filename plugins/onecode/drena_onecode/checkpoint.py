"""Where a job stands after each page. Pure."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Final

import msgspec

if TYPE_CHECKING:
    from drena_onecode.mirror import Written

DIGEST_LENGTH: Final = 8
_IDS_KEPT: Final = 500


class Tallies(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the contacts, over the whole job. For the result."""

    linked: int = 0
    followed: int = 0
    asked: int = 0
    known: int = 0
    review: int = 0
    ignored: int = 0
    anonymous: int = 0
    """Rows without an id or a name: not matched."""
    repeated: int = 0

    def after(self, written: Written, *, anonymous: int, repeated: int) -> Tallies:
        """With one page more."""
        return Tallies(
            linked=self.linked + written.linked,
            followed=self.followed + written.followed,
            asked=self.asked + written.asked,
            known=self.known + written.known,
            review=self.review + written.review,
            ignored=self.ignored + written.ignored,
            anonymous=self.anonymous + anonymous,
            repeated=self.repeated + repeated,
        )


class Checkpoint(msgspec.Struct, frozen=True, kw_only=True):
    """Committed with each page: 8 bytes for each, and the ids of the last."""

    next_page: int = 1
    digests: str = ""
    """The digests of pages 1 to `next_page` - 1, end to end."""
    last_page: tuple[str, ...] = ()
    """Ids of the contacts on the page written last: a new attempt reads that page again."""
    read: int = 0
    tallies: Tallies = Tallies()

    def repeats(self, page: int, digest: str) -> int | None:
        """Which earlier page had exactly these rows; None for none."""
        known = [self.digests[at : at + DIGEST_LENGTH] for at in range(0, len(self.digests), DIGEST_LENGTH)]
        return next((number for number, each in enumerate(known, 1) if number < page and each == digest), None)

    def after(self, page: int, digest: str, ids: list[str], read: int, tallies: Tallies) -> Checkpoint:
        """The checkpoint to commit with this page."""
        return Checkpoint(
            next_page=page + 1,
            digests=self.digests[: (page - 1) * DIGEST_LENGTH] + digest,
            last_page=tuple(ids[:_IDS_KEPT]),
            read=self.read + read,
            tallies=tallies,
        )


def page_digest(rows: list[Any]) -> str:
    """A short fingerprint of a page's rows."""
    return urlsafe_b64encode(blake2b(msgspec.json.encode(rows, order="sorted"), digest_size=6).digest()).decode()
