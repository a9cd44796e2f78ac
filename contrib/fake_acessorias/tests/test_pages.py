"""Which rows stand on a page: arithmetic under every page fault."""

from itertools import chain, pairwise

from hypothesis import given
from hypothesis import strategies as st

from fake_acessorias.knobs import Knobs
from fake_acessorias.pages import page_number, page_span

totals = st.integers(0, 200)
pages = st.integers(1, 30)


def walk(total, knobs, size=20, cap=300):
    """Read page after page until one is empty, like an honest client."""
    rows = []
    for page in range(1, cap):
        start, stop = page_span(page, size, total, knobs)
        if start == stop:
            break
        rows.append(list(range(start, stop)))
    return rows


@given(totals, st.integers(1, 50))
def test_a_good_list_is_read_whole_and_in_order(total, size):
    read = walk(total, Knobs(page_size=size))
    assert list(chain(*read)) == list(range(total))
    assert all(len(page) == size for page in read[:-1])


@given(totals, st.frozensets(st.integers(1, 12), max_size=4), st.integers(1, 25))
def test_short_pages_lose_nothing(total, short, rows):
    read = walk(total, Knobs(short_pages=tuple(short), short_rows=rows))
    assert list(chain(*read)) == list(range(total))
    for number, page in enumerate(read[:-1], 1):
        assert len(page) == (min(rows, 20) if number in short else 20)


@given(totals, st.integers(1, 40))
def test_repeated_rows_lose_nothing_and_end(total, repeat):
    read = walk(total, Knobs(repeat_rows=repeat))
    assert {row for page in read for row in page} == set(range(total))
    repeat = min(repeat, 19)
    for before, after in pairwise(read):
        assert after[:repeat] == before[-repeat:]


@given(totals, st.integers(1, 40))
def test_skipped_rows_are_on_no_page(total, skip):
    read = list(chain(*walk(total, Knobs(skip_rows=skip))))
    assert read == [row for row in range(total) if row % (20 + skip) < 20]


@given(st.integers(41, 200))
def test_a_repeated_page_is_the_one_before_it(total):
    knobs = Knobs(repeated_pages=(2, 3))
    assert page_span(2, 20, total, knobs) == page_span(3, 20, total, knobs) == page_span(1, 20, total, knobs)


@given(totals, pages)
def test_an_ignored_pagina_is_page_one_for_ever(total, page):
    assert page_span(page, 20, total, Knobs(ignore_pagina=True)) == (0, min(20, total))


@given(totals, st.integers(1, 10**6))
def test_a_page_never_leaves_the_list(total, page):
    start, stop = page_span(page, 20, total, Knobs(short_pages=(1, 2, 3), short_rows=0, repeat_rows=5))
    assert 0 <= start <= stop <= total


@given(st.text())
def test_any_text_is_a_page_number_of_at_least_one(text):
    assert page_number(text) >= 1
