"""Document numbers, against published examples and their own definition."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fake_acessorias import documents

CHARACTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


@pytest.mark.parametrize(
    "stem,whole",
    [("12ABC34501DE", "12.ABC.345/01DE-35"), ("112223330001", "11.222.333/0001-81")],
)
def test_a_cnpj_ends_in_the_published_check_digits(stem, whole):
    assert documents.masked_cnpj(documents.cnpj(stem)) == whole


def test_a_cpf_ends_in_the_published_check_digits():
    assert documents.masked_cpf(documents.cpf("529982247")) == "529.982.247-25"


def test_a_caepf_has_fourteen_digits_and_a_mask_of_its_own():
    bare = documents.caepf("293118610001")
    assert len(bare) == 14
    assert bare.isdigit()
    assert documents.masked_caepf(bare)[:15] == "293.118.610/001"


@given(st.text(CHARACTERS, min_size=12, max_size=12))
def test_each_check_digit_makes_its_weighted_sum_come_out_even(stem):
    whole = documents.cnpj(stem)
    for length, weights in ((13, [5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2]), (14, [6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2])):
        rest = sum((ord(c) - 48) * w for c, w in zip(whole[: length - 1], weights, strict=True)) % 11
        assert int(whole[length - 1]) == (0 if rest < 2 else 11 - rest)


@given(st.text(CHARACTERS, min_size=12, max_size=12))
def test_taking_the_mask_off_gives_the_bare_number_back(stem):
    whole = documents.cnpj(stem)
    assert documents.bare(f" {documents.masked_cnpj(whole).lower()} ") == whole
