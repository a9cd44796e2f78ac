"""``/deliveries``: pages of fifty deliveries, grouped by company, and the many ways to get a 204."""

from __future__ import annotations

import datetime as dt
from itertools import groupby
from typing import TYPE_CHECKING, Final

from fake_acessorias.call import Call, empty_once, end_of_list
from fake_acessorias.forms import shaped
from fake_acessorias.messages import NO_CONTENT, Answer, json_answer
from fake_acessorias.office import delivered

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fake_acessorias.office import Company
    from fake_acessorias.world import Record

PAGE_SIZE: Final = 50
SITUATIONS: Final = ("pending", "read", "delivered")

Row = tuple["Company", "Record"]


def all_deliveries(call: Call, _segments: tuple[str, ...]) -> Answer:
    """``/deliveries/ListAll``: 204 unless both dates are there and ``DtLastDH`` is of today or yesterday."""
    since = _moment(call.parameters.get("DtLastDH", ""))
    if since is None or since.date() < call.moment.date() - dt.timedelta(days=1):
        return NO_CONTENT
    found = _page(call, call.own.companies)
    return found if isinstance(found, Answer) else json_answer(_grouped(call, found))


def deliveries_of(call: Call, segments: tuple[str, ...]) -> Answer:
    """``/deliveries/{id}``: one company's, as an object or a list of one."""
    company = call.own.by_document(segments[1])
    if company is None:
        return NO_CONTENT
    found = _page(call, [company])
    if isinstance(found, Answer):
        return found
    grouped = _grouped(call, found)
    return json_answer(grouped if call.knobs.deliveries_by_id == "list" else grouped[0])


def _page(call: Call, companies: Sequence[Company]) -> Sequence[Row] | Answer:
    """Return the deliveries on the page asked for, or the answer when there are none."""
    first, last = (_date(call.parameters.get(name, "")) for name in ("DtInitial", "DtFinal"))
    if first is None or last is None or call.parameters.get("config"):  # config=1 would mean "only delivery 1"
        return NO_CONTENT
    since = _moment(call.parameters.get("DtLastDH", ""))
    rows = _matching(call, companies, (first.isoformat(), last.isoformat()), since.isoformat(" ") if since else "")
    if not rows:
        return NO_CONTENT
    page = call.page_of(rows, PAGE_SIZE)
    if page is None:
        return empty_once()
    return page or end_of_list(call.knobs)


def _matching(call: Call, companies: Sequence[Company], due: tuple[str, str], since: str) -> list[Row]:
    department = call.parameters.get("department_id", "")
    situations = [word for word in call.parameters.get("situation", "").split(",") if word in SITUATIONS]
    return [
        (company, delivery)
        for company in companies
        for delivery in company.deliveries
        if due[0] <= delivery["EntDtPrazo"] <= due[1]
        and delivery["EntLastDH"] >= since
        and (not department.isdigit() or delivery["Config"]["DptoID"] == department)
        and (not situations or any(_is(delivery, word) for word in situations))
    ]


def _is(delivery: Record, situation: str) -> bool:
    if situation == "read":
        return bool(delivery["EntGuiaLida"])
    return delivered(delivery) == (situation == "delivered")


def _grouped(call: Call, rows: Sequence[Row]) -> list[Record]:
    return [
        {
            **shaped({key: company.record[key] for key in ("ID", "Identificador", "Razao", "Fantasia")}, call.knobs),
            "Entregas": [_visible(call, delivery) for _, delivery in group],
        }
        for company, group in groupby(rows, key=lambda row: row[0])
    ]


def _visible(call: Call, delivery: Record) -> Record:
    hidden = {key for key, flag in (("Config", "config"), ("Anexos", "attachments")) if flag not in call.parameters}
    return shaped({key: value for key, value in delivery.items() if key not in hidden}, call.knobs)


def _date(text: str) -> dt.date | None:
    try:
        return dt.datetime.strptime(text, "%Y-%m-%d").date()  # noqa: DTZ007 - a day has no time zone
    except ValueError:
        return None


def _moment(text: str) -> dt.datetime | None:
    try:
        return dt.datetime.strptime(text, "%Y-%m-%d %H:%M:%S")  # noqa: DTZ007 - the source's own clock
    except ValueError:
        return None
