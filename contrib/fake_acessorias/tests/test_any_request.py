"""Whatever is asked, there is an answer: the decisions raise nothing, under any knobs."""

from contextlib import suppress

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fake_acessorias.admin import ADMIN_ROUTES, administered
from fake_acessorias.gate import answer
from fake_acessorias.knobs import FIELDS, KnobError, choices
from fake_acessorias.messages import Request
from fake_acessorias.routes import ROUTES
from fake_acessorias.source import Plan, Source

PATHS = ["/" + "/".join(pattern) for _, pattern, _ in ROUTES]
PATHS += ["", "/", "//", "/companies/%2F", "/companies/é", "/deliveries/12ABC34501DE35", "http://x/c", "/%ff%00"]
NAMES = ["Pagina", "DtInitial", "DtFinal", "DtLastDH", "situation", "config", "contacts", "ativa", "SolUltAtIni", "é"]
VALUES = ["", "1", "999", "2026-01-01", "2026-12-31", "2026-11-20 00:00:00", "S", "read", "%00", "&&=", "31/12/2026"]
BODIES = [b"", b"\xff\x00", b"--x\r\n\r\n\r\n--x--", b"Identificador=52998224725&Razao=X", b"Nome=Ana&SolAssunto=y"]
TYPES = ["", "multipart/form-data; boundary=x", "multipart/é", "application/x-www-form-urlencoded"]
KNOB_VALUES = [True, 0, 1, 2, 0.5, None, "x", "2026-09-01", [], [1], [1, 2, 3], ["/companies"], ["Razao", "ID"]]
BODY_KEYS = ["token", "keys", "share", "parts", "deliveries", "company", "knobs", "Razao", "Obrigacoes", "ID"]
BODY_VALUES = [None, True, -1, 0, 0.5, "", "x", [], ["UF"], [{}], {}, {"Razao": "x"}, {"fail_next": 1}]
AFTERWARDS = [
    "/companies/ListAll?contacts&obligations&departments",
    "/deliveries/ListAll?DtInitial=2026-01-01&DtFinal=2026-12-31&DtLastDH=2026-09-01%2000:00:00",
]

requests = st.builds(
    lambda path, query, **more: Request(target=f"{path}?{'&'.join(map('='.join, query))}", **more),
    st.sampled_from(PATHS),
    st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(VALUES)), max_size=4),
    method=st.sampled_from(["GET", "GET", "POST", "PUT", "HEAD", "X"]),
    authorization=st.sampled_from(["Bearer tok", "Bearer tok", "bearer  tok ", "", "Basic x", "Bearer é"]),
    content_type=st.sampled_from(TYPES),
    body=st.sampled_from(BODIES),
    at_s=st.sampled_from([0.0, 1.0, 61.0]),
)
knobs = st.sampled_from(sorted(FIELDS)).flatmap(
    lambda name: st.tuples(st.just(name), st.sampled_from([*choices(name), *KNOB_VALUES]))
)


@settings(max_examples=60, deadline=None)
@given(st.lists(requests, min_size=1, max_size=4), st.lists(knobs, max_size=6))
def test_any_request_under_any_knobs_is_answered(asked, turned):
    source = Source(Plan(offices={"tok": 41}))
    for name, value in turned:
        with suppress(KnobError):
            source.board.patch(None, {name: value})
    for request in asked:
        found = answer(source, request)
        assert found.status == 0 or 200 <= found.status <= 599
        assert found.delay_s >= 0


@pytest.mark.parametrize("pattern", ADMIN_ROUTES)
def test_any_body_on_any_admin_route_is_answered_with_json(pattern):
    path = f"/_admin/{pattern}".rstrip("/").replace("{token}", "tok").replace("{id}", "101")
    bodies = [{key: value} for key in BODY_KEYS for value in BODY_VALUES] + BODY_VALUES
    for method in [method for method in ADMIN_ROUTES[pattern] if method != "GET"]:
        for body in bodies:
            source = Source(Plan(offices={"tok": 1}))
            found = administered(source, Request(method=method, target=path, body=msgspec.json.encode(body)))
            assert found.status in (200, 400), (method, path, body)
            msgspec.json.decode(found.body)
            for target in AFTERWARDS:
                answer(source, Request(method="GET", target=target, authorization="Bearer tok"))
