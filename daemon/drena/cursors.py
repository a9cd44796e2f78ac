"""Pages by keyset: where one ended is told in a cursor, which says nothing to whoever holds it. Pure."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import msgspec

from drena.asking import holds_nul
from drena.problems import Refused

if TYPE_CHECKING:
    from collections.abc import Sequence

Item = TypeVar("Item")
Place = TypeVar("Place", bound=tuple[Any, ...])


class Page(NamedTuple):
    """A part of a list."""

    items: list[Any]
    next_cursor: str | None
    """Where the next part begins; None at the end."""


def page_of(found: Sequence[tuple[Item, tuple[Any, ...]]], limit: int) -> Page:
    """A page out of what was read, one more than it holds, each with its place."""
    more = len(found) > limit
    return Page([item for item, _place in found[:limit]], _cursor(found[limit - 1][1]) if more else None)


def place_of(cursor: str | None, kind: type[Place]) -> Place | None:
    """Where the page before ended; None for the first one.

    Raises:
        Refused: `cursor_invalid`.
    """
    if cursor is None:
        return None
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        if holds_nul(text):
            raise ValueError(cursor)
        place: Place = msgspec.json.decode(text, type=kind)
    except (ValueError, msgspec.MsgspecError):
        raise Refused("cursor_invalid") from None
    return place


def _cursor(place: tuple[Any, ...]) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode(place)).decode().rstrip("=")
