"""Pulling payments of the last months into `bc_invoice_map`."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
import trio

from drena_bomcontrole.fees import month_of
from support.provider_jobs import company_id, document

if TYPE_CHECKING:
    from drena.testing import Database

KEY = "synthetic-key"
THIS = month_of(dt.datetime.now(dt.timezone(dt.timedelta(hours=-3))).date())


def contract(number: int, *invoices: dict[str, Any]) -> dict[str, Any]:
    client = {"Id": number, "Nome": f"Empresa {number}", "Documento": document(number)}
    return {"Id": number, "Cliente": client, "Faturas": list(invoices)}


def invoice(number: int, months_back: int, **more: Any) -> dict[str, Any]:
    return {"Id": number, "Valor": "5.00", "DataVencimento": str(THIS.back(months_back).first), **more}


PAID = {"Quitado": True, "DataPagamento": "2026-11-05", "ValorPagamento": "5.25"}


async def mapped(office: Any, *invoices: tuple[int, int, int]) -> None:
    """Rows of `bc_invoice_map`: company and contract, invoice, months back."""
    for number, given, back in invoices:
        await office.sql(
            "insert into bc_invoice_map (tenant_id, portal_company_id, competencia, bc_contract_id, bc_invoice_id)"
            " values ($1, $2, $3, $4, $5)",
            office.tenant_id,
            company_id(number),
            str(THIS.back(back)),
            str(number),
            str(given),
        )


async def test_what_was_paid_in_the_last_four_months_is_marked_and_older_is_not_asked_for(office: Any) -> None:
    await office.open({1: "A", 2: "B"})
    await office.lay(
        contract(1, invoice(11, 0), invoice(12, 3, **PAID), invoice(13, 4, **PAID)),
        contract(2, invoice(21, 1, **PAID | {"ValorPagamento": None})),
    )
    await mapped(office, (1, 11, 0), (1, 12, 3), (1, 13, 4), (2, 21, 1))
    state = await office.run(lane="payments")
    assert state.status == "success", state.message
    rows = await office.sql("select bc_invoice_id, paid, payment_date, payment_value from bc_invoice_map order by 1")
    assert [tuple(row.values()) for row in rows] == [
        ("11", False, None, None),
        ("12", True, "2026-11-05", Decimal("5.25")),
        ("13", False, None, None),
        ("21", True, "2026-11-05", Decimal("5.00")),
    ]
    counters = state.counters["payments"]
    assert (counters.read, counters.updated, counters.skipped) == (3, 2, 1)
    assert len(await office.asked("GET")) == 2
    await office.fake.reset()
    assert (await office.run(lane="payments")).result["payments"]["paid"] == 0
    assert await office.asked("GET") == ["/integracao/VendaContrato/Obter/1"]


async def test_periods_are_written_with_percent_20(office: Any) -> None:
    await office.open({1: "A"})
    await office.lay(contract(1, invoice(11, 0)))
    await mapped(office, (1, 11, 0))
    assert (await office.run(lane="payments")).status == "success"
    (request,) = await office.fake.requests()
    assert f"inicioPeriodo={THIS.back(3).first}%2000%3A00%3A00&terminoPeriodo=" in request["query"]
    assert "+" not in request["query"]


async def test_a_contract_that_is_gone_is_counted_and_stops_nothing(office: Any) -> None:
    await office.open({1: "A", 2: "B"})
    await office.lay(contract(2, invoice(21, 0, **PAID)))
    await mapped(office, (1, 11, 0), (2, 21, 0), (2, 22, 1))
    result = (await office.run(lane="payments")).result["payments"]
    assert (result["refused"], result["paid"], result["missing"], result["errors"]) == (1, 1, 1, 1)


async def test_a_job_without_a_lane_pushes_and_then_pulls(office: Any) -> None:
    await office.open({1: "A"})
    await office.lay(contract(1, invoice(11, 0)))
    assert (await office.push((1, "5.00"), month=str(THIS))).result["fees"]["unchanged"] == 1
    await office.fake.change(KEY, {"invoice": 11, **PAID})
    both = await office.run(office.payload((1, "5.00"), month=str(THIS)))
    assert both.result["fees"]["unchanged"] == 1
    assert both.result["payments"]["paid"] == 1
    assert "fees" not in (await office.run()).result


async def test_a_dry_run_says_what_a_job_would_do_sends_nothing_and_keeps_nothing(office: Any) -> None:
    await office.open({1: "A", 2: "B", 3: "C", 4: "D"})
    await office.lay(
        contract(1, invoice(11, 0)), contract(2, invoice(21, 0)), contract(3, invoice(31, 1, **PAID)), contract(4)
    )
    await mapped(office, (3, 31, 1))
    payload = office.payload((1, "9.00"), (2, "5.00"), (4, "7.00"), month=str(THIS))
    said = await office.rehearse(payload)
    assert [(each["entity"], each["read"], each["updated"], each["skipped"]) for each in said["entities"]] == [
        ("fees", 3, 1, 2),
        ("payments", 3, 1, 2),
    ]
    verdicts = ("synced", "unchanged", "not_found", "warning_multiple", "failed")
    assert [said["result"]["fees"][name] for name in verdicts] == [1, 1, 1, 0, 0]
    assert said["result"]["payments"]["paid"] == 1
    assert await office.writes() == []
    assert await office.asked("PUT") == []
    for table in ("bc_contracts", "bc_sync_log", "integration_jobs", "sync_jobs"):
        assert not await office.sql(f"select from {table}"), table
    (left,) = await office.sql("select paid, portal_company_id from bc_invoice_map")
    assert (left["paid"], left["portal_company_id"]) == (False, company_id(3))
    done = await office.run(payload)
    assert done.result == said["result"]
    assert await office.writes() == [(11, Decimal("9.00"))]


async def test_a_killed_job_goes_on_behind_the_last_contract(office: Any) -> None:
    await office.open(dict.fromkeys(range(1, 6), "A"))
    await office.lay(*(contract(n, invoice(n, 0, **PAID)) for n in range(1, 6)))
    await mapped(office, *((n, n, 0) for n in range(1, 6)))
    async with office.open_job(lane="payments") as bench:
        with trio.CancelScope() as killed:

            async def kill(commits: int) -> None:
                if commits == 4:  # the list of contracts, and three of them
                    killed.cancel()
                await trio.lowlevel.checkpoint()

            bench.account.after_commit = kill
            await bench.attempt(bench.account)
        await bench.release()
        await bench.attempt()
        state = await bench.state()
    assert state.result["payments"]["paid"] == 5
    assert len(await office.asked("GET")) == 5


async def test_the_old_system_s_own_tables_are_used_as_they_are(office: Any, drena_database: Database) -> None:
    """Texts for tenants, integers for numbers, the office's slug in place of its id, a unique constraint."""
    office.database = drena_database
    await office.open({1: "A"})
    await office.lay(contract(1, invoice(11, 0)))
    columns = "id uuid primary key default gen_random_uuid(), tenant_id text not null, portal_company_id uuid not null"
    await office.sql("drop table bc_contracts, bc_invoice_map")
    await office.sql(
        f"create table bc_contracts ({columns}, bc_contract_id integer not null,"
        " active boolean not null default true, created_at timestamptz not null default now())"
    )
    await office.sql(
        f"create table bc_invoice_map ({columns}, competencia text not null, bc_contract_id integer not null,"
        " bc_invoice_id integer not null, due_date text, last_synced_value numeric, synced_at timestamptz,"
        " status text not null default 'synced', message text, paid boolean not null default false,"
        " payment_date text, payment_value numeric, last_payment_sync_at timestamptz,"
        " unique (tenant_id, portal_company_id, competencia))"
    )
    slug = (await office.sql("select slug from organizacoes"))[0]["slug"]
    await office.sql(
        "insert into bc_contracts (tenant_id, portal_company_id, bc_contract_id) values ($1, $2, 1)",
        slug,
        company_id(1),
    )
    for value in ("6.00", "7.00"):
        state = await office.push((1, value), month=str(THIS))
        assert state.status == "success", office.raised
    await office.fake.change(KEY, {"invoice": 11, **PAID})
    assert (await office.run(lane="payments")).result["payments"]["paid"] == 1
    (row,) = await office.sql("select * from bc_invoice_map")
    assert (row["tenant_id"], row["bc_contract_id"], row["last_synced_value"]) == (slug, 1, Decimal("7.00"))


@pytest.mark.parametrize("lane", ["everything", "Fees"])
async def test_an_unknown_lane_is_named(office: Any, lane: str) -> None:
    await office.open({})
    state = await office.run(lane=lane)
    assert (state.status, state.code) == ("error", "lane_unknown")
