"""Dates decide first, the label's beginning second, and nothing is guessed."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drena_acessorias.statuses import day, status_of

DAY = dt.date(2026, 8, 20)
LABELS = {
    "Pendente": "pending",
    "Atrasada!": "late",
    "Dispensada": "waived",
    "Entregue": "delivered",
    "Ent. antecipada": "delivered",
    "Ent. PzTéc": "delivered",
    "Ent. atrasada": "delivered",
    "Ent. justificada": "delivered",
    "Prazo técnico": "pending",
    "Atraso justificado": "late",
    "Pend. justificada": "pending",
    "Em análise pela Bia": "unknown",
    "OK cliente": "unknown",
    "********": "unknown",
    "": "unknown",
}


@pytest.mark.parametrize("label, status", LABELS.items())
def test_without_a_date_the_label_decides_by_its_beginning(label: str, status: str) -> None:
    for form in (label, label.upper(), f"  {label} "):
        assert status_of(delivered_on=None, finished_on=None, label=form) == status


@given(st.one_of(st.text(), st.none(), st.integers()))
def test_a_date_means_done_whatever_the_label_says(label: object) -> None:
    assert status_of(delivered_on=DAY, finished_on=None, label=label) == "delivered"
    assert status_of(delivered_on=None, finished_on=DAY, label=label) == "delivered"


@given(st.one_of(st.text(), st.none(), st.integers(), st.lists(st.text())))
def test_no_label_and_no_date_is_too_odd_to_judge(value: object) -> None:
    assert status_of(delivered_on=None, finished_on=None, label=value) in {*LABELS.values()}
    assert day(value) is None or isinstance(day(value), dt.date)


@given(st.dates(min_value=dt.date(1, 1, 1)))
def test_a_day_is_read_in_both_styles(date: dt.date) -> None:
    assert day(f"{date.year:04}-{date.month:02}-{date.day:02}") == date
    assert day(f"{date.day:02}/{date.month:02}/{date.year:04} 10:15:00") == date


@pytest.mark.parametrize("given", ["0000-00-00", "", " ", None, 20260820, "********", "2026-02-30", "٢٠٢٦-٠٨-٢٠"])
def test_what_is_no_day_is_none(given: object) -> None:
    assert day(given) is None
