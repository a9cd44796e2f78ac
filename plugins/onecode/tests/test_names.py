"""Names, addresses and similarities, decided on plain values."""

from __future__ import annotations

import pytest

from drena.api import GiveUp
from drena_onecode.address import repair
from drena_onecode.answers import Contact, contact
from drena_onecode.matching import Company, Directory
from drena_onecode.names import company_part, normalise


@pytest.mark.parametrize(
    "name, normal",
    [
        ("Padaria Bom Dia Ltda.", "PADARIA BOM DIA"),
        ("AÇOUGUE & CIA. LTDA - ME", "ACOUGUE"),
        ("Auto-Peças São João", "AUTO PECAS SAO JOAO"),
        ("Horizonte S/A", "HORIZONTE"),
        ("Horizonte S.A.", "HORIZONTE"),
        ("Horizonte SA", "HORIZONTE"),
        ("Mesa Bar", "MESA BAR"),
        ("  LTDA ", ""),
        ("株式会社", ""),
    ],
)
def test_a_name_is_compared_without_what_every_company_has(name, normal):
    assert normalise(name) == normal


@pytest.mark.parametrize(
    "contact_name, company",
    [
        ("EMPRESA - pessoa", "EMPRESA"),
        ("EMPRESA – pessoa", "EMPRESA"),
        ("EMPRESA | pessoa", "EMPRESA"),
        ("EMPRESA - FILIAL SUL - pessoa", "EMPRESA - FILIAL SUL"),
        ("Auto-Peças", "Auto-Peças"),
        (" EMPRESA ", "EMPRESA"),
        ("- pessoa", "- pessoa"),
    ],
)
def test_the_company_stands_before_the_last_separator(contact_name, company):
    assert company_part(contact_name) == company


def match(name, *companies, **limits):
    directory = Directory(
        [Company(str(n), each) for n, each in enumerate(companies)], **{"link_at": 0.85, "review_at": 0.7, **limits}
    )
    (found,) = directory.match([Contact(id="c", name=name, phone=None)])
    return found


def test_the_similarity_is_jaro_winkler_s():
    """The textbook's pairs."""
    for one, other, score in (("MARTHA", "MARHTA", 0.9611), ("DIXON", "DICKSONX", 0.8133), ("DWAYNE", "DUANE", 0.84)):
        assert match(one, other).score == pytest.approx(score, abs=1e-4)


@pytest.mark.parametrize(
    "name, wish", [("MARHTA", "link"), ("DICKSONX", "review"), ("QQQQ", "ignore"), ("MA", "ignore"), ("LTDA", "ignore")]
)
def test_the_wish_follows_the_similarity(name, wish):
    assert match(name, "MARTHA", "DIXON").wish == wish


def test_the_thresholds_are_inclusive():
    score = match("DICKSONX", "DIXON").score
    assert match("DICKSONX", "DIXON", link_at=score - 1e-4).wish == "link"
    assert match("DICKSONX", "DIXON", link_at=1, review_at=score + 1e-4).wish == "ignore"


def test_two_equal_companies_are_never_linked():
    assert match("MARTHA", "Martha Ltda", "Martha ME").wish == "review"
    assert match("MARTHA", "Martha", "Marthe").wish == "link"


@pytest.mark.parametrize(
    "typed, base",
    [
        ("contmax", "https://api-contmax.onecode.chat"),
        ("api-contmax", "https://api-contmax.onecode.chat"),
        ("http://api-contmax.onecode.chat/api/contacts/", "https://api-contmax.onecode.chat"),
        ("http://127.0.0.1:81/", "http://127.0.0.1:81"),
    ],
)
def test_an_address_is_repaired(typed, base):
    assert repair(typed) == base


@pytest.mark.parametrize("typed", [None, "", "https://api.acessorias.com", "ftp://x", "https://u@h"])
def test_an_address_that_is_none_is_named(typed):
    with pytest.raises(GiveUp, match="base_url"):
        repair(typed)


def test_a_contact_is_read_by_any_of_its_names():
    for row in (
        {"id": 7, "name": "A", "phone": "11999990000"},
        {"contactId": "7", "nome": "A", "number": "11999990000"},
    ):
        assert contact(row) == Contact(id="7", name="A", phone="11999990000")
    for row in ({}, {"id": 7}, {"name": "A"}, {"id": True, "name": "A"}, [], None):
        assert contact(row) is None
