"""The rules for walking a list that never says how long it is."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drena.api import GiveUp
from drena_acessorias.answers import Nothing, Rows
from drena_acessorias.pages import DIGEST_LENGTH, AskAgain, End, Take, Walk, page_digest, resume_at
from drena_acessorias.rows import opened

EMPTY = Nothing("[]")
FORMS = st.sampled_from([Nothing("[]"), Nothing("204"), Nothing("404"), Nothing("Erro", "texto")])


def rows(*identifiers: int) -> Rows:
    return Rows([{"ID": str(each)} for each in identifiers], [str(each) for each in identifiers])


def page(*companies: dict[str, str]) -> Rows:
    return opened([msgspec.Raw(msgspec.json.encode(each)) for each in companies])


def walk(start: int = 1, cap: int = 100, digests: tuple[str, ...] = ()) -> Walk:
    return Walk(start=start, cap=cap, digests=digests)


@given(FORMS, FORMS)
def test_the_list_ends_only_when_a_second_request_is_empty_too(first: Nothing, second: Nothing) -> None:
    walking = walk()
    assert isinstance(walking.step(rows(1)), Take)
    assert walking.step(first) == AskAgain(2)
    assert walking.page == 2
    assert walking.step(second) == End(2, second)


@given(FORMS)
def test_a_page_that_is_full_when_asked_again_was_throttling(first: Nothing) -> None:
    walking = walk()
    walking.step(first)
    taken = walking.step(rows(1))
    assert isinstance(taken, Take)
    assert (taken.page, taken.throttled) == (1, True)
    after = walking.step(rows(2))
    assert isinstance(after, Take)
    assert (after.page, after.throttled) == (2, False)


def test_each_empty_page_is_doubted_anew() -> None:
    walking = walk()
    for page in (1, 2, 3):
        assert walking.step(EMPTY) == AskAgain(page)
        assert isinstance(walking.step(rows(page)), Take)
    assert walking.step(EMPTY) == AskAgain(4)


def test_a_short_page_in_the_middle_is_not_the_end() -> None:
    walking = walk()
    for page in (rows(*range(20)), rows(99), rows(*range(20, 40))):
        assert isinstance(walking.step(page), Take)
    assert walking.page == 4


@pytest.mark.parametrize("between", [0, 1, 5])
def test_a_page_that_repeats_an_earlier_one_fails_the_run(between: int) -> None:
    walking = walk()
    walking.step(rows(1, 2))
    for page in range(between):
        walking.step(rows(100 + page))
    with pytest.raises(GiveUp) as caught:
        walking.step(rows(1, 2))
    assert caught.value.code == "pagination_repeated"
    assert f"página {2 + between}" in caught.value.message


def test_a_page_whose_companies_changed_in_between_still_repeats() -> None:
    walking = walk()
    walking.step(page({"ID": "1", "Telefone": "1"}))
    with pytest.raises(GiveUp):
        walking.step(page({"ID": "1", "Telefone": "2"}))


def test_pages_of_masked_ids_differ_by_their_other_fields() -> None:
    walking = walk()
    walking.step(page({"ID": "********", "Identificador": "1"}))
    assert isinstance(walking.step(page({"ID": "********", "Identificador": "2"})), Take)


def test_pages_may_share_rows() -> None:
    walking = walk()
    for page in (rows(1, 2, 3), rows(3, 4, 5), rows(5, 4, 3)):
        assert isinstance(walking.step(page), Take)


def test_a_list_of_exactly_the_cap_is_good_and_one_page_more_is_not() -> None:
    walking = walk(cap=2)
    walking.step(rows(1))
    walking.step(rows(2))
    walking.step(EMPTY)
    with pytest.raises(GiveUp) as caught:
        walking.step(rows(3))
    assert caught.value.code == "too_many_pages"
    walking = walk(cap=1)
    walking.step(rows(1))
    walking.step(EMPTY)
    assert isinstance(walking.step(EMPTY), End)


def test_a_resumed_walk_may_read_its_overlap_again_and_still_knows_the_pages_before() -> None:
    digests = tuple(page_digest(rows(page).ids) for page in (1, 2, 3))
    walking = walk(start=resume_at(4), digests=digests)
    assert walking.page == 3
    assert isinstance(walking.step(rows(3)), Take)
    with pytest.raises(GiveUp):
        walking.step(rows(1))


@pytest.mark.parametrize("following, start", [(1, 1), (2, 1), (3, 2), (100, 99)])
def test_a_resumed_walk_starts_one_page_back(following: int, start: int) -> None:
    assert resume_at(following) == start


def check(held: bool) -> None:
    assert held


ANSWERS = st.lists(st.one_of(FORMS, st.integers(0, 30).map(rows)), max_size=30)


@given(ANSWERS)
def test_a_walk_takes_every_full_page_once_and_in_order_until_it_ends(answers: list[Any]) -> None:
    walking, taken = walk(cap=10), []
    previous: Any = None
    for answer in answers:
        try:
            step = walking.step(answer)
        except GiveUp as stop:
            reasons = {
                "pagination_repeated": answer.rows in [each for each, _ in taken],
                "too_many_pages": len(taken) == 10,
            }
            return check(reasons[stop.code])
        if isinstance(step, End):
            return check(isinstance(previous, Nothing))
        if isinstance(step, Take):
            taken.append((step.rows, step.page))
            assert step.throttled == isinstance(previous, Nothing)
        previous = answer
    return check([page for _, page in taken] == list(range(1, len(taken) + 1)))


@given(st.lists(st.dictionaries(st.text(max_size=3), st.text(max_size=3)), max_size=5))
def test_a_digest_is_short_and_depends_on_nothing_but_the_rows(page: list[Any]) -> None:
    assert len(page_digest(page)) == DIGEST_LENGTH
    assert page_digest([dict(reversed(row.items())) for row in page]) == page_digest(page)
