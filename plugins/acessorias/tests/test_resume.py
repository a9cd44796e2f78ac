"""Cut off anywhere, a sync goes on without loss and without writing a page twice; and the two tasks stay in step."""

from __future__ import annotations

import gc
import random
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
import trio

from drena.api import AttemptFenced, GiveUp, RetryLater
from drena_acessorias import Acessorias, companies
from drena_acessorias.rows import Batch
from drena_acessorias.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from fake_acessorias.launch import Fake

TOKEN = "synthetic-token"
STAMPS = {"id", "numero", "created_at", "updated_at", "synced_at"}
CUTS = 12


async def content(office: Any) -> list[dict[str, Any]]:
    return [{name: value for name, value in row.items() if name not in STAMPS} for row in await office.rows()]


async def test_a_sync_cut_off_anywhere_ends_like_one_that_was_not(
    office: Any,
    fake: Fake,
    cut_after: Callable[[int], AbstractContextManager[Any]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(companies, "_TOGETHER", 1)  # many small transactions: more to be cut off in
    monkeypatch.setattr(companies, "_LINGER_S", 0)
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    with cut_after(-1) as uncut:
        expected = dict(await office.sync())
    mirror = await content(office)
    resumed = 0
    for n in range(CUTS):
        await office.sql("truncate empresas")
        await office.sql("update attempts set checkpoint = null, counters = '{}'")
        with cut_after(int((n + chance.random()) * uncut.steps / CUTS)):  # early, late and between
            await office.sync(fresh=False)
        stamps = await office.stamps()
        resumed += bool(stamps)
        result = await office.sync(fresh=False)
        assert await content(office) == mirror
        assert dict(result) == expected
    assert resumed > CUTS // 5


async def test_the_watermark_is_committed_with_the_last_page_of_companies(office: Any, fake: Fake) -> None:
    """I8: one transaction wrote the watermark, the companies of the last page, and the checkpoint with the result."""
    await office.sync()
    (mark,) = await office.sql("select xmin::text as stamp, watermark::text from drena.sync_state")
    (state,) = await office.sql(
        "select xmin::text as stamp, checkpoint -> 'companies' is not null as over from attempts"
    )
    (last,) = await office.sql("select xmin::text as stamp from empresas order by external_key::int desc limit 1")
    assert state["over"]
    assert mark["stamp"] == state["stamp"] == last["stamp"]
    assert msgspec.json.decode(mark["watermark"])["companies"] == office.attempt.counters["companies"].read


async def test_a_list_not_to_be_trusted_is_written_and_leaves_no_watermark(office: Any, fake: Fake) -> None:
    await office.sync()
    before = await office.sql("select watermark::text from drena.sync_state")
    await office.sql("update empresas set nome = '', raw_payload = null, hash_payload = ''")
    for gone in (await fake.companies(TOKEN))[30:]:
        await fake.remove_company(TOKEN, gone["ID"])
    with pytest.raises(GiveUp, match="menos de 50%") as given:
        await office.sync()
    assert given.value.code == "read_too_few"
    assert await office.sql("select watermark::text from drena.sync_state") == before
    assert len(await office.sql("select from empresas where nome <> ''")) > 20  # the last page, too


async def test_pages_written_before_a_cut_are_not_written_again(office: Any, fake: Fake) -> None:
    await fake.set_knobs(fail_next=1, fail_status=500, only_pages=[4])
    with pytest.raises(RetryLater):
        await office.sync()
    before = await office.stamps()
    await office.sync(fresh=False)
    after = await office.stamps()
    relinked = await office.sql("select id::text from empresas where synced_at > created_at")
    changed = {key for key in before if after[key] != before[key]}
    assert changed <= {row["id"] for row in relinked}
    asked = [each["query"].rpartition("=")[2] for each in await fake.requests(TOKEN)]
    assert asked == ["1", "2", "3", "4", "3", "4", "5", "1", "5", "1"]


async def test_companies_that_moved_to_earlier_pages_between_attempts_are_not_lost(office: Any, fake: Fake) -> None:
    await fake.set_knobs(fail_next=1, fail_status=500, only_pages=[3])
    with pytest.raises(RetryLater):
        await office.sync()
    held = await fake.companies(TOKEN)
    for gone in held[:5]:
        await fake.remove_company(TOKEN, gone["ID"])
    await office.sync(fresh=False)
    missing = {each["ID"] for each in held} - {row["external_key"] for row in await office.rows()}
    twins = [each for each in held if each["ID"] in missing]
    documents = {row["cnpj"].replace(".", "").replace("/", "").replace("-", "") for row in await office.rows()}
    assert all("".join(filter(str.isalnum, each["Identificador"])) in documents for each in twins)


async def test_a_resumed_run_still_measures_against_what_was_known_before_the_job(office: Any, fake: Fake) -> None:
    await office.sync()
    known = len(await office.rows())
    await fake.set_knobs(fail_next=1, fail_status=500, only_pages=[2])
    with pytest.raises(RetryLater):
        await office.sync()
    assert (await office.sync(fresh=False))["known_before"] == known


async def test_an_attempt_that_lost_its_job_ends_at_once_and_leaves_nothing(office: Any, fake: Fake) -> None:
    async def fence(attempt: Any) -> None:
        await trio.lowlevel.checkpoint()
        if attempt.checkpoint and attempt.checkpoint["next_page"] > 1:
            raise AttemptFenced

    async with office.open_attempt() as attempt:
        attempt.before_commit = fence
        with pytest.raises(AttemptFenced):
            await Acessorias().run(attempt)
        read = min(65, 20 * (attempt.checkpoint["next_page"] - 1))
        assert attempt.counters["companies"].read == read
    assert len(await office.rows()) <= read


async def test_pages_are_fetched_while_others_are_written_and_never_more_than_the_channel_holds(
    office: Any, fake: Fake
) -> None:
    pages, channel = 40, 8
    await fake.add_office(TOKEN, 20 * pages)
    asked: dict[int, trio.Event] = {page: trio.Event() for page in range(1, pages + 2)}
    most_ahead = 0

    async def note(request: Any) -> None:
        await trio.lowlevel.checkpoint()
        asked[int(request.url.params["Pagina"])].set()

    async def hold(attempt: Any) -> None:
        nonlocal most_ahead
        await trio.lowlevel.checkpoint()
        if attempt.checkpoint is None:
            return
        page = attempt.checkpoint["next_page"]
        await asked[min(page + channel + 1, pages + 1)].wait()
        most_ahead = max(most_ahead, max(each for each, event in asked.items() if event.is_set()) - page)

    async with office.open_attempt() as attempt:
        attempt.http.event_hooks["request"].append(note)
        attempt.before_commit = hold
        await Acessorias().run(attempt)
    assert channel + 1 <= most_ahead <= 2 * channel + 1


async def test_companies_are_not_kept_in_memory_beyond_the_pages_written_together(office: Any, fake: Fake) -> None:
    await fake.add_office(TOKEN, 500)
    most = 0

    async def count(_: Any) -> None:
        nonlocal most
        await trio.lowlevel.checkpoint()
        gc.collect()
        most = max(most, sum(len(each.companies) for each in gc.get_objects() if isinstance(each, Batch)))

    async with office.open_attempt() as attempt:
        attempt.before_commit = count
        result = await Acessorias().run(attempt)
    assert result["read"] == 500
    assert 0 < most <= 9 * 20  # those of one transaction, and a page that was sorted and is not part of it


async def test_the_checkpoint_of_the_longest_list_allowed_fits(office: Any, fake: Fake) -> None:
    office.settings = Settings(confirm_delay_s=0.0, max_pages=5000)
    await fake.add_office(TOKEN, 30)
    await fake.set_knobs(page_size=1)
    await office.sync()
    size = len(repr(office.attempt.checkpoint)) - len(office.attempt.checkpoint["digests"])
    assert len(office.attempt.checkpoint["digests"]) == 30 * 8
    assert size + 5000 * 8 + 200 * 20 < 64 * 1024


async def test_the_second_request_for_an_empty_page_is_spaced(office: Any, fake: Fake) -> None:
    office.settings = Settings(confirm_delay_s=0.15)
    await office.sync()
    moments = [each["at_s"] for each in await fake.requests(TOKEN) if each["query"].endswith("Pagina=5")]
    assert moments[1] - moments[0] >= 0.15
