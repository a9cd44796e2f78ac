"""The admin routes: read and turn the knobs, see what was asked, change what the source holds.

They answer callers on this machine only, and with ``--admin-token`` only those who show it. Every refusal is
``{"error": "one sentence"}`` with a 4xx status.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeVar

import msgspec

from fake_acessorias.call import source_moment
from fake_acessorias.changes import CHANGES
from fake_acessorias.knobs import KnobError, nearest
from fake_acessorias.messages import Answer, Request, json_answer
from fake_acessorias.world import COMPANY_KEYS, FIRST_ID, LIST_KEYS, Record

if TYPE_CHECKING:
    from fake_acessorias.office import Company, Office
    from fake_acessorias.source import Source

Body = TypeVar("Body")
Count = Annotated[int, msgspec.Meta(ge=0, le=1_000_000)]


class Refusal(Exception):
    """A request an admin route cannot carry out."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


class NewOffice(msgspec.Struct, forbid_unknown_fields=True):
    """Body of ``POST /_admin/offices``."""

    token: Annotated[str, msgspec.Meta(min_length=1, pattern=r"^[^\s/]+$")]
    companies: Count
    knobs: dict[str, Any] = {}


class NewCompanies(msgspec.Struct, forbid_unknown_fields=True):
    """Body of ``POST …/companies``: a number of the world's next companies, or one company of your own."""

    count: Count = 1
    company: dict[str, Any] | None = None


class Touch(msgspec.Struct, forbid_unknown_fields=True):
    """Body of ``POST …/touch``: a count, or a share, of the companies, and which keys change."""

    companies: Count = 1
    share: Annotated[float, msgspec.Meta(ge=0, le=1)] | None = None
    keys: tuple[str, ...] = ("Telefone",)
    duplicates: bool = False


class Deliver(msgspec.Struct, forbid_unknown_fields=True):
    """Body of ``POST …/deliver``: how many open deliveries become delivered now."""

    deliveries: Count = 1


class Reset(msgspec.Struct, forbid_unknown_fields=True):
    """Body of ``POST /_admin/reset``: which parts go back to the start."""

    parts: tuple[str, ...] = ("knobs", "offices", "requests")


class Errand(msgspec.Struct, frozen=True):
    """One admin request in context."""

    source: Source
    request: Request
    words: tuple[str, ...]
    """The parts of the path that stand for ``{token}`` and ``{id}``."""

    def office(self) -> Office:
        """Return the office the path names."""
        found = self.source.offices.get(self.words[0])
        if found is None:
            raise Refusal(404, f"no office {self.words[0]!r}{nearest(self.words[0], self.source.offices)}")
        return found

    def company(self) -> Company:
        """Return the company the path names by ``ID``."""
        found = self.office().by_id(self.words[1])
        if found is None:
            raise Refusal(404, f"office {self.words[0]!r} has no company with ID {self.words[1]!r}")
        return found

    def read(self, kind: type[Body]) -> Body:
        """Return the body as a value of this type."""
        try:
            return msgspec.json.decode(self.request.body or b"{}", type=kind)
        except msgspec.DecodeError as problem:
            raise Refusal(400, f"body: {problem}") from problem

    def now(self) -> str:
        """Return the office's date and time as the API writes it."""
        knobs = self.source.board.effective(self.office().token)
        return source_moment(self.request, knobs).strftime("%Y-%m-%d %H:%M:%S")


def administered(source: Source, request: Request) -> Answer:
    """Answer a request under ``/_admin``."""
    try:
        _permit(source, request)
        words, routes = _found(request.segments()[1:])
        if request.method not in routes:
            raise Refusal(405, f"{request.path} takes {', '.join(routes)}, not {request.method}")
        return json_answer(routes[request.method](Errand(source, request, words)))
    except KnobError as problem:
        return json_answer({"error": str(problem)}, 400)
    except Refusal as problem:
        return json_answer({"error": str(problem)}, problem.status)


def _permit(source: Source, request: Request) -> None:
    if not source.plan.admin or not request.loopback:
        raise Refusal(404, "not found")
    if source.plan.admin_token is not None and request.token() != source.plan.admin_token:
        raise Refusal(401, "the admin routes want the admin token as a bearer token")


def _found(segments: tuple[str, ...]) -> tuple[tuple[str, ...], Routes]:
    for pattern, routes in ADMIN_ROUTES.items():
        parts = tuple(pattern.split("/")) if pattern else ()
        if len(parts) == len(segments) and all(
            part.startswith("{") or part == have for part, have in zip(parts, segments, strict=True)
        ):
            return tuple(have for part, have in zip(parts, segments, strict=True) if part.startswith("{")), routes
    path = "/".join(segments)
    raise Refusal(404, f"no admin route {path!r}{nearest(path, ADMIN_ROUTES)}")


def show_source(errand: Errand) -> Any:
    """Seed and offices."""
    offices = {token: len(office.companies) for token, office in errand.source.offices.items()}
    return {"seed": errand.source.plan.seed, "offices": offices}


def show_knobs(errand: Errand) -> Any:
    """The global knobs, or those that hold for an office; countdowns show what is left."""
    return errand.source.board.effective(errand.office().token if errand.words else None)


def show_own_knobs(errand: Errand) -> Any:
    """The knobs set for one office alone."""
    return errand.source.board.own(errand.office().token)


def patch_knobs(errand: Errand) -> Any:
    """Set some knobs."""
    errand.source.board.patch(errand.office().token if errand.words else None, errand.read(dict[str, Any]))
    return show_knobs(errand)


def put_knobs(errand: Errand) -> Any:
    """Set some knobs and take all others back."""
    errand.source.board.put(errand.office().token if errand.words else None, errand.read(dict[str, Any]))
    return show_knobs(errand)


def add_office(errand: Errand) -> Any:
    """Add an office, or replace one."""
    new = errand.read(NewOffice)
    errand.source.board.put(new.token, new.knobs)
    errand.source.open_office(new.token, new.companies)
    return show_source(errand)


def close_office(errand: Errand) -> Any:
    """Withdraw an office: its token is wrong from now on."""
    token = errand.office().token
    del errand.source.offices[token]
    errand.source.board.drop(token)
    return show_source(errand)


def show_companies(errand: Errand) -> Any:
    """Every company the source holds, with every key."""
    return [company.record for company in errand.office().companies]


def add_companies(errand: Errand) -> Any:
    """Let the office grow; return the new IDs."""
    new, office = errand.read(NewCompanies), errand.office()
    if new.company is None:
        return {"ids": [company.record["ID"] for company in office.add(new.count)]}
    values = _checked_company(new.company)
    company = office.append(dict.fromkeys(COMPANY_KEYS, "") | {key: [] for key in LIST_KEYS} | {"Status": "Ativa"})
    office.edit(company, {"ID": str(FIRST_ID + company.position), **values}, errand.now())
    return {"ids": [company.record["ID"]]}


def show_company(errand: Errand) -> Any:
    """One company, with every key."""
    return errand.company().record


def change_company(errand: Errand) -> Any:
    """Change some values of a company at the source."""
    company, values = errand.company(), _checked_company(errand.read(dict[str, Any]))
    errand.office().edit(company, values, errand.now())
    return company.record


def remove_company(errand: Errand) -> Any:
    """Take a company away from the source."""
    company = errand.company()
    errand.office().remove(company)
    return {"ids": [company.record["ID"]]}


def show_deliveries(errand: Errand) -> Any:
    """Every delivery of one company."""
    return errand.company().deliveries


def touch(errand: Errand) -> Any:
    """Change a seeded choice of companies; return their IDs and documents."""
    wish, office = errand.read(Touch), errand.office()
    for key in wish.keys:
        if key not in CHANGES:
            raise Refusal(400, f"key {key!r} cannot be touched{nearest(key, CHANGES)}")
    count = wish.companies if wish.share is None else round(wish.share * len(office.companies))
    chosen = office.pick(count, duplicates=wish.duplicates)
    office.touch(chosen, wish.keys, errand.now())
    return {
        "ids": [company.record["ID"] for company in chosen],
        "identifiers": [company.record["Identificador"] for company in chosen],
    }


def deliver(errand: Errand) -> Any:
    """Mark a seeded choice of open deliveries delivered now; return their EntIDs."""
    return {"ids": errand.office().deliver(errand.read(Deliver).deliveries, errand.now())}


def show_requests(errand: Errand) -> Any:
    """The recorded requests, oldest first: ``?office=TOKEN``, ``?limit=N``."""
    parameters = errand.request.parameters()
    limit = parameters.get("limit", "")
    if limit and not limit.isdigit():
        raise Refusal(400, f"limit must be a number, not {limit!r}")
    return errand.source.ledger.entries(parameters.get("office"), int(limit) if limit else None)


def show_statistics(errand: Errand) -> Any:
    """Requests by status, by fault and by office, rates, concurrency."""
    return errand.source.ledger.statistics(errand.request.at_s)


def reset(errand: Errand) -> Any:
    """Go back to the state at the start, whole or in parts."""
    parts = errand.read(Reset).parts
    for part in parts:
        if part not in Reset().parts:
            raise Refusal(400, f"no part {part!r} to reset{nearest(part, Reset().parts)}")
    errand.source.reset(parts)
    return show_source(errand)


def _checked_company(values: Record) -> Record:
    for key, value in values.items():
        if key not in COMPANY_KEYS:
            raise Refusal(400, f"a company has no key {key!r}{nearest(key, COMPANY_KEYS)}")
        if key in LIST_KEYS:
            right, wanted = isinstance(value, list) and all(isinstance(one, dict) for one in value), "a list of objects"
        else:
            right, wanted = value is None or isinstance(value, str), "a text or null"
        if not right:
            raise Refusal(400, f"{key!r} must be {wanted}")
        if key == "ID" and not re.fullmatch("[0-9]{1,12}", value or ""):
            raise Refusal(400, "'ID' must be a number of up to 12 digits, as a text")
        if key == "Identificador" and not value:
            raise Refusal(400, "'Identificador' must not be empty")
    return values


Routes = dict[str, Callable[[Errand], Any]]

ADMIN_ROUTES: Final[dict[str, Routes]] = {
    "": {"GET": show_source},
    "knobs": {"GET": show_knobs, "PATCH": patch_knobs, "PUT": put_knobs},
    "requests": {"GET": show_requests},
    "stats": {"GET": show_statistics},
    "reset": {"POST": reset},
    "offices": {"GET": show_source, "POST": add_office},
    "offices/{token}": {"DELETE": close_office},
    "offices/{token}/knobs": {"GET": show_knobs, "PATCH": patch_knobs, "PUT": put_knobs},
    "offices/{token}/own-knobs": {"GET": show_own_knobs},
    "offices/{token}/companies": {"GET": show_companies, "POST": add_companies},
    "offices/{token}/companies/{id}": {"GET": show_company, "PATCH": change_company, "DELETE": remove_company},
    "offices/{token}/companies/{id}/deliveries": {"GET": show_deliveries},
    "offices/{token}/touch": {"POST": touch},
    "offices/{token}/deliver": {"POST": deliver},
}
"""Paths under ``/_admin`` and what each takes."""
