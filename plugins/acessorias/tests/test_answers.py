"""What one answer means."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drena.api import GiveUp, RetryLater
from drena_acessorias import answers
from drena_acessorias.answers import Nothing, Rows, without_nul

COMPANY = {"ID": "101", "Identificador": "11.222.333/0001-81"}


def body(value: Any) -> bytes:
    return msgspec.json.encode(value)


def classify(status: int, content: bytes, *, retry_after: str | None = None) -> Rows | Nothing:
    """With the rows built of their texts."""
    return answers.classify(status, content, built, retry_after=retry_after)


def built(listed: list[msgspec.Raw]) -> Rows:
    return Rows([msgspec.json.decode(each) for each in listed], [])


def test_a_list_of_companies_is_rows() -> None:
    assert classify(200, body([COMPANY])) == Rows([COMPANY], [])


def test_one_company_that_came_as_an_object_is_a_row() -> None:
    assert classify(200, body(COMPANY)) == Rows([COMPANY], [])


def test_a_byte_order_mark_is_overlooked() -> None:
    assert classify(200, b"\xef\xbb\xbf" + body([COMPANY])) == Rows([COMPANY], [])


@pytest.mark.parametrize(
    "status, content, form",
    [(200, b"[]", "[]"), (200, b" [ ]\n", "[]"), (204, b"", "204"), (404, b"<html>", "404"), (404, b"", "404")],
)
def test_each_quiet_end_of_list_is_nothing(status: int, content: bytes, form: str) -> None:
    assert classify(status, content) == Nothing(form)  # type: ignore[arg-type]


@pytest.mark.parametrize("key", ["Erro", "erro", "error", "msg", "message"])
@pytest.mark.parametrize("in_a_list", [False, True])
def test_a_business_error_in_a_200_is_nothing_with_its_text(key: str, in_a_list: bool) -> None:
    value = {key: "Nenhuma  empresa\nencontrada"}
    assert classify(200, body([value] if in_a_list else value)) == Nothing("Erro", "Nenhuma empresa encontrada")


def test_a_business_error_that_is_no_text_is_shown_as_it_came() -> None:
    assert classify(200, body({"Erro": {"codigo": 7}})) == Nothing("Erro", '{"codigo":7}')


def test_a_company_with_a_field_called_msg_is_a_company() -> None:
    assert classify(200, body([COMPANY | {"msg": "x"}])) == Rows([COMPANY | {"msg": "x"}], [])


@pytest.mark.parametrize(
    "status, code",
    [(401, "token_invalid"), (403, "token_forbidden"), (400, "request_refused"), (301, "request_refused")],
)
def test_a_refusal_is_final(status: int, code: str) -> None:
    with pytest.raises(GiveUp) as caught:
        classify(status, b'{"Erro": "never read"}')
    assert caught.value.code == code
    assert "never read" not in caught.value.message


@pytest.mark.parametrize(
    "status, content, code",
    [
        (429, b"", "rate_limited"),
        (500, b"", "provider_down"),
        (502, b"<html>Bad Gateway</html>", "provider_down"),
        (503, b"[]", "provider_down"),
        (200, b"<!DOCTYPE html><html>", "answer_html"),
        (200, b"\n <html>", "answer_html"),
        (200, b'[{"ID":"101","Ra', "answer_invalid"),
        (200, b"", "answer_invalid"),
        (200, b'["\xff"]', "answer_invalid"),
        (200, b"[" * 100_000, "answer_invalid"),
        (200, b"{}", "answer_unknown"),
        (200, b"null", "answer_unknown"),
        (200, b'{"total": 3}', "answer_unknown"),
        (200, b'"ok"', "answer_unknown"),
    ],
)
def test_trouble_is_tried_again_and_never_taken_for_the_end(status: int, content: bytes, code: str) -> None:
    with pytest.raises(RetryLater) as caught:
        classify(status, content)
    assert caught.value.code == code


@pytest.mark.parametrize(
    "header, after_s",
    [
        ("30", 30.0),
        (" 5 ", 5.0),
        (None, None),
        ("", None),
        ("-1", None),
        ("Wed, 21 Oct 2026 07:28:00 GMT", None),
        ("²", None),
    ],
)
def test_a_429_that_remains_says_when_to_come_back(header: str | None, after_s: float | None) -> None:
    with pytest.raises(RetryLater) as caught:
        classify(429, b"", retry_after=header)
    assert caught.value.after_s == after_s


@given(st.integers(100, 599), st.binary(max_size=60) | st.builds(body, st.recursive(
    st.none() | st.text(max_size=5), lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=5), inner)
)))  # fmt: skip
def test_no_answer_whatever_breaks_the_judgement(status: int, content: bytes) -> None:
    try:
        answer = classify(status, content)
    except (GiveUp, RetryLater):
        return
    assert not isinstance(answer, Rows) or answer.rows


def test_texts_lose_the_character_postgresql_cannot_store() -> None:
    answer = classify(200, b'[{"ID":"101","Razao":"A\\u0000B \\\\u0000","x\\u0000":[{"y":"\\u0000"}]}]')
    assert answer == Rows([{"ID": "101", "Razao": "AB \\u0000", "x": [{"y": ""}]}], [])
    assert without_nul([1, None, "a\0"]) == [1, None, "a"]
