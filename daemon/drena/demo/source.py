"""The fake API's admin routes: the truth about the companies, and the knobs that make it misbehave."""

from __future__ import annotations

import re
from collections import Counter
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

import httpx2
import msgspec
import trio

from drena.errors import DrenaError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

    from drena.demo.offices import Office

Company = dict[str, Any]
"""A company in the words of the API."""

ANSWER_S: Final = 10.0
PLACES: Final = {
    "CPF": re.compile(r"\d{3}\.\d{3}\.\d{3}-\d{2}"),
    "CAEPF": re.compile(r"\d{3}\.\d{3}\.\d{3}/\d{3}-\d{2}"),
    "CNPJ": re.compile(r"\d{2}\.\d{3}\.\d{3}/\d{4}-\d{2}"),
    "alfa": re.compile(r"[0-9A-Z]{2}\.[0-9A-Z]{3}\.[0-9A-Z]{3}/[0-9A-Z]{4}-\d{2}"),
}
"""How each kind of document is written at the source, in the order in which they are told apart."""


class Source:
    """What the API holds, seen from behind the counter."""

    def __init__(self, url: str, client: httpx2.AsyncClient) -> None:
        self.url = url
        self._client = client

    async def companies(self, office: Office) -> list[Company]:
        """Every company as the API shows it with all flags, in the order of the list."""
        found = list(await self._ask("GET", f"offices/{quote(office.token, safe='')}/companies"))
        for company in found:
            if company.get("DtLastDH") is None:  # the API leaves out this key when it has no value, and no other
                company.pop("DtLastDH", None)
        return found

    async def set_knobs(self, office: Office, **knobs: Any) -> None:
        """Let the API misbehave towards one office."""
        await self._ask("PATCH", f"offices/{quote(office.token, safe='')}/knobs", knobs)

    async def touch(self, office: Office, count: int, *keys: str) -> set[str]:
        """Change these keys of so many companies; returns their IDs."""
        wish = {"companies": count, "keys": keys}
        return set((await self._ask("POST", f"offices/{quote(office.token, safe='')}/touch", wish))["ids"])

    async def forget_requests(self) -> None:
        """Begin the record of requests anew."""
        await self._ask("POST", "reset", {"parts": ["requests"]})

    async def pages_asked(self, office: Office) -> Counter[int]:
        """How often each page was asked for since then."""
        entries = await self._ask("GET", f"requests?office={quote(office.token, safe='')}")
        found = (re.search(r"&Pagina=(\d+)", entry["query"]) for entry in entries)
        return Counter(int(page[1]) for page in found if page)

    async def _ask(self, method: str, path: str, body: Any = None) -> Any:
        content = None if body is None else msgspec.json.encode(body)
        try:
            with trio.fail_after(ANSWER_S):
                answer = await self._client.request(method, f"{self.url}/_admin/{path}", content=content)
        except (httpx2.HTTPError, trio.TooSlowError) as error:
            raise DrenaError(f"The fake API at {self.url} does not answer ({type(error).__name__}).") from error
        found = msgspec.json.decode(answer.content)
        if answer.is_error:
            raise DrenaError(f"The fake API refuses: {found['error']}.")
        return found


@asynccontextmanager
async def open_source(url: str) -> AsyncIterator[Source]:
    """A connection to the admin routes of the fake at this URL."""
    async with httpx2.AsyncClient(trust_env=False, timeout=ANSWER_S) as client:
        yield Source(url, client)


def plain(document: str) -> str:
    """A document without its formatting."""
    return re.sub(r"[^0-9A-Za-z]", "", document).upper()


def current(companies: Iterable[Company]) -> dict[str, Company]:
    """The registration that counts for each document: of several the newest, which has the greatest ID."""
    newest: dict[str, Company] = {}
    for company in sorted(companies, key=lambda each: int(each["ID"])):
        newest[plain(company["Identificador"])] = company
    return newest


def kinds(companies: Iterable[Company]) -> dict[str, int]:
    """How many different documents there are of each kind, by the names in `PLACES`."""
    written = [company["Identificador"] for company in companies]
    kind_of = {plain(each): name for each in written for name in reversed(PLACES) if PLACES[name].fullmatch(each)}
    found = Counter(kind_of.values())
    return {name: found[name] for name in PLACES}
