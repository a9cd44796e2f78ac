"""What stands between a caller and the routes: faults, the token, the rate limit. A function of state and request.

The order is that of the real thing: a proxy fails before anybody looks at the token, and the token is judged before
the limit.
"""

from __future__ import annotations

import datetime as dt
import math
from email.utils import format_datetime
from typing import TYPE_CHECKING

import msgspec

from fake_acessorias.call import Call, business_error
from fake_acessorias.dice import dice
from fake_acessorias.knobs import EARLY_FAULTS, LATE_FAULTS
from fake_acessorias.ledger import Entry
from fake_acessorias.messages import Answer, Request, html_answer, json_answer
from fake_acessorias.pages import page_number
from fake_acessorias.routes import routed

if TYPE_CHECKING:
    from fake_acessorias.knobs import Knobs
    from fake_acessorias.source import Source

_WORDS = {200: "Em manutenção", 429: "Too Many Requests", 500: "Internal Server Error", 502: "Bad Gateway"}


def answer(source: Source, request: Request) -> Answer:
    """Answer a request of the API and write it into the ledger."""
    call = _call(source, request)
    token = call.office.token if call.office else None
    turn = source.board.turn(token, request.path, call.page)
    early = source.board.strike(token, EARLY_FAULTS, turn)
    found = _failed(call, early) if early else _admitted(call)
    late = source.board.strike(token, LATE_FAULTS, turn) if found.body and not early else ""
    slow = source.board.strike(token, ("slow",), turn)
    found = _timed(_spoiled(found, late, call.knobs), source, call.knobs, slow=bool(slow))
    source.ledger.record(_entry(source, request, token, found))
    return found


def _call(source: Source, request: Request) -> Call:
    office = source.offices.get(request.token())
    parameters = request.parameters()
    return Call(
        request=request,
        parameters=parameters,
        page=page_number(parameters.get("Pagina")),
        knobs=source.board.effective(office.token if office else None),
        board=source.board,
        office=office,
    )


def _entry(source: Source, request: Request, token: str | None, found: Answer) -> Entry:
    return Entry(
        number=source.ledger.total + 1,
        at_s=round(request.at_s, 6),
        office=token,
        method=request.method,
        path=request.path,
        query=request.query,
        status=found.status,
        fault=found.fault,
    )


def _failed(call: Call, fault: str) -> Answer:
    knobs = call.knobs
    if fault == "reset":
        return Answer(status=0, fault="reset")
    if fault == "erro":
        return msgspec.structs.replace(business_error(knobs, "Falha ao processar a consulta"), fault="erro")
    page = html_answer(knobs.fail_status, _WORDS.get(knobs.fail_status, "Service Unavailable"))
    if knobs.fail_body == "json":
        page = json_answer({"Erro": "Falha interna"}, knobs.fail_status)
    elif knobs.fail_body == "blank":
        page = Answer(status=knobs.fail_status)
    return msgspec.structs.replace(page, fault="fail")


def _admitted(call: Call) -> Answer:
    if call.office is None or call.knobs.revoked:
        return html_answer(401, "Unauthorized")
    if call.knobs.forbidden:
        return html_answer(403, "Forbidden")
    if call.knobs.requests_per_minute:
        wait_s = call.office.window.admit(call.request.at_s, call.knobs.requests_per_minute, call.knobs.rate_window_s)
        if wait_s:
            return _limited(call, wait_s)
    found = routed(call)
    if call.knobs.json_as_html and found.content_type.startswith("application/json"):
        return msgspec.structs.replace(found, content_type="text/html; charset=utf-8")
    return found


def _limited(call: Call, wait_s: float) -> Answer:
    if call.knobs.throttle_silently and call.request.method == "GET":
        return Answer(body=b"[]", fault="silenced")
    headers = [("X-RateLimit-Remaining", "60")]  # as in life, not to be trusted
    if call.knobs.retry_after == "seconds":
        headers.append(("Retry-After", str(math.ceil(wait_s))))
    elif call.knobs.retry_after == "date":
        moment = call.request.moment.astimezone(dt.UTC) + dt.timedelta(seconds=math.ceil(wait_s))
        headers.append(("Retry-After", format_datetime(moment, usegmt=True)))
    page = html_answer(429, "Too Many Requests")
    return msgspec.structs.replace(page, headers=tuple(headers), fault="limited")


def _spoiled(found: Answer, fault: str, knobs: Knobs) -> Answer:
    if fault == "cut":
        return msgspec.structs.replace(found, fault="cut", keep=knobs.cut_at)
    if fault == "truncate":
        kept = min(len(found.body) - 1, int(len(found.body) * knobs.cut_at))
        return msgspec.structs.replace(found, fault="truncate", body=found.body[:kept])
    return found


def _timed(found: Answer, source: Source, knobs: Knobs, *, slow: bool) -> Answer:
    if not (slow or knobs.latency_ms or knobs.jitter_ms or knobs.trickle_ms):
        return found
    chance = dice(source.plan.seed, "jitter", source.ledger.total).random()
    delay_ms = knobs.latency_ms + knobs.jitter_ms * chance + (knobs.slow_ms if slow else 0)
    return msgspec.structs.replace(found, delay_s=delay_ms / 1000, trickle_s=knobs.trickle_ms / 1000)
