"""The knobs: every way the real API is known to misbehave, as one typed value.

A knob named ``*_next`` is a countdown: the next N requests in its scope suffer the fault, each takes one, and reading
the knob says how many are left. A knob named ``*_every`` is a rhythm: each Nth request in scope, counted office by
office since a knob was last set. Scope is narrowed by ``only_paths`` and ``only_pages``.
"""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Count = Annotated[int, msgspec.Meta(ge=0)]
Positive = Annotated[int, msgspec.Meta(ge=1)]
Milliseconds = Annotated[float, msgspec.Meta(ge=0, le=3_600_000)]
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
Day = Annotated[str, msgspec.Meta(pattern=r"^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$")]


class KnobError(ValueError):
    """A knob nobody knows, or a value of the wrong type; the text names both and what would be right."""


class Knobs(msgspec.Struct, frozen=True, kw_only=True):
    """What the fake does beyond answering well. The defaults are the real API on a good day, without a rate limit."""

    revoked: bool = False
    """The right token is refused with 401, as if the office had withdrawn it."""
    forbidden: bool = False
    """Every request of the office is answered 403."""

    requests_per_minute: Positive | None = None
    """Requests admitted in ``rate_window_s``, per token; the rest get 429. None: no limit."""
    rate_window_s: Annotated[float, msgspec.Meta(gt=0, le=3600)] = 60.0
    """Length of the sliding window, so that a test need not wait a minute."""
    retry_after: Literal["absent", "seconds", "date"] = "absent"
    """Whether a 429 says when to come back, and in which form."""
    throttle_silently: bool = False
    """Over the limit, lists answer 200 ``[]`` instead of 429."""

    reset_next: Count = 0
    """The next N connections are reset before anything is answered."""
    reset_every: Count = 0
    """Each Nth request is reset before anything is answered."""
    fail_next: Count = 0
    """The next N requests get ``fail_status``."""
    fail_every: Count = 0
    """Each Nth request gets ``fail_status``."""
    fail_status: Annotated[int, msgspec.Meta(ge=200, le=599)] = 500
    """Status of failed requests: 500, 502, 503, or any other (200 with an HTML body is a maintenance page)."""
    fail_body: Literal["html", "json", "blank"] = "html"
    """Body of failed requests: a proxy's HTML page, JSON, or nothing."""
    erro_next: Count = 0
    """The next N requests get a business error: 200 with ``{"Erro": …}``."""
    erro_every: Count = 0
    """Each Nth request gets a business error."""
    erro_key: Literal["Erro", "erro", "error", "msg", "message"] = "Erro"
    """The key of every business error."""
    cut_next: Count = 0
    """The next N answers stop in the middle of the body and the connection closes."""
    cut_every: Count = 0
    """Each Nth answer stops in the middle of the body."""
    truncate_next: Count = 0
    """The next N answers are truncated JSON whose Content-Length is right."""
    truncate_every: Count = 0
    """Each Nth answer is truncated JSON."""
    cut_at: Share = 0.5
    """Share of the body that is still sent when an answer is cut or truncated."""
    only_paths: tuple[str, ...] = ()
    """Path prefixes (``/companies``) that faults and page knobs are limited to. Empty: all."""
    only_pages: tuple[Positive, ...] = ()
    """Values of ``Pagina`` that faults are limited to. Empty: all."""

    latency_ms: Milliseconds = 0.0
    """Every answer waits this long."""
    jitter_ms: Milliseconds = 0.0
    """And up to this much longer, by the seed and the number of the request."""
    slow_next: Count = 0
    """The next N answers wait ``slow_ms`` more."""
    slow_every: Count = 0
    """Each Nth answer waits ``slow_ms`` more."""
    slow_ms: Milliseconds = 1000.0
    """How much longer slow answers wait."""
    trickle_ms: Milliseconds = 0.0
    """The body comes in eight pieces with this pause before each."""

    end_of_list: Literal["empty", "204", "404", "erro"] = "empty"
    """What stands after the last page: 200 ``[]``, 204 without a body, 404, or 200 ``{"Erro": …}``."""
    page_size: Positive | None = None
    """Rows a page, instead of 20 (deliveries: 50)."""
    short_pages: tuple[Positive, ...] = ()
    """Pages that carry only ``short_rows`` rows; the list goes on behind them and loses nothing."""
    short_rows: Count = 7
    """Rows on a short page."""
    empty_once_pages: tuple[Positive, ...] = ()
    """Pages that are 200 ``[]`` when first asked for and full afterwards; each is used up, and may be named twice."""
    repeat_rows: Count = 0
    """Each page begins with this many last rows of the page before it."""
    skip_rows: Count = 0
    """This many rows between one page and the next are on neither."""
    repeated_pages: tuple[Positive, ...] = ()
    """Pages that repeat the page before them exactly; the rows that belong there are not served."""
    ignore_pagina: bool = False
    """``Pagina`` is ignored: page 1 for ever."""

    company_by_id: Literal["object", "list"] = "object"
    """Form of ``/companies/{id}``."""
    deliveries_by_id: Literal["object", "list"] = "object"
    """Form of ``/deliveries/{id}``: production gives an object, the documentation a list of one."""
    json_as_html: bool = False
    """JSON is sent as ``text/html``."""
    masked: bool = False
    """The token is restricted: ``masked_keys`` hold ``********``."""
    masked_keys: tuple[str, ...] = ("Fantasia", "Telefone", "Honorario", "E-mail", "Celular", "RespEmail")
    """Keys hidden from a restricted token."""
    empty_dates: Literal["mixed", "zero", "blank", "null", "absent"] = "mixed"
    """Form of an empty date: as the world has it, ``0000-00-00``, ``""``, null, or no key."""
    empties: Literal["mixed", "blank", "null", "absent"] = "mixed"
    """Form of an empty text: as the world has it, ``""``, null, or no key."""
    date_style: Literal["iso", "brazilian"] = "iso"
    """Dates of companies and deliveries as ``YYYY-MM-DD`` or ``DD/MM/YYYY``."""
    duplicates: Count = 0
    """This many companies stand a second time, at the end of the list: the same document under an ID of its own."""
    today: Day | None = None
    """The day it is at the source (for ``DtLastDH``), instead of the machine's date in Brasília time."""


FIELDS: Final = {field.name: field.type for field in msgspec.structs.fields(Knobs)}
EARLY_FAULTS: Final = ("reset", "fail", "erro")
"""Faults instead of an answer, in order of precedence."""
LATE_FAULTS: Final = ("cut", "truncate")
"""Faults of an answer that has a body and suffers none of the early ones. ``slow`` goes with any."""


def checked(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return knob values converted to their types.

    Raises:
        KnobError: a name or a value is wrong; nothing was converted.
    """
    return {name: _checked_one(name, value) for name, value in values.items()}


def _checked_one(name: str, value: Any) -> Any:
    if name not in FIELDS:
        raise KnobError(f"unknown knob {name!r}{nearest(name, FIELDS)}")
    try:
        return msgspec.convert(value, FIELDS[name])
    except msgspec.ValidationError as problem:
        hint = nearest(value, choices(name)) if isinstance(value, str) else ""
        raise KnobError(f"knob {name!r}: {problem}{hint}") from problem


def choices(name: str) -> tuple[str, ...]:
    """Return the words a knob may be set to, or nothing when it is no choice of words (or no knob)."""
    inspected = msgspec.inspect.type_info(FIELDS.get(name))
    return tuple(map(str, inspected.values)) if isinstance(inspected, msgspec.inspect.LiteralType) else ()


def nearest(word: str, words: Iterable[str]) -> str:
    """Return ``; did you mean 'x'?`` for the most similar word, or nothing when none is similar."""
    known = {candidate.lower(): candidate for candidate in words}
    found = difflib.get_close_matches(word.lower(), known, n=1, cutoff=0.5)
    return f"; did you mean {known[found[0]]!r}?" if found else ""


def merged(knobs: Knobs, values: Mapping[str, Any]) -> Knobs:
    """Return the knobs with some of them replaced by checked values."""
    return msgspec.structs.replace(knobs, **values) if values else knobs
