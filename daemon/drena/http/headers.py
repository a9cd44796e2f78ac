"""What the headers of a request say: language, origin, request id. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from drena.problems import Language

LANGUAGES: Final[dict[str, Language]] = {"pt": "pt", "en": "en"}
REQUEST_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/+=@-]{0,99}")
LOOPBACK_HOST: Final = re.compile(
    r"(localhost|([a-z0-9-]+\.)+localhost|127\.\d+\.\d+\.\d+|\[::1\])(:\d+)?", re.IGNORECASE
)


def preferred_language(accept: str) -> Language:
    """The best of our languages by an `Accept-Language` header; Portuguese when it says nothing of either."""
    best: Language = "pt"
    best_weight = 0.0
    for part in accept.split(","):
        tag, _, parameter = part.strip().partition(";")
        language = LANGUAGES.get(tag.strip().lower().partition("-")[0])
        weight = _weight(parameter)
        if language is not None and weight > best_weight:
            best, best_weight = language, weight
    return best


def _weight(parameter: str) -> float:
    name, _, value = parameter.strip().partition("=")
    if name.strip().lower() != "q":
        return 1.0
    try:
        return min(1.0, float(value))
    except ValueError:
        return 0.0


def sane_request_id(given: str) -> str | None:
    """The client's id for a request, if it can stand in a log and a header."""
    return given if REQUEST_ID.fullmatch(given) else None


def is_own_origin(origin: str, host: str, *, secure: bool) -> bool:
    """Whether a page of this very server sent a request: behind a proxy the scheme may differ, the host may not."""
    scheme, _, rest = origin.partition("://")
    return bool(host) and rest.lower() == host.lower() and scheme in (("https",) if secure else ("http", "https"))


def is_loopback_host(host: str) -> bool:
    """Whether a `Host` header names this machine itself. A page elsewhere whose name was rebound to 127.0.0.1 does
    not pass."""
    return LOOPBACK_HOST.fullmatch(host) is not None
