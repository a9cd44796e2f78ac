"""The table of all routes of the API, and the GET routes but for deliveries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from fake_acessorias.call import Call, empty_once, end_of_list
from fake_acessorias.delivery_routes import all_deliveries, deliveries_of
from fake_acessorias.directory import recent
from fake_acessorias.forms import shaped
from fake_acessorias.messages import NO_CONTENT, Answer, html_answer, json_answer
from fake_acessorias.posts import add_contact, open_request, save_company, take_upload
from fake_acessorias.world import FLAG_KEYS

if TYPE_CHECKING:
    from collections.abc import Callable

PAGE_SIZE: Final = 20


def routed(call: Call) -> Answer:
    """Answer an admitted request."""
    segments = call.request.segments()
    if any("/" in segment for segment in segments):  # an encoded slash breaks
        return html_answer(404, "Not Found")
    fitting = [(method, route) for method, pattern, route in ROUTES if _fits(pattern, segments)]
    for method, route in fitting:
        if method == call.request.method:
            return route(call, segments)
    return html_answer(405, "Method Not Allowed") if fitting else html_answer(404, "Not Found")


def _fits(pattern: tuple[str, ...], segments: tuple[str, ...]) -> bool:
    return len(pattern) == len(segments) and all(
        want in ("{id}", have) for want, have in zip(pattern, segments, strict=True)
    )


def all_companies(call: Call, _segments: tuple[str, ...]) -> Answer:
    """``/companies/ListAll``: a page of 20."""
    rows = call.page_of(call.own.listing(call.parameters.get("ativa", ""), call.knobs.duplicates), PAGE_SIZE)
    if rows is None:
        return empty_once()
    if not rows:
        return end_of_list(call.knobs)
    flags = _flags(call)
    return Answer(body=b"[" + b",".join([row.json(flags, call.knobs) for row in rows]) + b"]")


def _flags(call: Call) -> frozenset[str]:
    return frozenset(FLAG_KEYS.keys() & call.parameters.keys())


def bare_companies(_call: Call, _segments: tuple[str, ...]) -> Answer:
    """``/companies``: nothing, and no complaint."""
    return Answer(body=b"[]")


def one_company(call: Call, segments: tuple[str, ...]) -> Answer:
    """``/companies/{id}``: an object; 204 for a document it does not know, or one with punctuation."""
    found = call.own.by_document(segments[1])
    if found is None:
        return NO_CONTENT
    body = found.json(_flags(call), call.knobs)
    return Answer(body=b"[" + body + b"]" if call.knobs.company_by_id == "list" else body)


def directory(call: Call, segments: tuple[str, ...]) -> Answer:
    """``/users/ListAll`` and the other smaller lists: pages of 20."""
    rows = call.page_of(recent(call.own.directory(segments[0]), call.parameters, segments[0]), PAGE_SIZE)
    if rows is None:
        return empty_once()
    return json_answer([shaped(row, call.knobs) for row in rows]) if rows else end_of_list(call.knobs)


def departments(call: Call, _segments: tuple[str, ...]) -> Answer:
    """``/departments/ListAll``: all at once."""
    return json_answer([shaped(row, call.knobs) for row in call.own.directory("departments")])


Route = tuple[str, tuple[str, ...], "Callable[[Call, tuple[str, ...]], Answer]"]

ROUTES: Final[tuple[Route, ...]] = (
    ("GET", ("companies", "ListAll"), all_companies),
    ("GET", ("companies",), bare_companies),
    ("GET", ("companies", "{id}"), one_company),
    ("GET", ("deliveries", "ListAll"), all_deliveries),
    ("GET", ("deliveries", "{id}"), deliveries_of),
    ("GET", ("departments", "ListAll"), departments),
    ("GET", ("users", "ListAll"), directory),
    ("GET", ("tags", "ListAll"), directory),
    ("GET", ("company_groups", "ListAll"), directory),
    ("GET", ("processes", "ListAll"), directory),
    ("GET", ("requests", "ListAll"), directory),
    ("POST", ("companies",), save_company),
    ("POST", ("contacts", "{id}"), add_contact),
    ("POST", ("requests",), open_request),
    ("POST", ("econtinuo",), take_upload),
)
