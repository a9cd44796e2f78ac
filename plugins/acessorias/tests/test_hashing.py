"""The fingerprint of a company: key order does not count, everything else does."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from drena_acessorias import hashing


def payload_hash(payload: Any) -> str:
    return hashing.payload_hash(hashing.canonical(payload))


SCALARS = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=8)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=20,
)
COMPANIES = st.dictionaries(st.text(max_size=6), JSON, min_size=1, max_size=6)


def shuffled(value: Any, data: st.DataObject) -> Any:
    if isinstance(value, dict):
        return {key: shuffled(value[key], data) for key in data.draw(st.permutations(list(value)))}
    if isinstance(value, list):
        return [shuffled(each, data) for each in value]
    return value


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Paths of everything inside `value`."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [place for key, each in inner for place in ((*path, key), *places(each, (*path, key)))]


def replaced(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    if not path:
        return new
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = replaced(copy[path[0]], path[1:], new)
    return copy


def same(one: Any, other: Any) -> bool:
    """Equality as JSON sees it: true is not 1."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return type(one) is type(other) and bool(one == other)


@given(COMPANIES, st.data())
def test_the_order_of_keys_never_counts(company: dict[str, Any], data: st.DataObject) -> None:
    assert payload_hash(shuffled(company, data)) == payload_hash(company)


@given(COMPANIES, JSON, st.data())
def test_any_change_at_any_depth_counts(company: dict[str, Any], new: Any, data: st.DataObject) -> None:
    changed = replaced(company, data.draw(st.sampled_from(places(company))), new)
    assume(not same(changed, company))
    assert payload_hash(changed) != payload_hash(company)


@given(COMPANIES, COMPANIES)
def test_two_companies_have_one_hash_only_when_they_are_the_same(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert (payload_hash(one) == payload_hash(other)) == same(one, other)


def test_the_order_of_a_list_counts() -> None:
    contacts = [{"Nome": "Ana Teste"}, {"Nome": "Bia Teste"}]
    assert payload_hash({"ContatosNaEmpresa": contacts}) != payload_hash({"ContatosNaEmpresa": contacts[::-1]})


@pytest.mark.parametrize("one, other", [("1412.00", 1412.0), (1, True), (None, ""), (0, False), ([], {})])
def test_the_type_of_a_value_counts(one: Any, other: Any) -> None:
    assert payload_hash({"Honorario": one}) != payload_hash({"Honorario": other})
