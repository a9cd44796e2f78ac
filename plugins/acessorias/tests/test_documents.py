"""CNPJ, CPF, CAEPF: one form for every way of writing them."""

from __future__ import annotations

import re
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drena_acessorias.documents import check_digits_hold, document, normalise

DIGITS = st.text(string.digits, min_size=11, max_size=11) | st.text(string.digits, min_size=14, max_size=14)
ALPHANUMERIC = st.builds(
    str.__add__,
    st.text(string.digits + string.ascii_uppercase, min_size=12, max_size=12),
    st.text(string.digits, min_size=2, max_size=2),
)
DOCUMENTS = DIGITS | ALPHANUMERIC
NOISE = st.text(" .-/\t\n\u00a0_()º", max_size=3)


@pytest.mark.parametrize("given_text", ["12.ABC.345/01DE-35", "11.222.333/0001-81", "529.982.247-25"])
def test_the_published_examples_hold(given_text: str) -> None:
    found = document(given_text)
    assert found is not None
    assert check_digits_hold(found)


@pytest.mark.parametrize("given_text", ["12.ABC.345/01DE-36", "11.222.333/0001-18", "529.982.247-52"])
def test_a_wrong_check_digit_is_seen_and_still_a_document(given_text: str) -> None:
    found = document(given_text)
    assert found is not None
    assert not check_digits_hold(found)


@pytest.mark.parametrize(
    "given_text",
    ["", "   ", "isento", "1122233300018", "112223330001811", "11.222.333/0001-8A", "********", "529.982.247"],
)
def test_anything_else_is_no_document(given_text: str) -> None:
    assert document(given_text) is None


@given(DOCUMENTS, st.data())
def test_every_formatting_of_a_document_is_the_same_document(bare: str, data: st.DataObject) -> None:
    written = "".join(data.draw(NOISE) + data.draw(st.sampled_from([each, each.lower()])) for each in bare)
    assert document(written + data.draw(NOISE)) == bare


@given(st.text())
def test_normalising_keeps_only_what_counts_and_is_done_once(text: str) -> None:
    kept = normalise(text)
    assert re.fullmatch("[0-9A-Z]*", kept)
    assert normalise(kept) == kept


@given(st.text())
def test_a_document_has_one_of_two_shapes(text: str) -> None:
    found = document(text)
    assert found is None or re.fullmatch("[0-9]{11}|[0-9A-Z]{12}[0-9]{2}", found)


@given(DOCUMENTS)
def test_exactly_one_pair_of_check_digits_holds(bare: str) -> None:
    holding = [pair for pair in range(100) if check_digits_hold(f"{bare[:-2]}{pair:02}")]
    assert len(holding) == 1


@pytest.mark.parametrize("lookalike", ["ß", "ı", "ſ", "１", "Ａ", "é"])
def test_letters_and_digits_outside_ascii_do_not_count(lookalike: str) -> None:
    assert normalise(f"1{lookalike}2") == "12"
