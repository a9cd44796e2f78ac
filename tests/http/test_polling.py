"""The feed by long poll."""

from __future__ import annotations

import msgspec
import trio

from drena.feed.protocol import Delta, Snapshot


def place(frame):
    return {"epoch": frame["epoch"], "offset": frame["offset"] if frame["t"] == "snapshot" else frame["to"]}


async def test_without_a_place_a_snapshot_comes_at_once(api, office):
    frame = (await api.get("/v1/feed", params={"tenant_id": str(office.id)})).json()
    assert frame["t"] == "snapshot"
    msgspec.convert(frame, Snapshot)
    assert {i["provider_slug"] for i in frame["integrations"]} == {"acessorias", "ticker"}


async def test_a_waiting_poll_is_answered_by_the_next_change(api, office, served):
    snapshot = (await api.get("/v1/feed", params={"tenant_id": str(office.id)})).json()
    frames = []

    async def wait():
        params = {"tenant_id": str(office.id), **place(snapshot)}
        async with office.client(served.url) as second:
            frames.append((await second.get("/v1/feed", params=params)).json())

    with trio.fail_after(30):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(wait)
            job = (await api.post("/v1/jobs", json={"tenant_id": str(office.id), "provider_slug": "acessorias"})).json()
    (frame,) = frames
    msgspec.convert(frame, Delta)
    assert f"job:{job['id']}" in [row["k"] for row in frame["rows"]]
    assert frame["from"] == snapshot["offset"] + 1


async def test_with_nothing_new_an_empty_delta_comes_after_the_time(api, office):
    snapshot = (await api.get("/v1/feed", params={"tenant_id": str(office.id)})).json()
    params = {"tenant_id": str(office.id), **place(snapshot), "wait_s": 0.2}
    frame = (await api.get("/v1/feed", params=params)).json()
    assert (frame["t"], frame["rows"], frame["to"]) == ("delta", [], snapshot["offset"])


async def test_a_poll_ends_when_its_client_goes_away(api, office, served):
    snapshot = (await api.get("/v1/feed", params={"tenant_id": str(office.id)})).json()
    params = {"tenant_id": str(office.id), **place(snapshot)}
    with trio.move_on_after(0.3):
        await api.get("/v1/feed", params=params, headers={"x-request-id": f"gone-{office.slug}"})
    line = await trio.to_thread.run_sync(
        lambda: served.logged("http request", limit_s=10, request_id=f"gone-{office.slug}")
    )
    assert line["ms"] < 10_000


async def test_a_poll_ends_when_the_right_to_see_the_tenant_does(api, office, db):
    snapshot = (await api.get("/v1/feed", params={"tenant_id": str(office.id)})).json()
    answers = []

    async def wait():
        answers.append(await api.get("/v1/feed", params={"tenant_id": str(office.id), **place(snapshot)}))

    with trio.fail_after(20):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(wait)
            await trio.sleep(0.3)  # so that it is the waiting poll that learns of it; were it earlier, 403 all the same
            await db.execute("delete from user_tenants where tenant_id = $1", office.id)
    assert answers[0].status_code in (401, 403)


async def test_half_a_place_is_none(api, office):
    params = {"tenant_id": str(office.id), "epoch": "3f2504e0-4f89-41d3-9a0c-0305e82c3301"}
    answer = await api.get("/v1/feed", params=params)
    assert (answer.status_code, answer.json()["field"]) == (400, "offset")
