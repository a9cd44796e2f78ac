"""Deliveries: pages of fifty, two mandatory dates, and the many roads to a 204."""

import pytest

from fake_acessorias import documents

YEAR = "DtInitial=2026-01-01&DtFinal=2027-12-31"
TODAY = "DtLastDH=2026-11-20%2000:00:00"


def target(row, query=YEAR):
    return f"/deliveries/{documents.bare(row['Identificador'])}?{query}"


@pytest.fixture
def busy(desk):
    """A company with more than fifty deliveries."""
    return next(row for row in desk.truth if len(row["Obrigacoes"]) == 5 and row["Status"] == "Ativa")


def test_one_company_comes_in_pages_of_fifty(desk, busy):
    pages = [desk.rows(target(busy, f"{YEAR}&Pagina={number}")) for number in (1, 2)]
    assert [len(page["Entregas"]) for page in pages] == [50, 10]
    assert {key for page in pages for key in page} == {"ID", "Identificador", "Razao", "Fantasia", "Entregas"}
    assert desk.rows(target(busy, f"{YEAR}&Pagina=3")) == []


@pytest.mark.parametrize(
    "query",
    ["", "DtInitial=2026-01-01", "DtFinal=2026-12-31", "DtInitial=01/01/2026&DtFinal=31/12/2026",
     "DtInitial=2026-02-30&DtFinal=2026-12-31", f"{YEAR}&config=1", "DtInitial=2031-01-01&DtFinal=2031-12-31"],
)  # fmt: skip
def test_what_it_does_not_like_is_204(desk, busy, query):
    found = desk.get(target(busy, query))
    assert (found.status, found.body) == (204, b"")


def test_an_unknown_company_is_204(desk):
    assert desk.get(f"/deliveries/00000000000000?{YEAR}").status == 204


def test_the_dates_filter_the_deadline_not_the_competencia(desk, busy):
    rows = desk.rows(target(busy, "DtInitial=2026-03-01&DtFinal=2026-03-31"))["Entregas"]
    assert {row["EntDtPrazo"][:7] for row in rows} == {"2026-03"}
    assert {row["EntCompetencia"] for row in rows} == {"2026-02-01"}


def test_config_and_attachments_are_flags(desk, busy):
    plain, full = desk.rows(target(busy)), desk.rows(target(busy, f"{YEAR}&config&attachments="))
    assert not {"Config", "Anexos"} & set(plain["Entregas"][0])
    assert set(full["Entregas"][0]["Config"]) == {
        "EntID", "Tipo", "ID", "DptoID", "DptoNome", "RespPrazo", "RespPrazoID", "RespEntrega", "RespEntregaID"
    }  # fmt: skip
    assert "Anexos" in full["Entregas"][0]


def test_situation_filters_and_ignores_what_it_does_not_know(desk, busy):
    def found(situation):
        return desk.rows(target(busy, f"{YEAR}&situation={situation}"))["Entregas"]

    everything = found("nonsense")
    assert everything == desk.rows(target(busy))["Entregas"]
    done = [row for row in everything if row["EntDtEntrega"] not in ("", None, "0000-00-00")]
    assert len(found("delivered")) + len(found("pending")) == 60
    assert len(done) == len(found("delivered"))
    assert all(row["EntGuiaLida"] for row in found("read"))


def test_department_filters(desk, busy):
    rows = desk.rows(target(busy, f"{YEAR}&config&department_id=2"))["Entregas"]
    assert {row["Config"]["DptoID"] for row in rows} == {"2"}


@pytest.mark.parametrize("since", ["", "&DtLastDH=2026-11-18%2023:59:59", "&DtLastDH=2026-11-20", "&DtLastDH=x"])
def test_list_all_wants_a_moment_of_today_or_yesterday(desk, since):
    desk.source.offices["tok"].deliver(3, "2026-11-20 09:00:00")
    assert desk.get(f"/deliveries/ListAll?{YEAR}{since}").status == 204


def test_list_all_says_204_when_nothing_changed(desk):
    assert desk.get(f"/deliveries/ListAll?{YEAR}&{TODAY}").status == 204


@pytest.mark.parametrize("since", [TODAY, "DtLastDH=2026-11-19%2000:00:00"])
def test_list_all_gives_what_changed_grouped_by_company(desk, since):
    changed = desk.source.offices["tok"].deliver(7, "2026-11-20 09:00:00")
    rows = desk.rows(f"/deliveries/ListAll?{YEAR}&{since}&config")
    assert sorted(row["Config"]["EntID"] for one in rows for row in one["Entregas"]) == sorted(changed)
    assert len({one["ID"] for one in rows}) == len(rows)


def test_list_all_pages_count_deliveries_not_companies(desk):
    desk.source.offices["tok"].deliver(120, "2026-11-20 09:00:00")
    sizes = [
        sum(len(one["Entregas"]) for one in desk.rows(f"/deliveries/ListAll?{YEAR}&{TODAY}&Pagina={number}"))
        for number in (1, 2, 3, 4)
    ]
    assert sizes == [50, 50, 20, 0]
