"""The address, from what an operator typed."""

from __future__ import annotations

import pytest

from drena.api import GiveUp
from drena_acessorias.address import companies_page, repair


@pytest.mark.parametrize(
    "typed, base",
    [
        (None, "https://api.acessorias.com"),
        ("", "https://api.acessorias.com"),
        ("  ", "https://api.acessorias.com"),
        ("https://api.acessorias.com", "https://api.acessorias.com"),
        ("https://api.acessorias.com/", "https://api.acessorias.com"),
        (" https://api.acessorias.com/documentation ", "https://api.acessorias.com"),
        ("https://api.acessorias.com/documentation/", "https://api.acessorias.com"),
        ("https://api.acessorias.com/Documentation/#/companies", "https://api.acessorias.com"),
        ("https://api.acessorias.com/documentation/index.html?x=1", "https://api.acessorias.com"),
        ("api.acessorias.com", "https://api.acessorias.com"),
        ("api.acessorias.com/documentation", "https://api.acessorias.com"),
        ("//api.acessorias.com/", "https://api.acessorias.com"),
        ("http://api.acessorias.com", "https://api.acessorias.com"),
        ("http://127.0.0.1:8080/", "http://127.0.0.1:8080"),
        ("http://[::1]:8080//", "http://[::1]:8080"),
        ("http://proxy.example/acessorias/", "http://proxy.example/acessorias"),
    ],
)
def test_what_people_type_is_repaired(typed: str | None, base: str) -> None:
    assert repair(typed) == base


@pytest.mark.parametrize(
    "typed",
    [
        "https://",
        "ftp://api.acessorias.com",
        "https://a b.com",
        "http://h:port",
        "https://user:pw@h",
        "não sei",
        "http://[::1",
    ],
)
def test_what_cannot_be_an_address_is_named(typed: str) -> None:
    with pytest.raises(GiveUp) as caught:
        repair(typed)
    assert caught.value.code == "config_invalid"
    assert "base_url" in caught.value.message


def test_flags_are_present_without_a_value_and_the_page_is_called_pagina() -> None:
    address = companies_page("https://h", 3, ("obligations", "contacts"))
    assert address == "https://h/companies/ListAll?obligations&contacts&Pagina=3"
    assert companies_page("https://h", 1, ()) == "https://h/companies/ListAll?Pagina=1"
