"""The demo's own SQL, by name: what it furnishes the old database with, and what it reads back as proof."""

from __future__ import annotations

from functools import cache

from drena.store.queries import read_statements


def sql(name: str) -> str:
    """The statement of this name from the `.sql` files beside this one."""
    return _statements()[name]


@cache
def _statements() -> dict[str, str]:
    return read_statements("drena.demo")
