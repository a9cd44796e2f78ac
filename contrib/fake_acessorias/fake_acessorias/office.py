"""An office as it stands now: the world's companies, and whatever was changed at the source since.

Records are never edited in place: a change puts a new record where the old one was, so bytes kept for the old one die
with it and records may share parts.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, Final

import msgspec

from fake_acessorias import documents
from fake_acessorias.changes import changed
from fake_acessorias.deliveries import make_deliveries
from fake_acessorias.dice import dice
from fake_acessorias.directory import make_groups, make_processes, make_requests, make_tags, make_users
from fake_acessorias.forms import Form, form_of, shaped
from fake_acessorias.pacing import Window
from fake_acessorias.world import BASE_KEYS, COMPANY_KEYS, FLAG_KEYS, make_companies, make_company, make_departments

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence

    from fake_acessorias.knobs import Knobs
    from fake_acessorias.world import Record

_encode = msgspec.json.Encoder().encode


class Company:
    """A company at the source, its deliveries (made when first asked for) and its kept bytes."""

    __slots__ = ("_bytes", "_deliveries", "_office", "position", "record")

    def __init__(self, office: Office, position: int, record: Record) -> None:
        self._office = office
        self._bytes: dict[tuple[frozenset[str], Form], bytes] = {}
        self._deliveries: list[Record] | None = None
        self.position = position
        self.record = record

    def replace(self, record: Record) -> None:
        """Put a new record in place of the old one."""
        self.record = record
        self._bytes.clear()

    @property
    def deliveries(self) -> list[Record]:
        """Its deliveries, oldest competência first."""
        if self._deliveries is None:
            self._deliveries = make_deliveries(self._office.seed, self._office.token, self.record)
        return self._deliveries

    def json(self, flags: frozenset[str], knobs: Knobs) -> bytes:
        """Return the company as JSON with the keys that these flags ask for."""
        kept = (flags, form_of(knobs))
        found = self._bytes.get(kept)
        if found is None:
            found = self._bytes[kept] = _encode(shaped(self._visible(flags), knobs))
        return found

    def _visible(self, flags: frozenset[str]) -> Record:
        visible = {key: self.record[key] for key in keys_for(flags)}
        if visible.get("DtLastDH") is None:  # only some companies have one
            visible.pop("DtLastDH", None)
        return visible


class Office:
    """One token's world."""

    def __init__(self, seed: int, token: str, size: int) -> None:
        self.seed, self.token, self.size = seed, token, size
        self.window = Window()
        self.companies = [Company(self, n, record) for n, record in enumerate(make_companies(seed, token, size))]
        self.posted: list[Record] = []
        self._next_position = size
        self._touches = 0
        self._lists: dict[str, list[Record]] = {}
        self._listings: dict[tuple[str, int], list[Company]] = {}
        self._documents: dict[str, Company] | None = None

    def listing(self, ativa: str, duplicates: int) -> list[Company]:
        """Return the companies of ``ListAll``: ``ativa`` is ``S``, ``N``, or anything else for all."""
        found = self._listings.get((ativa, duplicates))
        if found is None:
            found = self._listings[ativa, duplicates] = self._list(ativa, duplicates)
        return found

    def _list(self, ativa: str, duplicates: int) -> list[Company]:
        wanted = {"S": "Ativa", "N": "Inativa"}.get(ativa)
        rows = [company for company in self.companies if wanted in (None, company.record["Status"])]
        originals = dice(self.seed, self.token, "duplicates").sample(rows, min(duplicates, len(rows)))
        return rows + [
            Company(self, one.position, {**one.record, "ID": f"9{one.record['ID'].zfill(7)}"}) for one in originals
        ]

    def directory(self, name: str) -> list[Record]:
        """Return one of the smaller lists: departments, users, tags, company_groups, processes, requests."""
        if name not in self._lists:
            make = _DIRECTORY[name]
            self._lists[name] = list(make(self.seed, self.token))
        return self._lists[name]

    def by_id(self, identifier: str) -> Company | None:
        """Return the company with this ``ID``."""
        return next((company for company in self.companies if company.record["ID"] == identifier), None)

    def by_document(self, document: str) -> Company | None:
        """Return the first company whose document, without punctuation, is this one."""
        if self._documents is None:
            rows = reversed(self.companies)
            self._documents = {documents.bare(one.record["Identificador"]): one for one in rows}
        return self._documents.get(document.upper())

    def add(self, count: int) -> list[Company]:
        """Let the office grow by the next ``count`` companies of its world."""
        return [self.append(make_company(self.seed, self.token, self._next_position)) for _ in range(count)]

    def append(self, record: Record) -> Company:
        """Add one company at the end of the list."""
        company = Company(self, self._next_position, record)
        self._next_position += 1
        self.companies.append(company)
        self._forget()
        return company

    def remove(self, company: Company) -> None:
        """Take a company away from the source."""
        self.companies.remove(company)
        self._forget()

    def edit(self, company: Company, values: Record, moment: str) -> None:
        """Change a company's data; ``DtLastDH`` becomes ``moment`` unless it is given too."""
        company.replace({**company.record, "DtLastDH": moment, **values})
        self._forget()

    def _forget(self) -> None:
        self._listings.clear()
        self._documents = None

    def touch(self, companies: Sequence[Company], keys: Sequence[str], moment: str) -> None:
        """Change the given keys of each company to other values, by the seed."""
        self._touches += 1
        for company in companies:
            chance = dice(self.seed, self.token, "touch", self._touches, company.record["ID"])
            self.edit(company, {key: changed(key, company.record[key], chance) for key in keys}, moment)

    def pick(self, count: int, *, duplicates: bool) -> list[Company]:
        """Return ``count`` companies by the seed, others each time something was touched; in the list's order.

        Args:
            count: how many; more than there are means all.
            duplicates: whether companies that share their document with another may be among them.
        """
        rows = self.companies if duplicates else self._alone()
        places = dice(self.seed, self.token, "pick", self._touches).sample(range(len(rows)), min(count, len(rows)))
        return [rows[place] for place in sorted(places)]

    def _alone(self) -> list[Company]:
        seen: dict[str, int] = {}
        keys = [documents.bare(company.record["Identificador"]) for company in self.companies]
        for key in keys:
            seen[key] = seen.get(key, 0) + 1
        return [company for company, key in zip(self.companies, keys, strict=True) if seen[key] == 1]

    def deliver(self, count: int, moment: str) -> list[str]:
        """Mark ``count`` open deliveries delivered, by the seed; return their ``EntID``s."""
        self._touches += 1
        still_open = [
            (company, number)
            for company in self.companies
            for number, delivery in enumerate(company.deliveries)
            if not delivered(delivery)
        ]
        chosen = dice(self.seed, self.token, "deliver", self._touches).sample(still_open, min(count, len(still_open)))
        return [self._deliver(company, number, moment) for company, number in chosen]

    def _deliver(self, company: Company, number: int, moment: str) -> str:
        old = company.deliveries[number]
        done = {"Status": "Entregue", "EntDtEntrega": moment[:10], "EntLastDH": moment, "RespEntrega": "Bia Teste"}
        company.deliveries[number] = {**old, **done}
        return str(old["Config"]["EntID"])


@functools.lru_cache
def keys_for(flags: frozenset[str]) -> tuple[str, ...]:
    """Return the keys of a company that these flags ask for, in the order of the API."""
    wanted = {*BASE_KEYS, *(key for flag in flags for key in FLAG_KEYS[flag])}
    return tuple(key for key in COMPANY_KEYS if key in wanted)


def delivered(delivery: Record) -> bool:
    """Say whether the dates of a delivery call it done."""
    dates: Collection[Any] = (delivery["EntDtEntrega"], delivery["EntDtFinalizacao"])
    return any(date not in ("", None, "0000-00-00") for date in dates)


_DIRECTORY: Final[dict[str, Callable[[int, str], Iterable[Record]]]] = {
    "departments": make_departments,
    "users": make_users,
    "tags": make_tags,
    "company_groups": make_groups,
    "processes": make_processes,
    "requests": make_requests,
}
