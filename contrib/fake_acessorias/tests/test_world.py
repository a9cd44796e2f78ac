"""The invented world: the same words give the same bytes, and every kind of company is in it."""

import hashlib
import re
import subprocess
import sys
from collections import Counter

import msgspec
import pytest

from fake_acessorias import documents
from fake_acessorias.deliveries import make_deliveries
from fake_acessorias.directory import make_processes, make_requests, make_users
from fake_acessorias.vocabulary import DONE_LABELS, EDITED_LABELS, LATE_LABELS, OPEN_LABELS, REGIMES
from fake_acessorias.world import COMPANY_KEYS, kind_at, make_companies

SEED = 7
WORLD = """
import hashlib, msgspec
from fake_acessorias.deliveries import make_deliveries
from fake_acessorias.directory import make_processes, make_requests, make_users
from fake_acessorias.world import make_companies
rows = make_companies(7, "tok", 90)
parts = [rows, [make_deliveries(7, "tok", row) for row in rows[:9]]]
parts += [make(7, "tok") for make in (make_users, make_processes, make_requests)]
print(hashlib.sha256(msgspec.json.encode(parts)).hexdigest())
"""


@pytest.fixture(scope="module")
def companies():
    print(f"seed {SEED}")
    return make_companies(SEED, "tok", 400)


@pytest.mark.parametrize("hash_seed", ["0", "1"])
def test_another_process_makes_the_same_bytes(hash_seed):
    rows = make_companies(7, "tok", 90)
    parts = [rows, [make_deliveries(7, "tok", row) for row in rows[:9]]]
    parts += [make(7, "tok") for make in (make_users, make_processes, make_requests)]
    here = hashlib.sha256(msgspec.json.encode(parts)).hexdigest()
    found = subprocess.run(
        [sys.executable, "-c", WORLD], env={"PYTHONHASHSEED": hash_seed}, capture_output=True, check=True, text=True
    )
    assert found.stdout.strip() == here


def test_another_seed_or_office_makes_another_world():
    worlds = [make_companies(1, "a", 3), make_companies(2, "a", 3), make_companies(1, "b", 3)]
    assert len({msgspec.json.encode(world) for world in worlds}) == 3


def test_a_larger_office_begins_with_the_smaller_one(companies):
    assert make_companies(SEED, "tok", 41) == companies[:41]


def test_forty_companies_hold_every_kind_of_document():
    kinds = Counter(kind_at(SEED, "tok", position) for position in range(40))
    assert kinds == {"cnpj": 27, "alphanumeric": 4, "cpf": 6, "caepf": 2, "duplicate": 1}


def test_every_document_has_right_check_digits(companies):
    for position, company in enumerate(companies):
        bare, kind = documents.bare(company["Identificador"]), kind_at(SEED, "tok", position)
        match kind:
            case "cpf":
                assert documents.cpf(bare[:9]) == bare
            case "caepf":
                assert documents.caepf(bare[:12]) == bare
            case "cnpj" | "alphanumeric":
                assert documents.cnpj(bare[:12]) == bare
                assert bare.isdigit() == (kind == "cnpj")


def test_only_duplicates_share_a_document(companies):
    seen = Counter(documents.bare(company["Identificador"]) for company in companies)
    duplicates = sum(kind_at(SEED, "tok", position) == "duplicate" for position in range(400))
    assert len(companies) - len(seen) == duplicates == 10


def test_duplicates_come_formatted_and_bare():
    many = make_companies(SEED, "tok", 1200)
    forms = {many[n]["Identificador"].isalnum() for n in range(1200) if kind_at(SEED, "tok", n) == "duplicate"}
    assert forms == {True, False}


def test_every_company_has_every_key_and_an_id_of_its_own(companies):
    assert all(set(company) == set(COMPANY_KEYS) for company in companies)
    assert len({company["ID"] for company in companies}) == 400


def test_empty_dates_come_in_three_forms_and_texts_in_two(companies):
    assert {c["ClienteAte"] for c in companies if c["Status"] == "Ativa"} == {"0000-00-00", "", None}
    assert {c["Fantasia"] for c in companies if not c["Fantasia"]} == {"", None}


def test_the_world_has_inactive_companies_groups_and_stray_blanks(companies):
    assert {c["Status"] for c in companies} == {"Ativa", "Inativa"}
    assert {c["Regime"] for c in companies} == {*REGIMES, ""}
    assert any(c["Razao"] != c["Razao"].strip() for c in companies)
    assert any(c["GrupoDeEmpresas"] for c in companies)


def test_nested_lists_have_the_keys_of_the_api(companies):
    def keys(name):
        return {tuple(item) for company in companies for item in company[name]}

    assert keys("ContatosNaEmpresa") == {("Nome", "E-mail", "Celular")}
    assert keys("InscricoesEstaduais") == {("IE", "UF")}
    assert keys("Departamentos") == {("ID", "Nome", "RespNome", "RespEmail")}
    assert keys("Obrigacoes") == {("Nome", "Status", "Entregues", "Atrasadas", "Proximos30D", "Futuras30+")}


def test_addresses_and_phones_are_synthetic(companies):
    contacts = [one for company in companies for one in company["ContatosNaEmpresa"]]
    assert all(re.fullmatch(r"[a-z]+\d+@example\.com", one["E-mail"]) for one in contacts)


def test_deliveries_have_the_documented_keys_labels_and_dates(companies):
    rows = [row for company in companies for row in make_deliveries(SEED, "tok", company)]
    assert {tuple(row) for row in rows} == {
        ("Nome", "EntCompetencia", "EntDtPrazo", "EntDtAtraso", "EntDtEntrega", "EntDtFinalizacao", "EntMulta",
         "Status", "EntGuiaLida", "EntLastDH", "RespEntrega", "Config", "Anexos")
    }  # fmt: skip
    assert {row["Status"] for row in rows} >= {*OPEN_LABELS, *LATE_LABELS, *DONE_LABELS, *EDITED_LABELS, "Dispensada"}
    assert all(re.fullmatch(r"2026-\d\d-01", row["EntCompetencia"]) for row in rows)
    assert all(row["EntDtPrazo"] > row["EntCompetencia"] for row in rows)
    assert {"0000-00-00", "", None} < {row["EntDtEntrega"] for row in rows}
    assert len({row["Config"]["EntID"] for row in rows}) == len(rows)


def test_nothing_in_the_world_changed_after_august_2026(companies):
    assert max(company["DtLastDH"] or "" for company in companies) < "2026-09"


def test_processes_and_requests_write_dates_the_brazilian_way():
    dates = [row["ProcInicio"] for row in make_processes(SEED, "tok")]
    dates += [row["SolUltAt"] for row in make_requests(SEED, "tok")]
    assert all(re.fullmatch(r"\d\d/\d\d/2026", date) for date in dates)
