"""The fake answers as the API does."""

from __future__ import annotations

import msgspec
import pytest

from fake_acessorias.messages import Request
from fake_onecode.api import make

ROWS = [{"id": str(n), "name": f"Contato {n}", "phone": "1199990000"} for n in range(250)]


@pytest.fixture
def fake():
    made = make({})
    made.administered(Request(method="PUT", target="/_admin/accounts/token", body=msgspec.json.encode(ROWS)))
    return made


def page(fake, number, size=100):
    request = Request(method="GET", target=f"/api/contacts?page={number}&pageSize={size}", authorization="Bearer token")
    return msgspec.json.decode(fake.answer(request).body)


def knobs(fake, **values):
    fake.administered(Request(method="PATCH", target="/_admin/knobs", body=msgspec.json.encode(values)))


def test_pages_end_without_a_word(fake):
    assert [len(page(fake, number)["data"]) for number in (1, 2, 3, 4)] == [100, 100, 50, 0]
    knobs(fake, largest_page=30)
    assert len(page(fake, 1)["data"]) == 30


def test_three_shapes_and_two_languages(fake):
    knobs(fake, shape="contacts")
    assert page(fake, 1)["contacts"][0] == ROWS[0]
    knobs(fake, shape="list", portuguese=True)
    assert page(fake, 1)[0] == {"contactId": "0", "nome": "Contato 0", "telefone": "1199990000"}


def test_a_page_may_be_empty_once_or_come_for_ever(fake):
    knobs(fake, empty_once_pages=[1])
    assert [len(page(fake, 1)["data"]) for _ in range(2)] == [0, 100]
    knobs(fake, ignore_page=True)
    assert page(fake, 7) == page(fake, 1)
