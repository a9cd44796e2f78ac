"""Which rows of a list stand on a page, under every page fault. Pure arithmetic."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fake_acessorias.knobs import Knobs


def page_number(text: str | None) -> int:
    """Return the page asked for: anything that is no positive number means the first, silently."""
    return int(text) if text and text.isascii() and text.isdigit() and int(text) > 0 else 1


def page_span(page: int, size: int, total: int, knobs: Knobs) -> tuple[int, int]:
    """Return the first row and the end (exclusive) of a page; both equal behind the end of the list."""
    if knobs.ignore_pagina:
        page = 1
    while page > 1 and page in knobs.repeated_pages:
        page -= 1
    size = knobs.page_size or size
    repeat = min(knobs.repeat_rows, size - 1)
    short = min(knobs.short_rows, size)
    held_back = (size - short) * sum(1 for number in set(knobs.short_pages) if number < page)
    start = max(0, (page - 1) * (size - repeat + knobs.skip_rows) - held_back)
    stop = start + (short if page in knobs.short_pages else size)
    nothing_new = page > 1 and start + repeat >= total
    return (total, total) if nothing_new or start >= total else (start, min(stop, total))
