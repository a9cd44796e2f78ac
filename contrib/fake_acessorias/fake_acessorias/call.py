"""One admitted request with everything a route decides by, and the answers that routes share."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeVar

from fake_acessorias.board import path_in_scope
from fake_acessorias.knobs import Knobs
from fake_acessorias.messages import NO_CONTENT, Answer, Request, html_answer, json_answer
from fake_acessorias.pages import page_span

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fake_acessorias.board import Board
    from fake_acessorias.office import Office

Row = TypeVar("Row")
UNTOUCHED: Final = Knobs()
"""What page knobs are where they are not meant to be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A request of the API in context."""

    request: Request
    parameters: dict[str, str]
    page: int
    knobs: Knobs
    board: Board
    office: Office | None

    @property
    def own(self) -> Office:
        """The caller's office; routes are only reached with one."""
        assert self.office is not None
        return self.office

    @property
    def moment(self) -> dt.datetime:
        """The source's date and time."""
        return source_moment(self.request, self.knobs)

    def page_of(self, rows: Sequence[Row], size: int) -> Sequence[Row] | None:
        """Return the rows on the page asked for; None when it is to be empty this once."""
        if self.board.empty_once(self.own.token, self.request.path, self.page):
            return None
        knobs = self.knobs if path_in_scope(self.knobs, self.request.path) else UNTOUCHED
        start, stop = page_span(self.page, size, len(rows), knobs)
        return rows[start:stop]


def source_moment(request: Request, knobs: Knobs) -> dt.datetime:
    """Return the source's date and time, as the ``today`` knob has it."""
    if knobs.today is None:
        return request.moment
    return dt.datetime.combine(dt.date.fromisoformat(knobs.today), request.moment.time())


def end_of_list(knobs: Knobs) -> Answer:
    """Return what stands behind the last page."""
    match knobs.end_of_list:
        case "204":
            return NO_CONTENT
        case "404":
            return html_answer(404, "Not Found")
        case "erro":
            return business_error(knobs, "Nenhum registro encontrado")
        case _:
            return Answer(body=b"[]")


def empty_once() -> Answer:
    """Return an empty page that will be full when asked for again."""
    return Answer(body=b"[]", fault="empty")


def business_error(knobs: Knobs, text: str) -> Answer:
    """Return a refusal the way this API words it: 200 and a key."""
    return json_answer({knobs.erro_key: text})
