"""Pushing fees: each company's verdict, what is sent, and what is never sent twice."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
import trio

from support.provider_jobs import company_id, document

KEY = "synthetic-key"


def invoice(number: int, value: str, due: str = "2026-11-10", **more: Any) -> dict[str, Any]:
    return {"Id": number, "Valor": value, "DataVencimento": due, **more}


def contract(number: int, *invoices: dict[str, Any], of: int | None = None) -> dict[str, Any]:
    client = {"Id": number, "Nome": f"Empresa {number}", "Documento": document(of or number)}
    return {"Id": number, "Cliente": client, "Faturas": list(invoices)}


async def test_every_company_gets_its_verdict(office: Any) -> None:
    await office.open({n: f"Empresa {n}" for n in range(1, 7)})
    await office.lay(
        contract(1, invoice(11, "1000.00")),
        contract(2, invoice(21, "1412.10")),
        contract(3, invoice(31, "1.00", "2026-10-10")),
        contract(4, invoice(41, "10.00", TipoFatura=1), invoice(42, "20.00", "2026-11-20", TipoFatura=0)),
        contract(5, invoice(51, "10.00", Quitado=True)),
    )
    state = await office.push(*((n, "1412.10") for n in range(1, 7)))
    assert state.status == "success", state.message
    fees = state.result["fees"]
    verdicts = ("synced", "unchanged", "not_found", "warning_multiple", "failed")
    assert [fees[name] for name in verdicts] == [1, 1, 2, 1, 1]
    assert await office.writes() == [(11, Decimal("1412.10")), (42, Decimal("1412.10"))]
    rows = await office.map()
    assert {n: row["status"] for n, row in rows.items()} == {
        1: "synced",
        2: "unchanged",
        3: "not_found",
        4: "warning_multiple",
        5: "failed",
    }
    assert rows[1]["last_synced_value"] == Decimal("1412.10")
    assert rows[5]["last_synced_value"] is None
    assert "quitada" in rows[5]["message"]
    log = await office.sql("select response_json ->> 'verdict' as verdict from bc_sync_log order by created_at, id")
    assert len(log) == 6
    counters = state.counters["fees"]
    assert (counters.read, counters.updated, counters.skipped, counters.errors) == (6, 2, 3, 1)


@pytest.mark.parametrize("value", ["0.1", 1412.10, 3, "9999999.99", 0.07])
async def test_money_arrives_to_the_cent(office: Any, value: Any) -> None:
    await office.open({1: "Empresa"})
    await office.lay(contract(1, invoice(11, "5.00")))
    assert (await office.push((1, value))).status == "success"
    ((_, sent),) = await office.writes()
    assert sent == Decimal(str(value)).quantize(Decimal("0.01"))
    (put,) = [each for each in await office.fake.requests() if each["method"] == "PUT"]
    assert put["body"] == f'{{"Valor":{sent}}}'


async def test_a_second_push_sends_nothing(office: Any) -> None:
    await office.open({1: "Empresa"})
    await office.lay(contract(1, invoice(11, "5.00")))
    await office.push((1, "7.50"))
    again = await office.push((1, "7.50"))
    assert again.result["fees"]["unchanged"] == 1
    assert len(await office.writes()) == 1


async def test_the_search_is_filtered_by_document_and_asked_once(office: Any) -> None:
    await office.open({1: "Empresa", 2: "Empresa"})
    await office.lay(*(contract(n, invoice(n * 10, "5.00")) for n in range(1, 9)), contract(99, of=2))
    state = await office.push((1, "6.00"), (2, "6.00"))
    assert state.result["fees"]["failed"] == 1
    assert "2 contratos" in state.result["fees"]["told"][0]["message"]
    links = await office.sql("select portal_company_id, bc_contract_id from bc_contracts")
    assert [(row["portal_company_id"], row["bc_contract_id"]) for row in links] == [(company_id(1), "1")]
    await office.fake.reset()
    await office.push((1, "7.00"))
    assert not [path for path in await office.asked("GET") if "Pesquisar" in path]


@pytest.mark.parametrize("knobs", [{"bare_list": True}, {"nested_document": True}, {"dates": "iso"}])
async def test_every_form_of_an_answer_is_understood(office: Any, knobs: dict[str, Any]) -> None:
    await office.open({1: "Empresa"})
    await office.lay(contract(1, invoice(11, "5.00")), *(contract(n) for n in range(2, 140)))
    await office.fake.set_knobs(strangers=130, **knobs)
    assert (await office.push((1, "6.00"))).result["fees"]["synced"] == 1


async def test_a_lost_answer_is_looked_up_and_not_sent_again(office: Any) -> None:
    await office.open({1: "Empresa"})
    await office.lay(contract(1, invoice(11, "5.00")))
    await office.fake.set_knobs(lost_next=1, only_methods=["PUT"])
    state = await office.push((1, "6.00"))
    assert state.result["fees"]["synced"] == 1
    assert await office.writes() == [(11, Decimal("6.00"))]
    assert len(await office.asked("PUT")) == 1


async def test_a_request_that_did_not_arrive_is_sent_again_after_a_reading(office: Any) -> None:
    await office.open({1: "Empresa"})
    await office.lay(contract(1, invoice(11, "5.00")))
    await office.fake.set_knobs(fail_next=1, fail_status=502, only_methods=["PUT"])
    assert (await office.push((1, "6.00"))).result["fees"]["synced"] == 1
    methods = [each["method"] for each in await office.fake.requests() if "Pesquisar" not in each["path"]]
    assert methods == ["GET", "PUT", "GET", "PUT"]


async def test_a_429_on_a_write_is_waited_out(office: Any) -> None:
    await office.open({1: "Empresa"})
    await office.lay(contract(1, invoice(11, "5.00")))
    await office.fake.set_knobs(throttle_next=2, only_methods=["PUT"])
    assert (await office.push((1, "6.00"))).result["fees"]["synced"] == 1
    assert await office.writes() == [(11, Decimal("6.00"))]


async def test_a_value_that_somebody_else_set_meanwhile_is_left_alone(office: Any) -> None:
    await office.open({1: "Empresa"})
    await office.lay(contract(1, invoice(11, "5.00")))
    await office.fake.set_knobs(fail_next=99, only_methods=["PUT"])
    async with office.open_job(office.payload((1, "6.00")), lane="fees") as bench:
        await bench.attempt()
        assert (await bench.state()).status == "pending"
        await office.fake.set_knobs(fail_next=0)
        await office.fake.change(KEY, {"invoice": 11, "Valor": "5.55"})
        await bench.attempt()
        state = await bench.state()
    assert (state.status, state.code) == ("error", "no_fee_pushed")
    assert "5.55 por outra via" in state.message
    assert await office.writes() == []


@pytest.mark.parametrize("wanted", ["6.00", "5.00"])
async def test_killed_between_the_write_and_the_commit_it_reads_before_it_writes(office: Any, wanted: str) -> None:
    await office.open({1: "Empresa", 2: "Empresa"})
    await office.lay(contract(1, invoice(11, "5.00")), contract(2, invoice(21, "5.00")))
    async with office.open_job(office.payload((1, "6.00"), (2, "7.00")), lane="fees") as bench:
        with trio.CancelScope() as killed:

            async def kill(_: int) -> None:
                if len(await office.writes()) == 1:
                    killed.cancel()
                    await trio.lowlevel.checkpoint()

            bench.account.before_transaction = kill
            await bench.attempt(bench.account)
        assert killed.cancelled_caught
        await bench.release()
        await office.fake.change(KEY, {"invoice": 11, "Valor": wanted})  # 5.00: as if the write had not arrived
        await bench.attempt()
        state = await bench.state()
    assert state.status == "success", state.message
    assert state.result["fees"]["synced"] == 2
    extra = [] if wanted == "6.00" else [(11, Decimal("6.00"))]
    assert await office.writes() == [(11, Decimal("6.00")), *extra, (21, Decimal("7.00"))]


async def test_a_refused_key_ends_the_job(office: Any) -> None:
    await office.open({1: "Empresa"})
    await office.lay(contract(1, invoice(11, "5.00")))
    await office.fake.set_knobs(revoked=True)
    state = await office.push((1, "6.00"))
    assert (state.status, state.code) == ("error", "key_invalid")
    assert KEY not in str(state)


@pytest.mark.parametrize(
    "payload",
    [
        {"competencia": "2026-13", "honorarios": [{"cnpj": document(1), "valor": "1"}]},
        {"competencia": "2026-11", "honorarios": []},
        {"competencia": "2026-11", "honorarios": [{"cnpj": document(1), "valor": "1,00"}]},
        {"competencia": "2026-11", "honorarios": [{"cnpj": document(1), "valor": 1.001}]},
        {"competencia": "2026-11", "honorarios": [{"cnpj": document(1), "valor": "-1"}]},
        {"competencia": "2026-11", "honorarios": [{"cnpj": "1", "valor": "1"}]},
        {"competencia": "2026-11", "honorarios": [{"cnpj": document(1), "valor": "1"}] * 2},
        {"competencia": "2026-11", "honorarios": [{"empresa_id": "x", "valor": True}]},
        {},
    ],
)
async def test_a_payload_that_makes_no_sense_is_named_before_any_request(office: Any, payload: Any) -> None:
    await office.open({})
    state = await office.run(payload, lane="fees")
    assert (state.status, state.code) == ("error", "payload_invalid")
    assert await office.fake.requests() == []


async def test_the_old_system_s_payload_is_understood_and_a_company_may_be_named_by_document(office: Any) -> None:
    await office.open({1: "Empresa", 2: "Empresa"})
    await office.lay(contract(1, invoice(11, "5.00")), contract(2, invoice(21, "5.00")))
    items = [{"portal_company_id": str(company_id(1)), "valor_total_mes": 6}]
    assert (await office.run({"competencia": "2026-11", "items": items}, lane="fees")).status == "success"
    dotted = "00.000.002/0001-00"
    payload = {"competencia": "2026-11", "honorarios": [{"cnpj": dotted, "valor": "8.00"}]}
    assert (await office.run(payload, lane="fees")).status == "success"
    assert await office.writes() == [(11, Decimal(6)), (21, Decimal(8))]


async def test_when_no_fee_finds_its_invoice_the_job_says_so(office: Any) -> None:
    await office.open({1: "Empresa"})
    await office.lay(contract(9))
    state = await office.push((1, "6.00"))
    assert (state.status, state.code) == ("error", "no_fee_pushed")
    assert "não tem contrato" in state.message
