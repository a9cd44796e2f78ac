"""Every knob, one test each at least; the last test here fails when a knob has none."""

import ast
import inspect
from itertools import chain, pairwise

import msgspec
import pytest

from fake_acessorias import documents, knobs
from fake_acessorias.knobs import FIELDS, Knobs

TESTED: set[str] = set()
YEAR = "DtInitial=2026-01-01&DtFinal=2027-12-31"


def about(*names):
    """Mark a test as the one about these knobs."""
    TESTED.update(names)
    return lambda test: test


def statuses(desk, count, target="/companies/ListAll", **more):
    return [desk.get(target, **more).status for _ in range(count)]


@about("revoked")
def test_a_revoked_token_is_401(desk):
    desk.set("tok", revoked=True)
    assert statuses(desk, 1) == [401]


@about("forbidden")
def test_a_forbidden_office_is_403_on_every_route(desk):
    desk.set(forbidden=True)
    assert {desk.get(path).status for path in ("/companies/ListAll", "/departments/ListAll", "/nope")} == {403}


@about("requests_per_minute", "retry_after", "rate_window_s")
def test_the_limit_admits_exactly_so_many_in_a_window(desk):
    desk.set(requests_per_minute=3)
    assert statuses(desk, 5, at_s=10.0) == [200, 200, 200, 429, 429]
    assert statuses(desk, 1, at_s=69.9) == [429]
    assert statuses(desk, 4, at_s=70.0) == [200, 200, 200, 429]
    desk.set(rate_window_s=1.0)
    assert statuses(desk, 1, at_s=71.0) == [200]


def test_the_limit_is_each_token_s_own(make_desk):
    desk = make_desk(offices={"tok": 5, "other": 5}, knobs={"requests_per_minute": 1})
    assert statuses(desk, 2) == [200, 429]
    assert statuses(desk, 2, token="other") == [200, 429]


@pytest.mark.parametrize(
    "form,header", [("absent", None), ("seconds", "50"), ("date", "Fri, 20 Nov 2026 13:30:50 GMT")]
)
def test_a_429_says_when_to_come_back_or_does_not(desk, form, header):
    desk.set(requests_per_minute=1, retry_after=form)
    desk.get("/companies/ListAll", at_s=0)
    found = desk.get("/companies/ListAll", at_s=10.5)
    assert found.status == 429
    assert dict(found.headers).get("Retry-After") == header


@about("throttle_silently")
def test_silent_throttling_is_an_empty_list_that_is_full_later(desk):
    desk.set(requests_per_minute=1, throttle_silently=True)
    assert [len(desk.page(1, at_s=at_s)) for at_s in (0, 1, 61)] == [20, 0, 20]
    assert desk.ask("POST", "/requests", at_s=62).status == 429


@about("reset_next", "reset_every", "fail_next", "fail_every", "erro_next", "erro_every", "cut_next", "cut_every")
@about("truncate_next", "truncate_every")
@pytest.mark.parametrize("fault", ["reset", "fail", "erro", "cut", "truncate"])
class TestEveryFault:
    """What holds for each of the five that exclude each other."""

    def faults(self, desk, count):
        return [desk.get("/companies/ListAll").fault for _ in range(count)]

    def test_strikes_exactly_the_next_n(self, desk, fault):
        desk.set(**{f"{fault}_next": 3})
        assert self.faults(desk, 5) == [fault] * 3 + [""] * 2

    def test_shows_what_is_left(self, desk, fault):
        desk.set(**{f"{fault}_next": 3})
        self.faults(desk, 2)
        assert desk.admin("GET", "knobs")[1][f"{fault}_next"] == 1

    def test_strikes_every_nth(self, desk, fault):
        desk.get("/companies/ListAll")
        desk.set(**{f"{fault}_every": 3})
        assert self.faults(desk, 7) == ["", "", fault, "", "", fault, ""]

    def test_is_taken_from_where_it_is_set(self, make_desk, fault):
        desk = make_desk(offices={"tok": 5, "other": 5})
        desk.set("other", **{f"{fault}_next": 2})
        desk.set(**{f"{fault}_next": 1})
        assert self.faults(desk, 2) == [fault, ""]
        assert [desk.get("/companies/ListAll", token="other").fault for _ in range(3)] == [fault, fault, ""]

    @about("only_paths", "only_pages")
    def test_can_be_meant_for_one_page_of_one_list(self, desk, fault):
        desk.set(**{f"{fault}_next": 1, "only_paths": ["/companies"], "only_pages": [3]})
        targets = ["/users/ListAll?Pagina=3", "/companies/ListAll?Pagina=2", "/companies/ListAll?Pagina=3"]
        assert [desk.get(target).fault for target in [*targets, targets[-1]]] == ["", "", fault, ""]


def test_only_the_first_of_several_faults_strikes_and_the_others_wait(desk):
    desk.set(truncate_next=1, cut_next=1, erro_next=1, fail_next=1, reset_next=1)
    found = [desk.get("/companies/ListAll").fault for _ in range(6)]
    assert found == ["reset", "fail", "erro", "cut", "truncate", ""]


def test_an_answer_without_a_body_does_not_use_up_a_cut(desk):
    desk.set(cut_next=1)
    assert desk.get("/companies/11222333000181").fault == ""
    assert desk.get("/companies/ListAll").fault == "cut"


def test_a_fault_strikes_a_caller_without_a_token_too(desk):
    desk.set(fail_next=1, fail_status=502)
    assert statuses(desk, 2, token="") == [502, 401]


@about("fail_status", "fail_body")
@pytest.mark.parametrize(
    "status,body,start",
    [(502, "html", b"<!DOCTYPE html>"), (503, "json", b'{"Erro"'), (500, "blank", b""), (200, "html", b"<!")],
)
def test_a_failure_has_the_status_and_body_asked_for(desk, status, body, start):
    desk.set(fail_next=1, fail_status=status, fail_body=body)
    found = desk.get("/companies/ListAll")
    assert found.status == status
    assert found.body.startswith(start)
    assert found.content_type.startswith("text/html" if body == "html" else "application/json")


@about("erro_key")
@pytest.mark.parametrize("key", ["Erro", "erro", "error", "msg", "message"])
def test_a_business_error_is_200_under_any_key_seen(desk, key):
    desk.set(erro_next=1, erro_key=key)
    assert list(desk.rows("/companies/ListAll")) == [key]


@about("cut_at")
def test_cut_at_says_how_much_of_the_body_is_left(desk):
    whole = desk.get("/companies/ListAll").body
    desk.set(truncate_next=1, cut_next=1, cut_at=0.25)
    assert desk.get("/companies/ListAll").keep == 0.25
    assert desk.get("/companies/ListAll").body == whole[: len(whole) // 4]
    desk.set(truncate_next=1, cut_at=1)
    assert desk.get("/companies/ListAll").body == whole[:-1]


@about("latency_ms", "jitter_ms")
def test_latency_and_jitter_are_the_seed_s(make_desk):
    delays = []
    for _ in range(2):
        desk = make_desk(knobs={"latency_ms": 100, "jitter_ms": 50})
        delays.append([desk.get("/companies/ListAll").delay_s for _ in range(5)])
    assert delays[0] == delays[1]
    assert len(set(delays[0])) == 5
    assert all(0.1 <= delay <= 0.15 for delay in delays[0])


@about("slow_next", "slow_every", "slow_ms")
def test_slow_answers_wait_longer_and_go_with_any_fault(desk):
    desk.set(slow_next=2, slow_ms=700, fail_next=1)
    found = [desk.get("/companies/ListAll") for _ in range(3)]
    assert [(one.delay_s, one.fault) for one in found] == [(0.7, "fail"), (0.7, ""), (0, "")]
    desk.set(slow_every=2)
    assert [desk.get("/companies/ListAll").delay_s for _ in range(4)] == [0, 0.7, 0, 0.7]


@about("trickle_ms")
def test_a_trickle_is_carried_to_the_socket(desk):
    desk.set(trickle_ms=20)
    assert desk.get("/companies/ListAll").trickle_s == 0.02


@about("end_of_list")
@pytest.mark.parametrize(
    "form,status,body",
    [("empty", 200, b"[]"), ("204", 204, b""), ("404", 404, b"<!DOC"), ("erro", 200, b'{"Erro":')],
)
def test_the_list_ends_in_the_form_asked_for(desk, form, status, body):
    desk.set(end_of_list=form)
    for target in ("/companies/ListAll?Pagina=5", "/users/ListAll?Pagina=3"):
        found = desk.get(target)
        assert (found.status, found.body[: len(body)]) == (status, body)
        assert bool(found.body) == bool(body)


@about("page_size")
def test_the_page_size_can_be_another(desk):
    desk.set(page_size=30)
    assert [len(desk.page(number)) for number in (1, 2, 3, 4)] == [30, 30, 5, 0]


@about("short_pages", "short_rows")
def test_a_short_page_stands_in_the_middle_and_loses_nothing(desk):
    desk.set(short_pages=[2], short_rows=7)
    pages = [desk.page(number) for number in range(1, 6)]
    assert [len(page) for page in pages] == [20, 7, 20, 18, 0]
    assert list(chain(*pages)) == [row["ID"] for row in desk.truth]


@about("empty_once_pages")
def test_an_empty_page_in_the_middle_is_full_when_asked_again(desk):
    desk.set(empty_once_pages=[2, 3, 3], end_of_list="404")
    assert [len(desk.page(number)) for number in (1, 2, 2, 3, 3, 3)] == [20, 0, 20, 0, 0, 20]
    assert desk.admin("GET", "knobs")[1]["empty_once_pages"] == []


@about("repeat_rows")
def test_rows_are_repeated_across_pages(desk):
    desk.set(repeat_rows=3)
    one, two = desk.page(1), desk.page(2)
    assert two[:3] == one[-3:]


@about("skip_rows")
def test_rows_are_skipped_between_pages(desk):
    desk.set(skip_rows=2)
    truth = [row["ID"] for row in desk.truth]
    assert desk.page(1) + desk.page(2) == truth[:20] + truth[22:42]


@about("repeated_pages")
def test_a_page_repeats_an_earlier_one_exactly(desk):
    desk.set(repeated_pages=[3])
    bodies = [desk.get(f"/companies/ListAll?Pagina={number}").body for number in (1, 2, 3, 4)]
    assert bodies[2] == bodies[1] != bodies[0]
    assert len(desk.page(4)) == 5


@about("ignore_pagina")
def test_pagina_can_be_ignored(desk):
    desk.set(ignore_pagina=True)
    assert desk.page(99) == desk.page(1) == [row["ID"] for row in desk.truth[:20]]


def test_page_knobs_can_be_meant_for_one_list(desk):
    desk.set(ignore_pagina=True, only_paths=["/users"])
    assert desk.page(2) != desk.page(1)
    assert desk.rows("/users/ListAll?Pagina=2") == desk.rows("/users/ListAll?Pagina=1")


@about("company_by_id", "deliveries_by_id")
@pytest.mark.parametrize("form,kind", [("object", dict), ("list", list)])
def test_one_company_is_an_object_or_a_list(desk, form, kind):
    desk.set(company_by_id=form, deliveries_by_id=form)
    bare = next(documents.bare(row["Identificador"]) for row in desk.truth if row["Obrigacoes"])
    assert type(desk.rows(f"/companies/{bare}")) is type(desk.rows(f"/deliveries/{bare}?{YEAR}")) is kind


@about("json_as_html")
def test_json_can_say_it_is_html(desk):
    desk.set(json_as_html=True)
    assert desk.get("/companies/ListAll").content_type == "text/html; charset=utf-8"
    assert len(desk.page(1)) == 20


@about("masked", "masked_keys")
def test_a_restricted_token_sees_masks_and_the_truth_keeps_its_values(desk):
    desk.set("tok", masked=True)
    rows = desk.rows("/companies/ListAll?contacts&departments")
    assert {row["Fantasia"] for row in rows} == {"********"}
    assert {one["Celular"] for row in rows for one in row["ContatosNaEmpresa"]} == {"********"}
    assert "********" not in {row["Razao"] for row in rows} | {row["Fantasia"] for row in desk.truth}
    desk.set("tok", masked_keys=["Razao"])
    assert {row["Razao"] for row in desk.rows("/companies/ListAll")} == {"********"}


@about("empty_dates")
@pytest.mark.parametrize("form,value", [("zero", "0000-00-00"), ("blank", ""), ("null", None), ("absent", ...)])
def test_empty_dates_take_one_form(desk, form, value):
    desk.set(empty_dates=form)
    rows = desk.rows("/companies/ListAll?ativa=S")
    assert {row.get("ClienteAte", ...) for row in rows} == {value}


@about("empties")
@pytest.mark.parametrize("form,value", [("blank", ""), ("null", None), ("absent", ...)])
def test_empty_texts_take_one_form(desk, form, value):
    desk.set(empties=form)
    rows = desk.rows("/companies/ListAll?registrationData")
    assert value in {row.get("GrupoDeEmpresas", ...) for row in rows}
    assert not {"", None, ...} - {value} & {row.get("GrupoDeEmpresas", ...) for row in rows}


@about("date_style")
def test_dates_can_be_brazilian(desk):
    desk.set(date_style="brazilian", empty_dates="zero")
    rows = desk.rows("/companies/ListAll")
    assert [row["DataDoCadastro"].count("/") for row in rows] == [2] * 20
    assert "0000-00-00" in {row["ClienteAte"] for row in rows}


@about("duplicates")
def test_duplicates_stand_at_the_end_under_ids_of_their_own(desk):
    desk.set(duplicates=4)
    rows = desk.rows("/companies/ListAll?Pagina=4")
    extra, truth = rows[5:], {row["ID"]: row["Identificador"] for row in desk.truth}
    assert len(extra) == 4
    assert not {row["ID"] for row in extra} & truth.keys()
    assert {row["Identificador"] for row in extra} <= set(truth.values())


@about("today")
def test_the_source_s_day_can_be_another(desk):
    desk.source.offices["tok"].deliver(2, "2026-09-10 09:00:00")
    target = f"/deliveries/ListAll?{YEAR}&DtLastDH=2026-09-10%2000:00:00"
    assert statuses(desk, 1, target) == [204]
    desk.set(today="2026-09-11")
    assert statuses(desk, 1, target) == [200]


def test_what_changes_on_another_day_carries_its_date(desk):
    desk.set(today="2026-09-11")
    desk.admin("POST", "offices/tok/deliver", {"deliveries": 3})
    desk.admin("PATCH", "offices/tok/companies/101", {"Razao": "X"})
    assert desk.truth[0]["DtLastDH"] == "2026-09-11 10:30:00"
    rows = desk.rows(f"/deliveries/ListAll?{YEAR}&DtLastDH=2026-09-10%2000:00:00")
    assert sum(len(one["Entregas"]) for one in rows) == 3


def test_a_knob_set_for_an_office_hides_the_global_one(desk):
    desk.set(page_size=10)
    desk.set("tok", page_size=5)
    assert len(desk.page(1)) == 5
    desk.source.board.put("tok", {})
    assert len(desk.page(1)) == 10


@pytest.mark.parametrize("name", FIELDS)
def test_every_knob_refuses_a_value_of_the_wrong_type(name):
    with pytest.raises(knobs.KnobError, match=f"knob '{name}'"):
        knobs.checked({name: {"no": "such"}})


@pytest.mark.parametrize("name", FIELDS)
def test_every_knob_survives_the_way_over_the_wire(desk, name):
    value = msgspec.to_builtins(getattr(Knobs(), name))
    assert desk.admin("PATCH", "knobs", {name: value})[0] == 200


def test_every_knob_has_a_docstring():
    body = ast.parse(inspect.getsource(Knobs)).body[0].body
    told = {
        field.target.id
        for field, text in pairwise(body)
        if isinstance(field, ast.AnnAssign) and isinstance(text, ast.Expr)
    }
    assert told == set(FIELDS)


def test_every_knob_has_a_test_here():
    assert set(FIELDS) == TESTED
