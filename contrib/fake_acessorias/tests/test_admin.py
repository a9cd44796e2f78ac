"""The admin routes: knobs, records, and changes at the source."""

import pytest

from fake_acessorias.admin import ADMIN_ROUTES
from fake_acessorias.changes import CHANGES


def test_the_index_shows_seed_and_offices(desk):
    assert desk.admin("GET", "") == (200, {"seed": 7, "offices": {"tok": 65}})
    assert desk.admin("GET", "offices") == desk.admin("GET", "")


def test_patch_changes_some_knobs_and_put_takes_the_others_back(desk):
    desk.admin("PATCH", "knobs", {"fail_next": 2, "page_size": 5})
    assert desk.admin("PATCH", "knobs", {"page_size": 6})[1]["fail_next"] == 2
    status, found = desk.admin("PUT", "knobs", {"page_size": 7})
    assert (status, found["fail_next"], found["page_size"]) == (200, 0, 7)


def test_an_office_has_knobs_of_its_own_over_the_global_ones(desk):
    desk.admin("PATCH", "knobs", {"page_size": 6, "fail_next": 1})
    assert desk.admin("PATCH", "offices/tok/knobs", {"page_size": 7})[1]["page_size"] == 7
    assert desk.admin("GET", "offices/tok/own-knobs") == (200, {"page_size": 7})
    assert desk.admin("GET", "offices/tok/knobs")[1]["fail_next"] == 1
    assert desk.admin("GET", "knobs")[1]["page_size"] == 6
    assert desk.admin("PUT", "offices/tok/knobs", {})[1]["page_size"] == 6


@pytest.mark.parametrize(
    "body,words",
    [
        ({"fail_nxt": 1}, ["'fail_nxt'", "'fail_next'"]),
        ({"pagesize": 1}, ["'pagesize'", "'page_size'"]),
        ({"fail_next": "3"}, ["'fail_next'", "int", "str"]),
        ({"fail_next": -1}, ["'fail_next'", ">= 0"]),
        ({"fail_next": True}, ["'fail_next'", "int"]),
        ({"end_of_list": "Emty"}, ["'end_of_list'", "'empty'"]),
        ({"requests_per_minute": 0}, ["'requests_per_minute'"]),
        ({"today": "20/11/2026"}, ["'today'"]),
        ({"only_pages": [0]}, ["'only_pages'"]),
        ([1], ["body"]),
    ],
)
@pytest.mark.parametrize("path", ["knobs", "offices/tok/knobs"])
def test_a_wrong_knob_is_one_clear_400_and_changes_nothing(desk, path, body, words):
    before = desk.admin("GET", path)
    status, found = desk.admin("PATCH", path, {"page_size": 3, **body} if isinstance(body, dict) else body)
    assert status == 400
    assert list(found) == ["error"]
    assert all(word in found["error"] for word in words), found
    assert desk.admin("GET", path) == before


def test_a_body_that_is_no_json_is_a_400(desk):
    found = desk.ask("PATCH", "/_admin/knobs", body=b"{nope")
    assert found.status == 400
    assert b"body: " in found.body


def test_companies_are_the_truth_with_every_key(desk):
    assert desk.admin("GET", "offices/tok/companies") == (200, desk.truth)
    assert desk.admin("GET", "offices/tok/companies/103") == (200, desk.truth[2])


def test_a_company_changed_at_the_source_is_changed_on_the_wire(desk):
    first = desk.rows("/companies/ListAll?contacts")[0]
    contacts = [{"Nome": "Ana", "E-mail": "", "Celular": "1"}]
    desk.admin("PATCH", "offices/tok/companies/101", {"Razao": "NOVA RAZÃO", "ContatosNaEmpresa": contacts})
    again = desk.rows("/companies/ListAll?contacts")[0]
    assert again == {**first, "Razao": "NOVA RAZÃO", "ContatosNaEmpresa": contacts, "DtLastDH": "2026-11-20 10:30:00"}


@pytest.mark.parametrize(
    "values,words",
    [
        ({"razao": "x"}, ["'razao'", "'Razao'"]),
        ({"Razao": 3}, ["'Razao'", "text"]),
        ({"Obrigacoes": "x"}, ["'Obrigacoes'", "list"]),
        ({"Obrigacoes": ["x"]}, ["'Obrigacoes'", "objects"]),
        ({"ID": "x1"}, ["'ID'", "digits"]),
        ({"Identificador": None}, ["'Identificador'", "empty"]),
    ],
)
def test_a_wrong_company_value_is_a_400(desk, values, words):
    for method, path, body in [
        ("PATCH", "offices/tok/companies/101", values),
        ("POST", "offices/tok/companies", {"company": values}),
    ]:
        status, found = desk.admin(method, path, body)
        assert status == 400
        assert all(word in found["error"] for word in words), found
    assert len(desk.truth) == 65


def test_a_company_may_be_made_as_odd_as_one_likes(desk):
    odd = dict.fromkeys(["Razao", "Status", "Regime", "UF", "ClienteAte", "Telefone"]) | {
        key: [{}] for key in ("Obrigacoes", "ContatosNaEmpresa", "Departamentos", "InscricoesEstaduais")
    }
    assert desk.admin("PATCH", "offices/tok/companies/101", odd)[0] == 200
    assert desk.admin("POST", "offices/tok/touch", {"share": 1, "duplicates": True, "keys": list(CHANGES)})[0] == 200
    assert desk.admin("PATCH", "offices/tok/companies/101", odd)[0] == 200
    assert desk.admin("POST", "offices/tok/deliver", {"deliveries": 9999})[0] == 200
    desk.set(masked=True, empties="absent", empty_dates="absent", date_style="brazilian")
    assert "Razao" not in desk.rows("/companies/ListAll?obligations&contacts&departments&stateRegistrations")[0]


def test_a_company_that_turns_inactive_leaves_the_active_list(desk):
    active = desk.rows("/companies/ListAll?ativa=S")
    desk.admin("PATCH", f"offices/tok/companies/{active[0]['ID']}", {"Status": "Inativa"})
    assert active[0]["ID"] not in [row["ID"] for row in desk.rows("/companies/ListAll?ativa=S")]


def test_an_office_grows_like_one_that_was_larger_from_the_start(desk, make_desk):
    assert desk.admin("POST", "offices/tok/companies", {"count": 3})[1]["ids"] == ["166", "167", "168"]
    assert desk.truth == make_desk(68).truth
    assert len(desk.page(4)) == 8


def test_a_company_of_your_own_can_be_added(desk):
    row = {"Identificador": "12.ABC.345/01DE-35", "Razao": "NOVA ALFA LTDA", "DtLastDH": ""}
    (identifier,) = desk.admin("POST", "offices/tok/companies", {"company": row})[1]["ids"]
    found = desk.rows("/companies/12ABC34501DE35")
    assert {key: found[key] for key in row} == row
    assert (found["ID"], found["Status"]) == (identifier, "Ativa")


def test_a_company_can_be_removed(desk):
    assert desk.admin("DELETE", "offices/tok/companies/102") == (200, {"ids": ["102"]})
    assert desk.page(1)[:2] == ["101", "103"]
    assert desk.admin("GET", "offices/tok/companies/102")[0] == 404


@pytest.mark.parametrize("key", CHANGES)
def test_touch_changes_exactly_so_many_companies_in_exactly_this_key(desk, key):
    before = {row["ID"]: row for row in desk.truth}
    found = desk.admin("POST", "offices/tok/touch", {"companies": 9, "keys": [key]})[1]
    changed = {row["ID"] for row in desk.truth if row != before[row["ID"]]}
    assert changed == set(found["ids"])
    assert len(changed) == 9
    for row in desk.truth:
        if row["ID"] in changed:
            assert {name for name in row if row[name] != before[row["ID"]][name]} == {key, "DtLastDH"}


def test_touch_leaves_companies_with_a_shared_document_alone(desk):
    found = desk.admin("POST", "offices/tok/touch", {"share": 1.0})[1]
    shared = [row for row in desk.truth if row["ID"] not in found["ids"]]
    assert 0 < len(shared) == 65 - len(set(found["ids"]))
    assert len(desk.admin("POST", "offices/tok/touch", {"share": 1.0, "duplicates": True})[1]["ids"]) == 65


def test_touch_is_the_seed_s_and_each_time_another(make_desk):
    runs = []
    for _ in range(2):
        desk = make_desk()
        runs.append([desk.admin("POST", "offices/tok/touch", {"companies": 5})[1]["ids"] for _ in range(2)])
    assert runs[0] == runs[1]
    assert runs[0][0] != runs[0][1]


@pytest.mark.parametrize(
    "body,words",
    [({"keys": ["telefone"]}, "'Telefone'"), ({"companies": -1}, "companies"), ({"compnies": 1}, "compnies")],
)
def test_a_wrong_touch_is_a_400_and_touches_nothing(desk, body, words):
    before = desk.truth
    status, found = desk.admin("POST", "offices/tok/touch", {"companies": 5, **body})
    assert (status, words in found["error"]) == (400, True)
    assert desk.truth == before


def test_touch_changes_one_company_when_nothing_else_is_said(desk):
    assert len(desk.admin("POST", "offices/tok/touch")[1]["ids"]) == 1


def test_deliver_changes_open_deliveries_at_the_source(desk):
    (entrega,) = desk.admin("POST", "offices/tok/deliver", {"deliveries": 1})[1]["ids"]
    owner = entrega[:-3]
    rows = desk.admin("GET", f"offices/tok/companies/{owner}/deliveries")[1]
    (row,) = [row for row in rows if row["Config"]["EntID"] == entrega]
    assert (row["EntDtEntrega"], row["EntLastDH"]) == ("2026-11-20", "2026-11-20 10:30:00")


def test_offices_come_and_go(desk):
    assert desk.admin("POST", "offices", {"token": "two", "companies": 3, "knobs": {"page_size": 2}})[0] == 200
    assert len(desk.rows("/companies/ListAll", token="two")) == 2
    assert desk.admin("DELETE", "offices/two")[1]["offices"] == {"tok": 65}
    assert desk.get("/companies/ListAll", token="two").status == 401


@pytest.mark.parametrize(
    "body",
    [
        {"token": "a b", "companies": 1},
        {"token": "a/b", "companies": 1},
        {"token": "x"},
        {"token": "x", "companies": -1},
        {"token": "x", "companies": 1, "knobs": {"nope": 1}},
    ],
)
def test_a_wrong_office_is_a_400(desk, body):
    assert desk.admin("POST", "offices", body)[0] == 400
    assert desk.admin("GET", "offices")[1]["offices"] == {"tok": 65}


def test_requests_are_recorded_without_the_admin_s_own(desk):
    desk.get("/companies/ListAll?Pagina=2&obligations", at_s=1.5)
    desk.get("/users/ListAll", token="wrong", at_s=2)
    entries = desk.admin("GET", "requests")[1]
    assert entries[0] == {
        "number": 1, "at_s": 1.5, "office": "tok", "method": "GET", "path": "/companies/ListAll",
        "query": "Pagina=2&obligations", "status": 200, "fault": "",
    }  # fmt: skip
    assert (entries[1]["office"], entries[1]["status"]) == (None, 401)
    assert "wrong" not in str(entries)


def test_the_record_is_bounded_and_can_be_narrowed(make_desk):
    desk = make_desk(record=10, offices={"tok": 3, "two": 3})
    for _ in range(8):
        desk.get("/users/ListAll")
        desk.get("/users/ListAll", token="two")
    assert [one["number"] for one in desk.admin("GET", "requests")[1]] == list(range(7, 17))
    assert {one["office"] for one in desk.admin("GET", "requests?office=two")[1]} == {"two"}
    assert [one["number"] for one in desk.admin("GET", "requests?limit=2")[1]] == [15, 16]
    assert desk.admin("GET", "requests?limit=0")[1] == []
    assert desk.admin("GET", "requests?limit=x")[0] == 400


def test_statistics_count_what_the_record_forgets(make_desk):
    desk = make_desk(record=2, knobs={"fail_next": 1})
    for at_s in (0, 1, 30, 59.5, 61, 200):
        desk.get("/companies/ListAll", at_s=at_s)
    desk.get("/companies/ListAll", token="x", at_s=200)
    found = desk.admin("GET", "stats", at_s=201)[1]
    assert found == {
        "total": 7, "by_status": {"200": 5, "401": 1, "500": 1}, "by_fault": {"fail": 1}, "by_office": {"tok": 6},
        "unauthorized": 1, "last_minute": 2, "busiest_minute": 4, "in_flight": 0, "max_in_flight": 0,
    }  # fmt: skip


def test_reset_goes_back_to_the_start(make_desk):
    desk = make_desk(knobs={"page_size": 9})
    truth = desk.truth
    desk.set(page_size=3)
    desk.admin("POST", "offices/tok/touch", {"companies": 5})
    desk.admin("POST", "offices", {"token": "two", "companies": 3})
    desk.get("/companies/ListAll")
    assert desk.admin("POST", "reset")[1]["offices"] == {"tok": 65}
    assert desk.truth == truth
    assert desk.admin("GET", "requests")[1] == []
    assert desk.admin("GET", "knobs")[1]["page_size"] == 9


def test_reset_can_be_partial(desk):
    desk.set(page_size=3)
    desk.get("/companies/ListAll")
    desk.admin("POST", "reset", {"parts": ["requests"]})
    assert desk.admin("GET", "knobs")[1]["page_size"] == 3
    assert desk.admin("GET", "stats")[1]["total"] == 0
    status, found = desk.admin("POST", "reset", {"parts": ["request"]})
    assert (status, "'requests'" in found["error"]) == (400, True)


@pytest.mark.parametrize(
    "path,words",
    [("knob", "'knobs'"), ("offices/tko/companies", "'tok'"), ("offices/tok/companies/9", "'9'"), ("x/y/z", "x/y/z")],
)
def test_an_unknown_route_office_or_company_is_a_404_that_names_it(desk, path, words):
    status, found = desk.admin("GET", path)
    assert (status, words in found["error"]) == (404, True), found


def test_another_method_is_a_405_that_names_the_right_ones(desk):
    status, found = desk.admin("DELETE", "knobs")
    assert (status, "GET, PATCH, PUT" in found["error"]) == (405, True)


def test_other_machines_do_not_see_the_admin_routes(desk):
    assert desk.admin("GET", "", loopback=False)[0] == 404


def test_the_admin_routes_can_be_switched_off(make_desk):
    assert make_desk(admin=False).admin("GET", "")[0] == 404


def test_the_admin_routes_can_want_a_token(make_desk):
    desk = make_desk(admin_token="secret")
    assert desk.admin("GET", "")[0] == 401
    assert desk.admin("GET", "", token="secret")[0] == 200


def test_every_admin_route_answers(desk):
    bodies = {"offices": {"token": "new", "companies": 1}}
    for pattern, routes in ADMIN_ROUTES.items():
        for method in sorted(routes, key=["GET", "PATCH", "PUT", "POST", "DELETE"].index):
            desk.admin("POST", "reset")
            path = pattern.replace("{token}", "tok").replace("{id}", "101")
            body = bodies.get(pattern, {}) if method == "POST" else {}
            assert desk.admin(method, path, body)[0] == 200, (method, path)
