"""Where a job stands after each page: what a new attempt needs to know, and what the result tells. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from drena_acessorias.delivery_state import Position
from drena_acessorias.documents import check_digits_hold
from drena_acessorias.pages import DIGEST_LENGTH

if TYPE_CHECKING:
    from drena_acessorias.mirror import Written
    from drena_acessorias.pages import Take
    from drena_acessorias.rows import Batch

_IDENTITIES_KEPT: Final = 200
"""Of the page written last; the API's pages hold 20."""
_FIELDS_KEPT: Final = 40


class Tallies(msgspec.Struct, frozen=True):
    """What is odd about the list, over the whole job. For the result."""

    anonymous: int = 0
    """Rows with neither ID nor document: not stored."""
    hidden: int = 0
    """Companies with a masked identifier and an ID no row has: not stored."""
    without_document: int = 0
    """Companies mirrored by their ID alone."""
    odd_check_digits: int = 0
    """Documents whose check digits do not hold: a CAEPF, or a typing error."""
    duplicates: int = 0
    """Companies whose document a newer registration owns."""
    foreign_rows: int = 0
    """Companies whose row is linked to another source."""
    repeated: int = 0
    """Rows that pages repeated."""
    masked: tuple[str, ...] = ()
    """Fields the token does not see."""

    def read(self, batch: Batch, *, reread: bool) -> Tallies:
        """The tallies with one page more.

        Args:
            batch: the page's companies.
            reread: the page was read by an earlier attempt already, so its rows repeat by design.
        """
        odd = sum(each.document is not None and not check_digits_hold(each.document) for each in batch.companies)
        return msgspec.structs.replace(
            self,
            anonymous=self.anonymous + batch.anonymous,
            without_document=self.without_document + len(batch.without_document),
            odd_check_digits=self.odd_check_digits + odd,
            repeated=self.repeated + (0 if reread else batch.repeated),
            masked=tuple(sorted({*self.masked, *batch.masked})[:_FIELDS_KEPT]) if batch.masked else self.masked,
        )

    def wrote(self, written: Written) -> Tallies:
        """The tallies with what became of the companies."""
        return msgspec.structs.replace(
            self,
            hidden=self.hidden + len(written.hidden),
            duplicates=self.duplicates + len(written.duplicates),
            foreign_rows=self.foreign_rows + len(written.foreign_rows),
        )


class Checkpoint(msgspec.Struct, frozen=True):
    """Committed with the pages it speaks of; 8 bytes a page and a few hundred more."""

    known: int
    """Companies linked to Acessórias before the job began."""
    next_page: int = 1
    digests: str = ""
    """The digests of pages 1 to `next_page` - 1, end to end."""
    last_page: tuple[str, ...] = ()
    """Identities of the companies on the page written last: a new attempt reads that page again."""
    read: int = 0
    """Different companies, and anonymous rows, of all pages."""
    tallies: Tallies = Tallies()
    began: str = ""
    """The office's time when the job began: the next watermark of the companies."""
    companies: dict[str, Any] | None = None
    """The result of the companies, once they are done."""
    deliveries: Position | None = None
    """Where the deliveries stand, once they began."""

    def digests_of_pages(self) -> list[str]:
        """The digest of each page, from the first."""
        return [self.digests[at : at + DIGEST_LENGTH] for at in range(0, len(self.digests), DIGEST_LENGTH)]

    def after(self, page: Take, batch: Batch, *, reread: bool) -> Checkpoint:
        """The checkpoint behind this page; arguments as for `Tallies.read`."""
        return Checkpoint(
            known=self.known,
            began=self.began,
            next_page=page.page + 1,
            digests=self.digests[: (page.page - 1) * DIGEST_LENGTH] + page.digest,
            last_page=tuple(batch.identities[:_IDENTITIES_KEPT]),
            read=self.read + batch.read,
            tallies=self.tallies.read(batch, reread=reread),
        )

    def wrote(self, written: Written) -> Checkpoint:
        """The checkpoint to commit with these companies."""
        return msgspec.structs.replace(self, tallies=self.tallies.wrote(written))
