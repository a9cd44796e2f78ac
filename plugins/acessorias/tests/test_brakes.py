"""When a list read to its end is no success."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drena_acessorias.answers import Nothing
from drena_acessorias.brakes import verdict

EMPTY = Nothing("[]")


@pytest.mark.parametrize(
    "read, lost, known, end, code",
    [
        (300, 0, 0, EMPTY, None),
        (300, 0, 301, EMPTY, None),
        (150, 0, 300, EMPTY, None),
        (149, 0, 300, EMPTY, "read_too_few"),
        (0, 0, 300, EMPTY, "read_too_few"),
        (0, 0, 0, EMPTY, "nothing_read"),
        (0, 0, 0, Nothing("204"), "nothing_read"),
        (0, 0, 0, Nothing("404"), "nothing_read"),
        (0, 0, 300, Nothing("Erro", "Token sem acesso"), "provider_error"),
        (300, 0, 300, Nothing("Erro", "Fim"), None),
        (20, 20, 0, EMPTY, "nothing_usable"),
        (20, 19, 0, EMPTY, None),
    ],
)
def test_a_run_that_read_nothing_useful_or_far_too_little_is_an_error(
    read: int, lost: int, known: int, end: Nothing, code: str | None
) -> None:
    trouble = verdict(read=read, lost=lost, known=known, end=end)
    assert (trouble and trouble.code) == code


def test_the_error_says_the_numbers_or_the_words_of_the_api() -> None:
    few = verdict(read=20, lost=0, known=301, end=EMPTY)
    assert few is not None
    assert "20" in few.message
    assert "301" in few.message
    erro = verdict(read=0, lost=0, known=0, end=Nothing("Erro", "Empresa não localizada"))
    assert erro is not None
    assert "Empresa não localizada" in erro.message
    lost = verdict(read=0, lost=0, known=0, end=Nothing("404"))
    assert lost is not None
    assert "base_url" in lost.message


def test_an_office_that_shrank_may_ask_for_less() -> None:
    assert verdict(read=40, lost=0, known=400, end=EMPTY, min_share=0.1) is None
    assert verdict(read=39, lost=0, known=400, end=EMPTY, min_share=0.1) is not None
    assert verdict(read=0, lost=0, known=400, end=EMPTY, min_share=0.0) is not None


@given(st.integers(0, 400), st.integers(0, 400))
def test_success_needs_at_least_half_of_what_is_known(read: int, known: int) -> None:
    good = verdict(read=read, lost=0, known=known, end=EMPTY) is None
    assert good == (read > 0 and read >= known / 2)
