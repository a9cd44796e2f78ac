"""The launcher: what tests and the demo use."""

import os
import signal

import httpx2
import msgspec
import pytest
import trio

from fake_acessorias.launch import Fake, FakeError, launch_fake
from fake_acessorias.world import make_companies


async def test_a_launched_fake_can_be_asked_everything():
    async with launch_fake(
        {"tok": 45, "two?no&x=%1": 3}, seed=11, knobs={"page_size": 10}, office_knobs={"tok": {"page_size": 5}}
    ) as fake:
        assert await fake.offices() == {"tok": 45, "two?no&x=%1": 3}
        assert await fake.companies("tok") == make_companies(11, "tok", 45)
        assert (await fake.knobs())["page_size"] == 10
        assert (await fake.knobs("tok"))["page_size"] == 5
        assert (await fake.set_knobs(fail_next=2))["fail_next"] == 2
        assert (await fake.set_knobs("tok", masked=True))["masked"]
        assert not (await fake.replace_knobs("tok"))["masked"]
        await fake.replace_knobs()
        await call_for_changes(fake)
        await call_for_records(fake)


async def call_for_changes(fake: Fake) -> None:
    ids = await fake.touch("tok", 4, keys=["Razao"])
    assert len(await fake.touch("tok", share=0.2)) == 9
    row = await fake.change_company("tok", ids[0], {"Razao": "X"})
    assert row == await fake.company("tok", ids[0])
    await fake.remove_company("tok", ids[0])
    assert await fake.add_companies("tok", 2) == ["146", "147"]
    assert await fake.add_company("tok", {"Identificador": "529.982.247-25", "Razao": "Y"}) == "148"
    assert (await fake.offices())["tok"] == 47
    (entrega,) = await fake.deliver("tok")
    assert entrega in [one["Config"]["EntID"] for one in await fake.deliveries("tok", entrega[:-3])]
    await fake.add_office("three", 1, forbidden=True)
    await fake.close_office("two?no&x=%1")
    assert set(await fake.offices()) == {"tok", "three"}


async def call_for_records(fake: Fake) -> None:
    async with httpx2.AsyncClient(base_url=fake.url) as client:
        for token in ("tok", "three"):
            await client.get("/companies/ListAll", headers={"Authorization": f"Bearer {token}"})
    assert [one["status"] for one in await fake.requests()] == [200, 403]
    assert [one["office"] for one in await fake.requests("three")] == ["three"]
    assert (await fake.stats())["by_status"] == {"200": 1, "403": 1}
    await fake.reset("requests")
    assert (await fake.stats())["total"] == 0
    await fake.reset()
    assert set(await fake.offices()) == {"tok", "two?no&x=%1"}


async def test_a_refusal_is_the_fake_s_own_sentence():
    async with launch_fake({"tok": 1}) as fake:
        with pytest.raises(FakeError, match="unknown knob 'fail_nxt'; did you mean 'fail_next'"):
            await fake.set_knobs(fail_nxt=1)
        with pytest.raises(FakeError, match="no office 'tik'"):
            await fake.companies("tik")


async def test_a_fake_that_cannot_start_says_why():
    with pytest.raises(FakeError, match="unknown knob 'nope'"):
        async with launch_fake({"tok": 1}, knobs={"nope": 1}):
            pytest.fail("it started")


async def test_it_ends_with_the_block_even_when_cancelled():
    with trio.move_on_after(60) as scope:
        async with launch_fake({"tok": 1}) as fake:
            scope.cancel()
            await trio.sleep_forever()
    with pytest.raises(ProcessLookupError):
        os.kill(fake.pid, 0)


async def test_it_ends_with_the_block_even_when_it_hangs(monkeypatch):
    monkeypatch.setattr("fake_acessorias.launch.STOP_S", 0.1)
    async with launch_fake({"tok": 1}) as fake:
        os.kill(fake.pid, signal.SIGSTOP)
    with pytest.raises(ProcessLookupError):
        os.kill(fake.pid, 0)


async def test_what_it_serves_is_what_it_says_it_holds():
    async with launch_fake({"tok": 65}) as fake, httpx2.AsyncClient(base_url=fake.url) as client:
        read = []
        for number in range(1, 5):
            query = f"obligations&contacts&departments&registrationData&stateRegistrations&Pagina={number}"
            answer = await client.get(f"/companies/ListAll?{query}", headers={"Authorization": "Bearer tok"})
            read += msgspec.json.decode(answer.content)
        held = await fake.companies("tok")
    assert [{"DtLastDH": None, **row} for row in read] == held
