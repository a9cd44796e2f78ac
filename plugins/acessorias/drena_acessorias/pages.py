"""The rules for walking a list that never says how long it is. A state machine without I/O.

The API gives no total and no page count, ends a list in four ways, and each of the four also occurs in the middle of
one: under pressure it answers an empty page in place of 429, and the same page is full when asked again a moment
later (measured by public clients). A short page may stand in the middle. The system this plugin replaces sent a wrong
parameter name and read page 1 five thousand times. Therefore:

* An empty page, in any of its forms, ends the list only when a second, spaced request for it is empty too
  (`client.py` says what stands between the two).
* The length of a page means nothing.
* A page that holds exactly the rows of another page is a fault of pagination, and so is a list longer than the cap.
  Both fail the run: what was read is not the list.
"""

from __future__ import annotations

from base64 import urlsafe_b64encode
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Final

import msgspec

from drena.api import GiveUp
from drena_acessorias.answers import Nothing, Rows

if TYPE_CHECKING:
    from collections.abc import Iterable

DIGEST_LENGTH: Final = 8
"""Characters of a page's digest: 48 bits, so two different pages of 5,000 meet once in 20 million runs."""


class Take(msgspec.Struct, frozen=True):
    """These rows are the page."""

    page: int
    rows: list[Any]
    digest: str
    throttled: bool
    """The page was empty at first: the API is throttling without saying so."""


class AskAgain(msgspec.Struct, frozen=True):
    """Wait, and ask for the same page once more."""

    page: int


class End(msgspec.Struct, frozen=True):
    """The list ended before this page, seen twice."""

    page: int
    nothing: Nothing


Step = Take | AskAgain | End


class Walk:
    """Where the reading of a list stands.

    Args:
        start: the first page to ask for.
        cap: the last page a list may have.
        digests: of the pages before, from page 1 on; a page read anew replaces its own.
        rows: what the list is of, for its errors.
    """

    def __init__(self, *, start: int, cap: int, digests: Iterable[str] = (), rows: str = "empresas") -> None:
        self.page = start
        """The page to ask for now."""
        self._cap = cap
        self._page_of = {digest: page for page, digest in enumerate(digests, 1) if page < start}
        self._doubting = False
        self._rows = rows

    def step(self, answer: Rows | Nothing) -> Step:
        """Judge the answer to a request for `page`.

        Raises:
            GiveUp: `pagination_repeated` or `too_many_pages`.
        """
        if isinstance(answer, Nothing):
            if self._doubting:
                return End(self.page, answer)
            self._doubting = True
            return AskAgain(self.page)
        return self._take(answer)

    def _take(self, answer: Rows) -> Take:
        if self.page > self._cap:
            raise GiveUp(
                "too_many_pages",
                f"A lista de {self._rows} passou do limite de {self._cap} páginas; a leitura foi interrompida. "
                f"Se o escritório tem mesmo tantas {self._rows}, aumente max_pages.",
            )
        digest = page_digest(answer.ids)
        earlier = self._page_of.setdefault(digest, self.page)
        if earlier != self.page:
            raise GiveUp(
                "pagination_repeated",
                f"O Acessórias devolveu na página {self.page} exatamente as {self._rows} da página {earlier}: "
                "a paginação não está funcionando, e a leitura foi interrompida.",
            )
        taken = Take(self.page, answer.rows, digest, throttled=self._doubting)
        self.page += 1
        self._doubting = False
        return taken


def page_digest(ids: list[Any]) -> str:
    """A short fingerprint of which rows a page holds, in which order.

    Args:
        ids: of the rows, so that a page read again after one of its companies changed is still known.
    """
    return urlsafe_b64encode(blake2b(msgspec.json.encode(ids, order="sorted"), digest_size=6).digest()).decode()


def resume_at(next_page: int) -> int:
    """The page to start from when the checkpoint says that `next_page` was next.

    One page back: companies removed at the source in between move the others towards the front of the list.
    """
    return max(1, next_page - 1)
