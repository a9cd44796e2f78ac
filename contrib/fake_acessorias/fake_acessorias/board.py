"""The switchboard: which knobs hold for which office now, and what is left of the countdowns.

A knob set for an office hides the global one. A countdown is taken from where it is set, so "the next three requests"
set globally are the next three of anybody, and set for an office the next three of that office.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from fake_acessorias.knobs import Knobs, checked, merged

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


class Board:
    """Global knobs, each office's own, and the number of requests each office made since they were last set."""

    def __init__(self, everywhere: Mapping[str, Any], offices: Mapping[str, Mapping[str, Any]]) -> None:
        self._everywhere = merged(Knobs(), checked(everywhere))
        self._own = {office: checked(values) for office, values in offices.items()}
        self._effective: dict[str | None, Knobs] = {}
        self._turns: dict[str | None, int] = {}

    def effective(self, office: str | None) -> Knobs:
        """Return the knobs that hold for an office (None: for a caller without a valid token)."""
        found = self._effective.get(office)
        if found is None:
            found = self._effective[office] = merged(self._everywhere, self._own.get(office or "", {}))
        return found

    def own(self, office: str) -> dict[str, Any]:
        """Return the knobs set for this office alone."""
        return dict(self._own.get(office, {}))

    def patch(self, office: str | None, values: Mapping[str, Any]) -> None:
        """Set some knobs globally or for one office.

        Raises:
            KnobError: a name or value is wrong; nothing changed.
        """
        good = checked(values)
        if office is None:
            self._everywhere = merged(self._everywhere, good)
        else:
            self._own[office] = {**self._own.get(office, {}), **good}
        self._forget(office)

    def put(self, office: str | None, values: Mapping[str, Any]) -> None:
        """Set some knobs and take all others back: globally to the defaults, for an office to the global ones.

        Raises:
            KnobError: a name or value is wrong; nothing changed.
        """
        good = checked(values)
        if office is None:
            self._everywhere = merged(Knobs(), good)
        else:
            self._own[office] = good
        self._forget(office)

    def drop(self, office: str) -> None:
        """Forget an office that is gone."""
        self._own.pop(office, None)
        self._forget(office)

    def _forget(self, office: str | None) -> None:
        self._effective.clear()
        if office is None:
            self._turns.clear()
        else:
            self._turns.pop(office, None)

    def turn(self, office: str | None, path: str, page: int) -> int:
        """Count a request and return its number among those the faults are meant for; 0 when it is none of them."""
        if not in_scope(self.effective(office), path, page):
            return 0
        turn = self._turns[office] = self._turns.get(office, 0) + 1
        return turn

    def strike(self, office: str | None, faults: Iterable[str], turn: int) -> str:
        """Return the first of these faults that this request suffers, counted down, or an empty string."""
        return next((fault for fault in faults if turn and self._strikes(office, fault, turn)), "")

    def _strikes(self, office: str | None, fault: str, turn: int) -> bool:
        knobs = self.effective(office)
        left, rhythm = getattr(knobs, f"{fault}_next"), getattr(knobs, f"{fault}_every")
        if left:
            self._set(office, f"{fault}_next", left - 1)
        return bool(left or (rhythm and turn % rhythm == 0))

    def empty_once(self, office: str | None, path: str, page: int) -> bool:
        """Say whether this page is one to be empty now, and use that up."""
        knobs = self.effective(office)
        if page not in knobs.empty_once_pages or not path_in_scope(knobs, path):
            return False
        left = list(knobs.empty_once_pages)
        left.remove(page)
        self._set(office, "empty_once_pages", tuple(left))
        return True

    def _set(self, office: str | None, name: str, value: object) -> None:
        own = self._own.get(office or "", {})
        if name in own:
            own[name] = value
        else:
            self._everywhere = msgspec.structs.replace(self._everywhere, **{name: value})
        self._effective.clear()


def in_scope(knobs: Knobs, path: str, page: int) -> bool:
    """Say whether faults are meant for this request."""
    return path_in_scope(knobs, path) and (not knobs.only_pages or page in knobs.only_pages)


def path_in_scope(knobs: Knobs, path: str) -> bool:
    """Say whether faults and page knobs are meant for this path."""
    return not knobs.only_paths or path.startswith(knobs.only_paths)
