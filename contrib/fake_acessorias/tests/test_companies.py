"""The routes of companies and the smaller lists, as the facts about the API have them."""

from itertools import chain

import msgspec
import pytest

from fake_acessorias import documents
from fake_acessorias.world import BASE_KEYS, FLAG_KEYS

ALL_FLAGS = "&".join(FLAG_KEYS)


def ids(rows):
    return [row["ID"] for row in rows]


def test_pages_of_twenty_hold_the_whole_list_in_order(desk):
    pages = [desk.page(number) for number in (1, 2, 3, 4)]
    assert [len(page) for page in pages] == [20, 20, 20, 5]
    assert list(chain(*pages)) == ids(desk.truth)


def test_page_is_not_a_parameter(desk):
    assert ids(desk.rows("/companies/ListAll?page=3")) == desk.page(1)


@pytest.mark.parametrize("pagina", ["0", "-1", "abc", "", "2.5", "²"])
def test_a_pagina_that_is_no_number_means_the_first(desk, pagina):
    assert ids(desk.rows(f"/companies/ListAll?Pagina={pagina}")) == desk.page(1)


def test_unknown_parameters_are_ignored(desk):
    assert desk.get("/companies/ListAll?foo=1&limit=500&per_page=9").body == desk.get("/companies/ListAll").body


def test_without_flags_only_the_base_keys_are_there(desk):
    assert {key for row in desk.rows("/companies/ListAll") for key in row} == set(BASE_KEYS)


@pytest.mark.parametrize("flag", FLAG_KEYS)
@pytest.mark.parametrize("form", ["{}", "{}=", "{}=1", "{}=0"])
def test_a_flag_counts_by_its_presence(desk, flag, form):
    added = {key for row in desk.rows(f"/companies/ListAll?{form.format(flag)}") for key in row} - set(BASE_KEYS)
    assert added == set(FLAG_KEYS[flag])


def test_all_flags_give_the_truth(desk):
    rows = desk.rows(f"/companies/ListAll?{ALL_FLAGS}")
    known = [{key: value for key, value in row.items() if key != "DtLastDH" or value} for row in desk.truth[:20]]
    assert rows == known


@pytest.mark.parametrize("ativa,status", [("S", {"Ativa"}), ("N", {"Inativa"}), ("X", {"Ativa", "Inativa"})])
def test_ativa_filters_and_ignores_what_it_does_not_know(desk, ativa, status):
    rows = desk.rows(f"/companies/ListAll?ativa={ativa}")
    assert {row["Status"] for row in rows} == status


def test_nearly_every_value_is_a_text(desk):
    rows = desk.rows("/companies/ListAll")
    assert {type(value) for row in rows for value in row.values()} == {str, type(None)}


def test_bare_companies_is_empty(desk):
    assert desk.rows("/companies") == []


def test_one_company_is_an_object(desk):
    row = desk.truth[3]
    assert desk.rows(f"/companies/{documents.bare(row['Identificador'])}?contacts")["ID"] == row["ID"]


def test_an_identifier_with_punctuation_is_not_found(desk):
    cpf = next(
        row["Identificador"] for row in desk.truth if len(row["Identificador"]) == 14 and "-" in row["Identificador"]
    )
    assert desk.get(f"/companies/{cpf}").status == 204


def test_an_encoded_slash_breaks(desk):
    assert desk.get("/companies/11.222.333%2F0001-81").status == 404


def test_of_two_companies_with_one_document_the_first_answers(desk):
    first, second = two_with_one_document(desk.truth)
    assert desk.rows(f"/companies/{documents.bare(first['Identificador'])}")["ID"] == first["ID"]
    desk.admin("DELETE", f"offices/tok/companies/{first['ID']}")
    assert desk.rows(f"/companies/{documents.bare(first['Identificador'])}")["ID"] == second["ID"]


def two_with_one_document(rows):
    seen = {}
    for row in rows:
        bare = documents.bare(row["Identificador"])
        if bare in seen:
            return seen[bare], row
        seen[bare] = row
    raise AssertionError("no duplicate")


@pytest.mark.parametrize("identifier", ["11222333000181", "101", "x"])
def test_an_unknown_identifier_is_204(desk, identifier):
    assert desk.get(f"/companies/{identifier}").status == 204


@pytest.mark.parametrize("token", ["", "wrong"])
def test_a_wrong_or_missing_token_is_401(desk, token):
    assert desk.get("/companies/ListAll", token=token).status == 401


def test_each_token_sees_its_own_office(make_desk):
    desk = make_desk(offices={"tok": 5, "other": 7})
    mine, theirs = desk.rows("/companies/ListAll"), desk.rows("/companies/ListAll", token="other")
    assert (len(mine), len(theirs)) == (5, 7)
    assert not {row["Identificador"] for row in mine} & {row["Identificador"] for row in theirs}


@pytest.mark.parametrize("path", ["/", "/nope", "/companies/ListAll/x", "/v1/companies/ListAll", "/companies/a/b"])
def test_other_paths_are_404(desk, path):
    assert desk.get(path).status == 404


def test_another_method_is_405(desk):
    assert desk.ask("DELETE", "/companies/ListAll").status == 405


@pytest.mark.parametrize(
    "name,sizes",
    [
        ("users", [20, 3]),
        ("tags", [5]),
        ("company_groups", [4]),
        ("processes", [20, 20, 5]),
        ("requests", [20, 20, 20, 1]),
    ],
)
def test_the_smaller_lists_come_in_pages_of_twenty(desk, name, sizes):
    found = [len(desk.rows(f"/{name}/ListAll?Pagina={number}")) for number in range(1, len(sizes) + 2)]
    assert found == [*sizes, 0]


def test_departments_come_all_at_once(desk):
    assert desk.rows("/departments/ListAll?Pagina=9") == desk.rows("/departments/ListAll")
    assert len(desk.rows("/departments/ListAll")) == 5


def test_processes_can_be_narrowed_to_what_changed(desk):
    some = desk.rows("/processes/ListAll?DtLastDH=2026-07-01 00:00:00".replace(" ", "%20"))
    assert 0 < len(some) < 20
    assert {row["DtLastDH"][3:5] for row in some} <= {"07", "08"}
    assert desk.rows("/processes/ListAll?DtLastDH=nonsense") == desk.rows("/processes/ListAll")


def test_requests_can_be_narrowed_to_a_span(desk):
    some = desk.rows("/requests/ListAll?SolUltAtIni=01/03/2026&SolUltAtFim=2026-04-30")
    assert {row["SolUltAt"][3:5] for row in some} == {"03", "04"}


def test_the_wire_is_utf8_json(desk):
    found = desk.get("/companies/ListAll")
    assert found.content_type == "application/json; charset=utf-8"
    assert msgspec.json.decode(found.body.decode("utf-8")) == desk.rows("/companies/ListAll")
