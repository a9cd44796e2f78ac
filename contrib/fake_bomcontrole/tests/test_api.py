"""The fake answers as the API does, and its knobs strike once each."""

from __future__ import annotations

import msgspec
import pytest

from fake_acessorias.messages import Request
from fake_bomcontrole.api import Knobs, make

KEY = "key"
ACCOUNT = {
    "contracts": [
        {
            "Id": 5,
            "Cliente": {"Id": 1, "Nome": "ALFA", "Documento": "11.222.333/0001-81"},
            "Faturas": [{"Id": 51, "Valor": "10.10", "DataVencimento": "2026-11-10"}],
        },
        {"Id": 6, "Cliente": {"Id": 2, "Nome": "BETA", "Documento": "529.982.247-25"}},
    ]
}


@pytest.fixture
def fake():
    made = make({})
    made.administered(Request(method="PUT", target=f"/_admin/accounts/{KEY}", body=msgspec.json.encode(ACCOUNT)))
    return made


def ask(fake, method, target, *, key=KEY, body=b""):
    return fake.answer(Request(method=method, target=target, authorization=f"ApiKey {key}", body=body))


def knobs(fake, **values):
    fake.administered(Request(method="PATCH", target="/_admin/knobs", body=msgspec.json.encode(values)))


def test_the_right_key_is_needed(fake):
    target = "/integracao/VendaContrato/Obter/5"
    assert ask(fake, "GET", target).status == 200
    assert ask(fake, "GET", target, key="other").status == 401
    knobs(fake, forbidden=True)
    assert ask(fake, "GET", target).status == 403


def test_a_search_is_fuzzy_and_has_two_forms(fake):
    target = "/integracao/VendaContrato/Pesquisar?pesquisa=11222333000181"
    found = msgspec.json.decode(ask(fake, "GET", target).body)
    assert ([each["Id"] for each in found["Itens"]], found["TotalItens"]) == ([6, 5], 2)
    knobs(fake, bare_list=True, strangers=0)
    assert [each["Id"] for each in msgspec.json.decode(ask(fake, "GET", target).body)] == [5]


def test_a_plus_is_no_blank(fake):
    target = "/integracao/VendaContrato/Obter/5?inicioPeriodo=2026-11-01{}00:00:00"
    assert ask(fake, "GET", target.format("%20")).status == 200
    assert ask(fake, "GET", target.format("+")).status == 400


def test_a_value_is_a_number_and_is_set_exactly(fake):
    target = "/integracao/Fatura/AlterarValor/51"
    assert ask(fake, "PUT", target, body=b'{"Valor": "1.00"}').status == 400
    assert ask(fake, "PUT", target, body=b'{"Valor": 1412.10}').status == 204
    assert b'"Valor":1412.10' in ask(fake, "GET", "/integracao/VendaContrato/Obter/5").body
    assert fake.accounts[KEY].writes == [{"invoice": 51, "Valor": "1412.10"}]


def test_a_lost_answer_is_carried_out_and_a_failed_one_is_not(fake):
    target = "/integracao/Fatura/AlterarValor/51"
    knobs(fake, lost_next=1, only_methods=["PUT"], skip_first=1)
    assert ask(fake, "PUT", target, body=b'{"Valor": 1}').status == 204
    assert ask(fake, "PUT", target, body=b'{"Valor": 2}').fault == "reset"
    knobs(fake, fail_next=1)
    assert ask(fake, "PUT", target, body=b'{"Valor": 3}').status == 500
    assert [each["Valor"] for each in fake.accounts[KEY].writes] == ["1", "2"]


def test_an_unknown_knob_is_refused(fake):
    answer = fake.administered(Request(method="PATCH", target="/_admin/knobs", body=b'{"fail_nxt": 1}'))
    assert answer.status == 400
    assert fake.knobs == Knobs()
