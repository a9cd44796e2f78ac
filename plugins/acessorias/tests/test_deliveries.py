"""The sync of deliveries against the fake API and a real database."""

from __future__ import annotations

import datetime as dt
import json
import random
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from drena.api import GiveUp, RetryLater
from drena_acessorias.documents import document
from drena_acessorias.settings import Settings
from drena_acessorias.statuses import day

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from fake_acessorias.launch import Fake

TOKEN = "synthetic-token"
COMPANIES = 8
CONTENT = (
    "external_key, document, name, competence, due_on, delivered_on, status, label, payload::text as payload, hash"
)


@pytest.fixture
async def stocked(office: Any, fake: Fake) -> Any:
    """An office of a few companies, mirrored; the next job reads deliveries."""
    await fake.add_office(TOKEN, COMPANIES)
    await office.sync()
    office.lane = "deliveries"
    office.settings = Settings(
        confirm_delay_s=0.0, deliveries_back_days=3650, deliveries_ahead_days=3650, window_days=7500
    )
    return office


async def source(office: Any, fake: Fake) -> dict[str, dict[str, Any]]:
    """What the mirror must hold: the deliveries of each document's first company, by `EntID`."""
    first: dict[str | None, str] = {}
    for each in await fake.companies(TOKEN):
        first.setdefault(document(each["Identificador"]), each["ID"])
    found = [row for key in first.values() for row in await fake.deliveries(TOKEN, key)]
    return {row["Config"]["EntID"]: row for row in found}


async def mirror(office: Any) -> dict[str, dict[str, Any]]:
    rows = await office.sql(f"select {CONTENT} from drena.deliveries order by external_key")
    return {row["external_key"]: row for row in rows}


async def stamps(office: Any) -> dict[str, str]:
    rows = await office.sql("select external_key, xmin::text as stamp from drena.deliveries")
    return {row["external_key"]: row["stamp"] for row in rows}


def adds_up(result: Any) -> bool:
    return bool(result["read"] == sum(result[name] for name in ("created", "updated", "skipped", "errors")))


async def test_a_first_sync_mirrors_every_delivery_of_every_company(stocked: Any, fake: Fake) -> None:
    result = await stocked.sync()
    expected, held = await source(stocked, fake), await mirror(stocked)
    assert held.keys() == expected.keys()
    assert len(held) > 100
    for key, row in held.items():
        given = expected[key]
        assert (row["name"], row["label"]) == (given["Nome"], given["Status"])
        assert row["due_on"] == day(given["EntDtPrazo"])
        assert row["competence"] == day(given["EntCompetencia"])
        assert (row["status"] == "delivered") == bool(day(given["EntDtEntrega"]) or day(given["EntDtFinalizacao"]))
        assert json.loads(row["payload"])["EntLastDH"] == given["EntLastDH"]
    assert (result["mode"], result["read"], result["created"]) == ("full", len(expected), len(expected))
    assert adds_up(result)
    unlinked = await stocked.sql("select from drena.deliveries where empresa_id is null")
    assert not unlinked


async def test_a_second_sync_asks_for_changes_alone_and_writes_what_changed(stocked: Any, fake: Fake) -> None:
    await stocked.sync()
    before = await stamps(stocked)
    quiet = await stocked.sync()
    assert (quiet["mode"], quiet["read"]) == ("changes", 0)
    done = set(await fake.deliver(TOKEN, 5)) & before.keys()
    asked = len(await fake.requests(TOKEN))
    result = await stocked.sync()
    after = await stamps(stocked)
    assert {key for key in after if after[key] != before.get(key)} >= done
    assert (result["mode"], result["updated"]) == ("changes", len(done))
    asked_now = [each for each in (await fake.requests(TOKEN))[asked:] if each["query"] != "Pagina=1"]
    assert {each["path"] for each in asked_now} == {"/deliveries/ListAll"}
    held = await mirror(stocked)
    assert {held[key]["status"] for key in done} == {"delivered"}


async def test_the_watermark_is_committed_with_the_last_of_what_it_speaks_of(stocked: Any, fake: Fake) -> None:
    """I8: one transaction wrote the watermark, the last deliveries, and the checkpoint behind them."""
    for mode in ("full", "changes"):
        assert len(await fake.deliver(TOKEN, 5)) == 5
        assert (await stocked.sync())["mode"] == mode
        (mark,) = await stocked.sql("select xmin::text as stamp from drena.sync_state where entity = 'deliveries'")
        (state,) = await stocked.sql("select xmin::text as stamp from attempts")
        written = await stamps(stocked)
        assert mark["stamp"] == state["stamp"]
        assert mark["stamp"] in written.values()
        assert mark["stamp"] == max(written.values(), key=int)


async def test_after_days_of_silence_every_company_is_read_again(stocked: Any, fake: Fake) -> None:
    await stocked.sync()
    done = set(await fake.deliver(TOKEN, 3)) & (await stamps(stocked)).keys()
    old = str(dt.datetime.now(dt.UTC).replace(microsecond=0, tzinfo=None) - dt.timedelta(days=3))
    await stocked.sql(
        "update drena.sync_state set watermark = jsonb_set(watermark, '{since}', to_jsonb($1::text))"
        " where entity = 'deliveries'",
        old,
    )
    result = await stocked.sync()
    assert (result["mode"], result["updated"]) == ("full", len(done))
    assert old in result["why_full"]
    assert (await stocked.sync())["mode"] == "changes"


async def test_a_company_linked_since_is_read_one_by_one_before_the_changes(stocked: Any, fake: Fake) -> None:
    await stocked.sync()
    (new,) = await fake.add_companies(TOKEN, 1)
    stocked.lane = "companies"
    await stocked.sync()
    stocked.lane = "deliveries"
    result = await stocked.sync()
    assert (result["mode"], result["companies"]) == ("changes", 1)
    assert (await mirror(stocked)).keys() == (await source(stocked, fake)).keys()
    assert len(await fake.deliveries(TOKEN, new)) == result["created"]


async def test_without_a_lane_companies_come_first_and_deliveries_after(office: Any, fake: Fake) -> None:
    await fake.add_office(TOKEN, 3)
    office.lane = ""
    office.settings = Settings(confirm_delay_s=0.0, entities=("companies", "deliveries"))
    result = await office.sync()
    assert (result["entity"], result["read"]) == ("companies", 3)
    assert result["deliveries"]["entity"] == "deliveries"
    assert result["deliveries"]["read"] == len(await mirror(office))
    kept = await office.sql("select entity from drena.sync_state order by entity")
    assert [row["entity"] for row in kept] == ["companies", "deliveries"]


async def test_a_lane_nobody_knows_is_named_with_those_there_are(office: Any, fake: Fake) -> None:
    office.lane = "invoices"
    with pytest.raises(GiveUp, match="companies e deliveries") as caught:
        await office.sync()
    assert caught.value.code == "lane_unknown"


async def test_deliveries_without_companies_end_with_what_to_do(office: Any, fake: Fake) -> None:
    office.lane = "deliveries"
    with pytest.raises(GiveUp) as caught:
        await office.sync()
    assert caught.value.code == "no_companies"


async def test_no_delivery_at_all_is_an_error_and_leaves_no_watermark(stocked: Any, fake: Fake) -> None:
    stocked.settings = Settings(confirm_delay_s=0.0, deliveries_back_days=0, deliveries_ahead_days=0)
    with pytest.raises(GiveUp) as caught:
        await stocked.sync()
    assert caught.value.code == "nothing_read"
    assert not await stocked.sql("select from drena.sync_state where entity = 'deliveries'")


async def test_an_error_in_place_of_one_company_lets_the_others_be_read_and_is_told(stocked: Any, fake: Fake) -> None:
    await fake.set_knobs(erro_next=2, only_paths=["/deliveries"])
    with pytest.raises(GiveUp) as caught:
        await stocked.sync()
    assert caught.value.code == "provider_error"
    assert await mirror(stocked)
    assert not await stocked.sql("select from drena.sync_state where entity = 'deliveries'")
    assert (await stocked.sync())["mode"] == "full"
    assert (await mirror(stocked)).keys() == (await source(stocked, fake)).keys()


@pytest.mark.parametrize("allowed", [1, 5, 23])
async def test_silent_throttling_makes_no_company_one_without_deliveries(
    stocked: Any, fake: Fake, allowed: int
) -> None:
    await fake.set_knobs(throttle_silently=True, requests_per_minute=allowed)
    with pytest.raises(RetryLater) as caught:
        await stocked.sync()
    assert caught.value.code == "throttled_silently"
    await fake.set_knobs(throttle_silently=False, requests_per_minute=100_000)
    await stocked.sync(fresh=False)
    assert (await mirror(stocked)).keys() == (await source(stocked, fake)).keys()


async def test_a_sync_cut_off_anywhere_ends_like_one_that_was_not(
    stocked: Any, fake: Fake, cut_after: Callable[[int], AbstractContextManager[Any]]
) -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    with cut_after(-1) as uncut:
        expected = dict(await stocked.sync())
    rows = await mirror(stocked)
    for _ in range(12):
        await stocked.sql("truncate drena.deliveries")
        await stocked.sql("delete from drena.sync_state where entity = 'deliveries'")
        await stocked.sql("update attempts set checkpoint = null, counters = '{}'")
        with cut_after(chance.randrange(uncut.steps)):
            await stocked.sync(fresh=False)
        result = dict(await stocked.sync(fresh=False))
        assert await mirror(stocked) == rows
        assert result == expected


THROTTLE = {"requests_per_minute": 5, "rate_window_s": 0.05, "throttle_silently": True}
PAGES = (
    {},
    {"page_size": 7},
    {"page_size": 20, "short_pages": [2], "short_rows": 3},
    {"repeat_rows": 4},
    {"empty_once_pages": [1, 2]},
    {"ignore_pagina": True},
    {"repeated_pages": [2]},
)
FAULTS = (
    {},
    {"fail_next": 2, "fail_status": 502},
    {"cut_next": 1},
    {"truncate_every": 5},
    {"erro_every": 7},
    {"reset_next": 1},
    {"revoked": True},
    {"forbidden": True},
    {"requests_per_minute": 9, "rate_window_s": 0.3},
    THROTTLE,
)
FORMS = tuple(
    {"end_of_list": end, "deliveries_by_id": form, "empty_dates": dates, "date_style": style}
    for end in ("empty", "204", "404", "erro")
    for form in ("object", "list")
    for dates in ("mixed", "zero", "blank", "null", "absent")
    for style in ("iso", "brazilian")
)


async def test_whatever_the_api_does_the_mirror_is_whole_or_the_job_names_a_reason(stocked: Any, fake: Fake) -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    expected = await source(stocked, fake)
    endings: dict[str, int] = {}
    for _ in range(40):
        knobs = chance.choice(PAGES) | chance.choice(FAULTS) | chance.choice(FORMS)
        await stocked.sql("truncate drena.deliveries")
        await stocked.sql("delete from drena.sync_state where entity = 'deliveries'")
        await fake.replace_knobs(**knobs)
        spaced = 0.06 if knobs.keys() >= THROTTLE.keys() else 0.0  # the second request must be outside of the window
        stocked.settings = msgspec.structs.replace(stocked.settings, confirm_delay_s=spaced)
        ended = await outcome(stocked)
        endings[ended] = endings.get(ended, 0) + 1
        if ended == "whole":
            assert (await mirror(stocked)).keys() == expected.keys(), knobs
    print(endings)
    assert endings["whole"] > 0


async def outcome(office: Any) -> str:
    """`whole`, or the code that the job ended with after three attempts."""
    code = ""
    for attempt in range(3):
        try:
            assert adds_up(await office.sync(fresh=attempt == 0))
        except (GiveUp, RetryLater) as trouble:
            code = trouble.code
            if isinstance(trouble, GiveUp):
                break
        else:
            return "whole"
    assert code
    return code


async def test_the_views_show_payloads_as_typed_columns(stocked: Any, fake: Fake) -> None:
    await stocked.sync()
    source_of = {each["ID"]: each for each in await fake.companies(TOKEN)}
    shown = await stocked.sql(
        "select *, contacts::text as people, obligations::text as duties from drena.acessorias_companies"
    )
    assert shown
    for row in shown:
        given = source_of[row["acessorias_id"]]
        assert row["active"] == (given["Status"] == "Ativa")
        assert str(row["monthly_fee"]) == given["Honorario"]
        assert row["registered_on"] == day(given["DataDoCadastro"])
        assert row["client_until"] == day(given["ClienteAte"])
        assert (row["regime_label"] or "") == given["Regime"]
        assert json.loads(row["people"]) == given["ContatosNaEmpresa"]
        assert json.loads(row["duties"]) == given["Obrigacoes"]
    late = await stocked.sql("select late_from, department from drena.acessorias_deliveries")
    assert all(row["late_from"] is not None and row["department"] for row in late)


async def test_a_value_that_is_no_date_is_null_in_the_view(office: Any) -> None:
    given = ("2026-08-20", "20/08/2026", "2026-02-30", "0000-00-00", "", "soon", None)
    rows = [(await office.sql("select drena.acessorias_date($1) as day", text))[0]["day"] for text in given]
    assert rows == [dt.date(2026, 8, 20), dt.date(2026, 8, 20), None, None, None, None, None]
