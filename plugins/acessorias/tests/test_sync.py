"""The whole sync against the fake API and a real database."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest

from drena.api import GiveUp, RetryLater
from drena_acessorias.documents import document, normalise
from drena_acessorias.settings import Settings

if TYPE_CHECKING:
    from fake_acessorias.launch import Fake

TOKEN = "synthetic-token"
COUNTERS = ("read", "created", "updated", "skipped", "errors")


def counters(result: Any) -> tuple[int, ...]:
    return tuple(result[name] for name in COUNTERS)


async def winners(fake: Fake) -> dict[str, dict[str, Any]]:
    """The companies the mirror must hold: for each document the one with the greatest ID, by ID."""
    newest = {document(each["Identificador"]): each for each in await fake.companies(TOKEN)}
    return {each["ID"]: each for each in newest.values()}


async def test_a_first_sync_mirrors_every_company(office: Any, fake: Fake) -> None:
    result = await office.sync()
    expected = await winners(fake)
    rows = {row["external_key"]: row for row in await office.rows()}
    assert rows.keys() == expected.keys()
    for key, row in rows.items():
        source = expected[key]
        assert (row["nome"], normalise(row["cnpj"])) == (source["Razao"].strip(), normalise(source["Identificador"]))
        assert row["external_source"] == "acessorias"
        assert row["synced_at"] is not None
        assert json.loads(row["raw"])["ContatosNaEmpresa"] == source["ContatosNaEmpresa"]
    elder = 65 - len(expected)  # their row is taken over, or never made when their twin is on the same page
    assert elder > 0
    assert (result["read"], result["created"], result["errors"]) == (65, len(expected), 0)
    assert result["updated"] + result["skipped"] == elder
    assert result["pages"] == 4


async def test_a_second_sync_writes_nothing_and_is_a_success(office: Any, fake: Fake) -> None:
    await office.sync()
    before = await office.stamps()
    result = await office.sync()
    assert counters(result) == (65, 0, 0, 65, 0)
    assert await office.stamps() == before


async def test_a_third_sync_updates_exactly_what_changed_at_the_source(office: Any, fake: Fake) -> None:
    await office.sync()
    changed = set(await fake.touch(TOKEN, 7, keys=("Razao", "ContatosNaEmpresa")))
    before = await office.stamps()
    result = await office.sync()
    assert counters(result) == (65, 0, 7, 58, 0)
    after = await office.stamps()
    written = {row["external_key"] for row in await office.rows() if after[str(row["id"])] != before[str(row["id"])]}
    assert written == changed
    for key in changed:
        assert (await office.row(key))["nome"] == (await fake.company(TOKEN, key))["Razao"].strip()


async def test_new_companies_are_created_and_absent_ones_stay(office: Any, fake: Fake) -> None:
    await office.sync()
    before = len(await office.rows())
    await fake.remove_company(TOKEN, "101")
    await fake.add_company(TOKEN, {"ID": "9001", "Identificador": "11.222.333/0001-81", "Razao": "NOVA"})
    result = await office.sync()
    assert result["created"] == 1
    assert len(await office.rows()) == before + 1
    assert (await office.row("9001"))["nome"] == "NOVA"


async def test_the_request_has_presence_flags_and_pagina(office: Any, fake: Fake) -> None:
    await office.sync()
    flags = "obligations&contacts&departments&registrationData&stateRegistrations"
    asked = [(each["path"], each["query"]) for each in await fake.requests(TOKEN)]
    bare = "Pagina=1"  # shows the API at work, before and after the end is asked for again
    pages = [f"{flags}&Pagina={page}" for page in (1, 2, 3, 4, 5)]
    assert asked == [("/companies/ListAll", query) for query in (*pages, bare, pages[-1], bare)]


@pytest.mark.parametrize("form", ["empty", "204", "404", "erro"])
async def test_every_form_of_the_end_is_confirmed_by_a_second_request(office: Any, fake: Fake, form: str) -> None:
    await fake.set_knobs(end_of_list=form)
    result = await office.sync()
    assert (result["read"], result["pages"]) == (65, 4)
    assert [each["query"].rpartition("=")[2] for each in await fake.requests(TOKEN)][-4:] == ["5", "1", "5", "1"]


@pytest.mark.parametrize("allowed", range(2, 9))
async def test_silent_throttling_that_outlasts_every_wait_is_never_taken_for_the_end(
    office: Any, fake: Fake, allowed: int
) -> None:
    """Of the eight requests that a reading takes the API answers so many, and the rest of a minute with emptiness."""
    await fake.set_knobs(throttle_silently=True, requests_per_minute=allowed)
    if allowed < 8:
        with pytest.raises(RetryLater) as caught:
            await office.sync()
        assert caught.value.code == "throttled_silently"
        assert office.attempt.pace.slowed
    await fake.set_knobs(throttle_silently=False, requests_per_minute=100_000)
    assert (await office.sync(fresh=allowed == 8))["read"] == 65
    assert len(await office.rows()) == len(await winners(fake))


async def test_an_empty_page_that_is_full_when_asked_again_slows_the_pace(office: Any, fake: Fake) -> None:
    await fake.set_knobs(empty_once_pages=[1, 3])
    result = await office.sync()
    assert result["read"] == 65
    assert len(office.attempt.pace.slowed) == 2


async def test_a_short_page_in_the_middle_is_not_the_end(office: Any, fake: Fake) -> None:
    await fake.set_knobs(short_pages=[2], short_rows=3)
    assert (await office.sync())["read"] == 65


async def test_rows_that_pages_repeat_are_read_once(office: Any, fake: Fake) -> None:
    await fake.set_knobs(repeat_rows=4)
    result = await office.sync()
    assert result["read"] == 65
    assert result["repeated"] > 0
    assert counters(result)[0] == sum(counters(result)[1:])


@pytest.mark.parametrize("knobs", [{"ignore_pagina": True}, {"repeated_pages": [3]}])
async def test_a_repeated_page_fails_the_run_loudly(office: Any, fake: Fake, knobs: dict[str, Any]) -> None:
    await fake.set_knobs(**knobs)
    with pytest.raises(GiveUp) as caught:
        await office.sync()
    assert caught.value.code == "pagination_repeated"
    assert len(await fake.requests(TOKEN)) <= 4


async def test_a_list_longer_than_the_cap_fails_the_run(office: Any, fake: Fake) -> None:
    office.settings = Settings(max_pages=3, confirm_delay_s=0.0)
    with pytest.raises(GiveUp) as caught:
        await office.sync()
    assert caught.value.code == "too_many_pages"


@pytest.mark.parametrize(
    "knobs, code",
    [
        ({"revoked": True}, "token_invalid"),
        ({"forbidden": True}, "token_forbidden"),
        ({"erro_next": 2}, "provider_error"),
    ],
)
async def test_a_refusal_ends_the_job_with_its_reason(
    office: Any, fake: Fake, knobs: dict[str, Any], code: str
) -> None:
    await fake.set_knobs(**knobs)
    with pytest.raises(GiveUp) as caught:
        await office.sync()
    assert caught.value.code == code
    assert TOKEN not in caught.value.message


@pytest.mark.parametrize(
    "knobs, code",
    [
        ({"fail_next": 1, "fail_status": 502}, "provider_down"),
        ({"fail_next": 1, "fail_status": 429}, "rate_limited"),
        ({"fail_next": 1, "fail_status": 200, "fail_body": "html"}, "answer_html"),
        ({"truncate_next": 1}, "answer_invalid"),
        ({"cut_next": 1}, "provider_unreachable"),
        ({"reset_next": 1}, "provider_unreachable"),
    ],
)
async def test_trouble_in_the_middle_keeps_what_was_read_and_goes_on_from_there(
    office: Any, fake: Fake, knobs: dict[str, Any], code: str
) -> None:
    await fake.set_knobs(only_pages=[3], **knobs)
    with pytest.raises(RetryLater) as caught:
        await office.sync()
    assert caught.value.code == code
    assert office.attempt.checkpoint["next_page"] == 3
    assert office.attempt.counters["companies"].read == 40
    result = await office.sync(fresh=False)
    assert (result["read"], result["pages"], result["repeated"]) == (65, 4, 0)
    assert {row["external_key"] for row in await office.rows()} == (await winners(fake)).keys()


async def test_one_business_error_on_the_first_page_is_asked_about_again(office: Any, fake: Fake) -> None:
    await fake.set_knobs(erro_next=1)
    assert (await office.sync())["read"] == 65


async def test_json_sent_as_html_is_read(office: Any, fake: Fake) -> None:
    await fake.set_knobs(json_as_html=True)
    assert (await office.sync())["read"] == 65


async def test_far_fewer_companies_than_known_is_an_error_that_says_the_numbers(office: Any, fake: Fake) -> None:
    await office.sync()
    before = await office.rows()
    await fake.add_office(TOKEN, 20)
    with pytest.raises(GiveUp) as caught:
        await office.sync()
    assert caught.value.code == "read_too_few"
    assert "20" in caught.value.message
    assert str(len(before)) in caught.value.message
    assert len(await office.rows()) == len(before)


async def test_an_office_without_companies_is_an_error(office: Any, fake: Fake) -> None:
    await fake.add_office(TOKEN, 0)
    with pytest.raises(GiveUp) as caught:
        await office.sync()
    assert caught.value.code == "nothing_read"


async def test_companies_whose_identifier_and_id_nobody_knows_are_an_error_and_nothing_is_written(
    office: Any, fake: Fake
) -> None:
    await fake.set_knobs(masked=True, masked_keys=["Identificador"])
    with pytest.raises(GiveUp) as caught:
        await office.sync()
    assert caught.value.code == "nothing_usable"
    assert await office.rows() == []


async def test_a_restricted_token_never_masks_what_was_visible(office: Any, fake: Fake) -> None:
    await office.sync()
    before = {row["external_key"]: row for row in await office.rows()}
    assert len(before) == len(await winners(fake))
    await fake.set_knobs(masked=True, masked_keys=["Razao", "Fantasia", "Telefone", "Identificador", "Honorario"])
    result = await office.sync()
    assert list(result["masked"]) == ["Fantasia", "Honorario", "Identificador", "Razao", "Telefone"]
    assert result["hidden"] == 65 - len(before)  # elder twins of companies in the mirror
    assert len(await office.rows()) == len(before)
    for row in await office.rows():
        old = before[row["external_key"]]
        assert (row["nome"], row["cnpj"], row["whatsapp"]) == (old["nome"], old["cnpj"], old["whatsapp"])
        assert "***" not in row["raw"]
    assert any("mascarado" in line for line in office.attempt.log.warnings())
    await fake.set_knobs(masked=False)
    await fake.touch(TOKEN, 5, keys=("Razao",))
    await office.sync()
    expected = await winners(fake)
    assert {row["external_key"]: row["nome"] for row in await office.rows()} == {
        key: each["Razao"].strip() for key, each in expected.items()
    }


async def test_a_first_sync_by_a_restricted_token_stores_no_mask_as_a_name(office: Any, fake: Fake) -> None:
    await fake.set_knobs(masked=True, masked_keys=["Razao", "Fantasia"])
    await office.sync()
    rows = await office.rows()
    assert rows
    assert all(normalise(row["nome"]) == normalise(row["cnpj"]) for row in rows)
    await fake.set_knobs(masked=False)
    await office.sync()
    assert all(normalise(row["nome"]) != normalise(row["cnpj"]) for row in await office.rows())


async def test_rows_of_any_formatting_are_found_and_what_people_typed_stays(office: Any, fake: Fake) -> None:
    companies = (await fake.companies(TOKEN))[:4]
    typed = [normalise(each["Identificador"]) for each in companies]
    typed[1], typed[2] = f" {typed[1].lower()} ", "-".join(typed[2])
    for number, cnpj in enumerate(typed):
        await office.insert(nome=f"Da casa {number}", cnpj=cnpj, regime_tributario="mei" if number else None)
    result = await office.sync()
    rows = {row["cnpj"]: row for row in await office.rows() if row["nome"].startswith("Da casa")}
    assert rows.keys() == set(typed)
    assert all(row["external_key"] is not None and row["hash_payload"] for row in rows.values())
    assert len(await office.rows()) == len(await winners(fake))
    assert result["created"] == len(await winners(fake)) - 4


async def test_progress_knows_a_total_only_when_companies_are_known(office: Any, fake: Fake) -> None:
    await office.sync()
    told = [done for done, _ in office.attempt.told]
    assert (told[0], told[-1]) == (0, 65)
    assert set(told) <= {0, 20, 40, 60, 65}  # pages that wait are written together
    assert told == sorted(told)
    assert {total for _, total in office.attempt.told} == {None}
    await office.sync()
    assert office.attempt.told[-1] == (65, 65)
    assert office.attempt.told[0][1] == len(await office.rows())


async def test_another_tenants_companies_are_never_seen(office: Any, fake: Fake) -> None:
    first = (await fake.companies(TOKEN))[0]
    await office.sql(
        "insert into empresas (organizacao_id, nome, cnpj) values ($1, 'Alheia', $2)",
        UUID(int=2),
        first["Identificador"],
    )
    await office.sync()
    (other,) = await office.sql("select * from empresas where nome = 'Alheia'")
    assert other["external_key"] is None
    assert len(await office.rows()) == len(await winners(fake))


async def test_the_documentation_page_pasted_as_address_is_repaired(office: Any, fake: Fake) -> None:
    office.base_url = f"{fake.url}/documentation/"
    assert (await office.sync())["read"] == 65


@pytest.mark.parametrize("pasted", [f"  {TOKEN}\n", f"Bearer {TOKEN}"])
async def test_a_token_pasted_with_something_around_it_works(office: Any, fake: Fake, pasted: str) -> None:
    office.token = pasted
    assert (await office.sync())["read"] == 65


@pytest.mark.parametrize("token", ["", "two words", "acentuação", "a\nb"])
async def test_a_malformed_token_is_named_before_any_request(office: Any, fake: Fake, token: str) -> None:
    office.token = token
    with pytest.raises(GiveUp) as caught:
        await office.sync()
    assert caught.value.code == "token_invalid"
    assert await fake.requests() == []


async def test_a_checkpoint_of_another_version_starts_over(office: Any, fake: Fake) -> None:
    await office.sql("""update attempts set checkpoint = '{"pagina": 7}'""")
    assert (await office.sync(fresh=False))["read"] == 65


async def test_a_broken_page_in_the_reader_is_a_bug_and_not_a_success(
    office: Any, fake: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: object) -> str:
        raise ZeroDivisionError

    monkeypatch.setattr("drena_acessorias.pages.page_digest", broken)
    with pytest.RaisesGroup(ZeroDivisionError):
        await office.sync()
