"""No registered secret and nothing that looks like one survives, in any form people meet it in."""

from __future__ import annotations

import base64
import json
import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, quote_plus, urlencode
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drena.redaction import MASK, MIN_CHARS, Redactor, mask_shapes

LETTERS = st.characters(codec="utf-8", exclude_characters="*")
SECRETS = st.text(LETTERS, min_size=MIN_CHARS, max_size=40)
NOISE = st.text(LETTERS, max_size=60)


@given(secrets=st.lists(SECRETS, min_size=1, max_size=4), noise=st.lists(NOISE, min_size=2, max_size=6), data=st.data())
def test_no_known_secret_stays_whatever_surrounds_it(secrets, noise, data):
    redactor = Redactor(secrets)
    pieces = [piece for text in noise for piece in (text, data.draw(st.sampled_from(secrets)))]
    result = redactor.text("".join(pieces))
    assert not any(secret in result for secret in secrets)


@given(secret=st.text("ab", min_size=MIN_CHARS, max_size=9), other=st.text("ab", min_size=MIN_CHARS, max_size=9))
def test_overlapping_secrets_leave_no_part_of_either(secret, other):
    for shared in range(1, min(len(secret), len(other))):
        if secret.endswith(other[:shared]):
            assert Redactor([secret, other]).text(f"<{secret}{other[shared:]}>") == f"<{MASK}>"


@given(secret=SECRETS, prefix=st.binary(max_size=5), suffix=st.binary(max_size=5))
def test_encoded_forms_are_found_too(secret, prefix, suffix):
    redactor = Redactor([secret])
    for written in (
        quote(secret),
        quote(secret, safe=""),
        quote_plus(secret),
        urlencode({"q": secret}),
        json.dumps(secret),
    ):
        core = written.removeprefix("q=").strip('"')
        if len(core) >= MIN_CHARS:
            assert core not in redactor.text(f"({written})")
    raw = secret.encode()
    encoded = base64.b64encode(prefix + raw + suffix).decode()
    if len(raw) >= 6:
        assert MASK in redactor.text(encoded)


@given(secret=st.text("abcdefgh0123456789", min_size=24, max_size=60), cut=st.integers(12, 60))
def test_a_long_secret_cut_short_is_taken_out(secret, cut):
    kept = secret[: max(cut, -(-len(secret) // 2))]
    assert Redactor([secret]).text(f"got {kept}…") == f"got {MASK}…"


@given(secrets=st.lists(SECRETS, max_size=3), text=st.text(LETTERS, max_size=200))
def test_redacting_twice_changes_nothing_more(secrets, text):
    redactor = Redactor(secrets)
    once = redactor.text(text)
    assert redactor.text(once) == once


@given(text=st.text(st.characters(codec="utf-8", categories=["L", "N", "Zs"]), max_size=200))
def test_ordinary_text_is_left_alone(text):
    if "bearer" not in text.lower() and "authorization" not in text.lower():
        assert Redactor(["zq9-never-there"]).text(text) == text


@given(
    st.recursive(
        st.one_of(st.just("SECRET-42"), st.text(max_size=5), st.integers(), st.none(), st.binary(max_size=4)),
        lambda inner: st.one_of(st.lists(inner), st.dictionaries(st.text(max_size=5), inner), st.tuples(inner, inner)),
    )
)
def test_nested_values_hold_no_secret_and_stay_json(value):
    result = Redactor(["SECRET-42"]).value({"at SECRET-42": value, "x": (b"SECRET-42", ValueError("SECRET-42"))})
    assert b"SECRET-42" not in msgspec.json.encode(result)


@pytest.mark.parametrize(
    "text, result",
    [
        ("postgresql://ana:p4ss@h:5432/d?x=1", "postgresql://ana:***@h:5432/d?x=1"),
        ("postgresql://ana:p@ss@h/d", "postgresql://ana:***@h/d"),
        ("postgresql://ana:p/ss@h/d", "postgresql://ana:***@h/d"),
        ("redis://:p4ss@h", "redis://:***@h"),
        ("see http://h:8080/people/ana@example.com", "see http://h:8080/people/ana@example.com"),
        ("postgresql://ana@h/d", "postgresql://ana@h/d"),
        ("Authorization: Bearer abc.def-1, then", "Authorization: ***, then"),
        ("authorization=ApiKey k3y", "authorization=***"),
        ("{'Authorization': 'Basic YTpi'}", "{'Authorization': '***'}"),
        ("[(b'Authorization', b'Bearer abc')]", "[(b'Authorization', b'***')]"),
        ("sent bearer abc.def", "sent bearer ***"),
        ("GET /x?token=abc&page=2", "GET /x?token=***&page=2"),
        ("host=h password=abc user=u", "host=h password=*** user=u"),
        ("lease_token=7", "lease_token=7"),
    ],
)
def test_shapes_of_secrets_are_masked_unknown_or_not(text, result):
    assert mask_shapes(text) == result


def test_texts_under_telling_keys_are_masked_and_numbers_kept():
    value = {"Authorization": "x", "token": "abc", "lease_token": 7, "deep": [{"password": b"y"}]}
    assert Redactor().value(value) == {
        "Authorization": MASK,
        "token": MASK,
        "lease_token": 7,
        "deep": [{"password": MASK}],
    }


def test_structs_dataclasses_paths_and_strange_objects_become_plain():
    class Settings(msgspec.Struct):
        token: str

    @dataclass
    class Held:
        note: str

    class Strange:
        def __repr__(self) -> str:
            raise RuntimeError

    one = UUID(int=1)
    value = [Settings("a"), Held("SECRET-42"), Path("/x/SECRET-42"), Strange(), one]
    assert Redactor(["SECRET-42"]).value(value) == [{"token": MASK}, {"note": MASK}, "/x/***", "<Strange>", one]


def test_a_value_that_holds_itself_ends():
    loop: list[object] = []
    loop.append(loop)
    assert re.search("…", repr(Redactor().value(loop)))


def test_ten_thousand_secrets_do_not_slow_the_search():
    few, many = Redactor(["abcd-0"]), Redactor(f"tok-{n:05}-{'x' * 20}" for n in range(10_000))
    line = "job finished " * 20
    assert few.text(line) == many.text(line) == line
