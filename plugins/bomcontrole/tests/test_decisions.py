"""Which invoice, which address, which amount: decided on plain values."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest

from drena.api import GiveUp, RetryLater
from drena_bomcontrole.address import DEFAULT, repair, search
from drena_bomcontrole.answers import Contract, Invoice, day, decode, judge, listed
from drena_bomcontrole.decisions import choose
from drena_bomcontrole.documents import document, documents_of
from drena_bomcontrole.fees import Month, month_of

NOVEMBER = Month(2026, 11)


def invoice(number: int, due: str | None, kind: int | None = None) -> Invoice:
    return Invoice(id=number, data_vencimento=due, tipo_fatura=kind, valor=Decimal(1))


@pytest.mark.parametrize(
    "invoices, chosen",
    [
        ([], None),
        ([invoice(1, "2026-10-31")], None),
        ([invoice(1, "2026-11-30 00:00:00")], 1),
        ([invoice(1, None)], 1),
        ([invoice(1, "2026-11-15", 1), invoice(2, "2026-11-30", 0)], 2),
        ([invoice(1, "2026-11-10", 0), invoice(2, "2026-11-16", 0)], 2),
        ([invoice(1, "2026-11-10", 1), invoice(2, "2026-11-16", 2)], 2),
        ([invoice(2, "2026-11-17"), invoice(1, "2026-11-13")], 1),  # as near: the earlier
        ([invoice(2, "2026-11-13"), invoice(1, "2026-11-13")], 1),  # the same day: the older
        ([invoice(1, None), invoice(2, "2026-11-01")], 2),
    ],
)
def test_of_several_invoices_the_only_one_of_billing_else_the_one_due_nearest_the_15th(invoices, chosen):
    found = choose(invoices, NOVEMBER)
    assert (found and found.id) == chosen


def test_amounts_are_decimals_from_the_digits_on():
    found = decode(
        b'{"Faturas": [{"Id": 1, "Valor": 0.1}, {"Id": 2, "Valor": 1412.10, "ValorPagamento": "3.30"}]}', Contract
    )
    assert [each.valor for each in found.faturas] == [Decimal("0.1"), Decimal("1412.10")]
    assert found.faturas[1].valor_pagamento == Decimal("3.30")


def test_both_forms_of_a_search_are_read():
    assert [each.id for each in listed(b'{"Itens": [{"Id": 7}], "TotalItens": 9}').itens] == [7]
    assert (listed(b' [{"Id": 7}]').itens[0].id, listed(b"[]").total_itens) == (7, None)


@pytest.mark.parametrize(
    "body, code",
    [
        (b"<html>", "answer_html"),
        (b'{"Faturas": [', "answer_invalid"),
        (b'{"Faturas": 3}', "answer_unknown"),
        (b"", "answer_invalid"),
    ],
)
def test_an_answer_that_is_none_is_tried_again(body, code):
    with pytest.raises(RetryLater) as caught:
        decode(body, Contract)
    assert caught.value.code == code


@pytest.mark.parametrize(
    "status, kind", [(401, GiveUp), (403, GiveUp), (429, RetryLater), (500, RetryLater), (503, RetryLater)]
)
def test_a_status_is_judged(status, kind):
    with pytest.raises(kind):
        judge(status)
    assert judge(204) is None
    assert judge(404).status == 404


@pytest.mark.parametrize(
    "typed, base",
    [
        (None, DEFAULT),
        ("https://api.acessorias.com", DEFAULT),
        ("http://apinewintegracao.bomcontrole.com.br/", DEFAULT),
        ("apinewintegracao.bomcontrole.com.br/integracao/", DEFAULT),
        ("http://127.0.0.1:81", "http://127.0.0.1:81/integracao"),
    ],
)
def test_an_address_is_repaired(typed, base):
    assert repair(typed) == base


@pytest.mark.parametrize("typed", ["https://", "ftp://x", "https://user@host", "https://a b"])
def test_an_address_that_is_none_is_named(typed):
    with pytest.raises(GiveUp, match="base_url"):
        repair(typed)


def test_a_search_text_is_encoded():
    assert search("b", "a b&c", 2).startswith("b/VendaContrato/Pesquisar?pesquisa=a%20b%26c&")


def test_documents_are_found_at_any_depth_and_in_any_formatting():
    assert document("12.abc.345/01de-35") == "12ABC34501DE35"
    assert documents_of({"PessoaJuridica": {"Documento": "11.222.333/0001-81"}, "Cpf": "52998224725"}) == {
        "11222333000181",
        "52998224725",
    }
    assert documents_of("11222333000181") == frozenset()


def test_months_know_their_days_and_neighbours():
    assert (str(NOVEMBER.last), str(Month(2026, 1).back(3)), str(month_of(dt.date(2024, 2, 29)).last)) == (
        "2026-11-30",
        "2025-10",
        "2024-02-29",
    )
    assert day("2026-02-30") is None
