"""From a row of the API to what is written."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from drena_acessorias import rows
from drena_acessorias.masks import masked_fields
from drena_acessorias.rows import MAPPED_KEYS, Batch, Company, Row, opened

ROW: dict[str, Any] = {"ID": "101", "Identificador": "11.222.333/0001-81", "Razao": "EXEMPLO"}


def page(*listed: Any) -> list[Row]:
    return opened([msgspec.Raw(msgspec.json.encode(each)) for each in listed]).rows


def company(row: Any) -> Company | None:
    return rows.company(page(row)[0])


def gather(listed: list[Any], seen: set[str]) -> Batch:
    return rows.gather(page(*listed), seen)


def test_a_company_is_known_by_its_id_and_its_document() -> None:
    found = company(ROW)
    assert found is not None
    assert (found.external_key, found.document, found.cnpj) == ("101", "11222333000181", "11.222.333/0001-81")


@pytest.mark.parametrize("value", ["", "  ", None, "********", "123", "isento"])
def test_a_company_with_an_unusable_identifier_is_kept_under_its_id(value: str | None) -> None:
    found = company(ROW | {"Identificador": value})
    assert found is not None
    assert (found.external_key, found.document) == ("101", None)
    assert msgspec.json.decode(found.row.text)["Identificador"] == value


@pytest.mark.parametrize("value", ["", None, "********", True, 1.5, [], {}])
def test_a_company_without_a_usable_id_is_known_by_its_document(value: Any) -> None:
    found = company(ROW | {"ID": value})
    assert found is not None
    assert (found.external_key, found.identity) == (None, "@11222333000181")


def test_an_id_that_came_as_a_number_is_the_same_id() -> None:
    found = company(ROW | {"ID": 101})
    assert found is not None
    assert found.external_key == "101"


@pytest.mark.parametrize("row", [None, [], "x", 7, {}, {"ID": "", "Identificador": "123"}, {"id": "101", "cnpj": "1"}])
def test_a_row_that_says_of_no_company_is_anonymous(row: Any) -> None:
    assert company(row) is None
    assert gather([row], set()).anonymous == 1


def test_masked_and_missing_keys_keep_what_is_stored() -> None:
    found = company(ROW | {"Fantasia": "********", "Honorario": "****", "Telefone": None})
    assert found is not None
    assert sorted(found.row.kept) == ["DataDoCadastro", "Fantasia", "Honorario", "Regime"]


def test_a_whole_row_without_masks_keeps_nothing_of_what_is_stored() -> None:
    found = company(dict.fromkeys(MAPPED_KEYS) | ROW | {"Fantasia": ""})
    assert found is not None
    assert found.row.kept == ()


def test_masks_are_named_at_any_depth() -> None:
    row = ROW | {"Fantasia": "********", "ContatosNaEmpresa": [{"Nome": "A*** T****"}, {"Nome": "x", "Celular": "***"}]}
    assert masked_fields(row) == {"Fantasia", "ContatosNaEmpresa.Nome", "ContatosNaEmpresa.Celular"}
    assert gather([row], set()).masked == masked_fields(row)


def test_rows_seen_before_are_dropped_and_counted() -> None:
    seen: set[str] = set()
    assert gather([ROW, ROW], seen).repeated == 1
    batch = gather([ROW, ROW | {"ID": "102"}], seen)
    assert (batch.repeated, batch.read) == (1, 1)
    assert batch.identities == ["#101", "#102"]


@pytest.mark.parametrize(
    "row, expected",
    [
        (ROW, True),
        ({"Identificador": "********"}, True),
        ({"cnpj": "11"}, False),
        ({"Identificador": ""}, False),
        (3, False),
    ],
)
def test_a_row_has_an_identifier_or_not(row: Any, expected: bool) -> None:
    assert gather([row], set()).identified is expected


VALUES = (
    st.none() | st.text(max_size=12) | st.sampled_from(["101", "102", "529.982.247-25", "********"]) | st.integers()
)
ROWS = st.lists(st.one_of(st.none(), st.fixed_dictionaries({}, optional=dict.fromkeys(("ID", *MAPPED_KEYS), VALUES))))


@settings(suppress_health_check=[HealthCheck.too_slow])  # how fast rows are made up is the machine's affair
@given(st.lists(ROWS, max_size=4))
def test_every_row_is_read_once_or_repeated(pages: list[list[Any]]) -> None:
    seen: set[str] = set()
    batches = [gather(page, seen) for page in pages]
    assert sum(batch.read + batch.repeated for batch in batches) == sum(map(len, pages))
    known = [each.identity for batch in batches for each in batch.companies]
    assert len(known) == len(set(known)) == len(seen)
