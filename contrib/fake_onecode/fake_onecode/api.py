"""The one route: a page of contacts, in one of three shapes, without a total."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

import msgspec

from fake_acessorias.messages import Answer, json_answer
from fake_acessorias.small import Call, SmallFake, SmallKnobs

USUAL_PAGE: Final = 20


class Knobs(SmallKnobs, frozen=True, kw_only=True):
    """What this API can do wrong beside what all can."""

    shape: Literal["data", "contacts", "list"] = "data"
    """``{data: []}``, ``{contacts: []}``, or a bare list."""
    portuguese: bool = False
    """Fields are called ``contactId``, ``nome``, ``telefone``."""
    largest_page: Annotated[int, msgspec.Meta(ge=1)] = 100
    """A larger ``pageSize`` is cut to this without a word."""
    empty_once_pages: tuple[int, ...] = ()
    """Pages that are empty when first asked for and full afterwards."""
    ignore_page: bool = False
    """``page`` is ignored: page 1 for ever."""


class Contacts:
    """Satisfies `fake_acessorias.small.Account`: a list of contacts with `id`, `name`, `phone`."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []
        self.emptied: set[int] = set()

    def held(self) -> Any:
        return self.rows

    def lay(self, content: Any) -> None:
        self.rows = msgspec.convert(content, list[dict[str, Any]])
        self.emptied = set()

    def change(self, wish: Any) -> Any:
        """Set fields of the contact with this ``id``, or add it."""
        found = next((row for row in self.rows if row["id"] == wish["id"]), None)
        if found is None:
            self.rows.append(wish)
            return wish
        found.update(wish)
        return found


def contacts(call: Call) -> Answer:
    """``/api/contacts``."""
    parameters, knobs, account = call.request.parameters(), call.knobs, call.account
    page = 1 if knobs.ignore_page else int(parameters.get("page") or 1)
    size = min(int(parameters.get("pageSize") or USUAL_PAGE), knobs.largest_page)
    rows = [_named(row, knobs) for row in account.rows[(page - 1) * size : page * size]]
    if page in knobs.empty_once_pages and page not in account.emptied:
        account.emptied.add(page)
        rows = []
    return json_answer(rows if knobs.shape == "list" else {knobs.shape: rows})


def _named(row: dict[str, Any], knobs: Knobs) -> dict[str, Any]:
    if not knobs.portuguese:
        return row
    names = {"id": "contactId", "name": "nome", "phone": "telefone"}
    return {names.get(name, name): value for name, value in row.items()}


ROUTES: Final = {("GET", r"/api/contacts"): contacts}


def make(knobs: dict[str, Any]) -> SmallFake:
    """The fake, with these knobs at the start."""
    start = msgspec.convert(knobs, Knobs)
    return SmallFake(scheme="Bearer", knobs=start, accounts={}, routes=ROUTES, new_account=Contacts)
