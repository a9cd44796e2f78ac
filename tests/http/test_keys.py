"""Idempotency keys: a request that is repeated makes one job, whatever happened to its answer."""

from __future__ import annotations

from uuid import uuid4

import pytest
import trio

from support.served import found_office


@pytest.fixture
def wanted(office):
    return {"tenant_id": str(office.id), "provider_slug": "acessorias"}


@pytest.fixture
def key():
    return {"idempotency-key": str(uuid4())}


async def test_a_repeated_request_gets_the_same_answer(api, wanted, key):
    first = await api.post("/v1/jobs", json=wanted, headers=key)
    again = await api.post("/v1/jobs", json=wanted | {"payload": {}}, headers=key)
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.content == first.content
    assert again.headers["location"] == first.headers["location"]
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"


@pytest.mark.parametrize("text", [b'"\\ud800"', b'"\\u0000"'])
async def test_a_payload_that_postgresql_cannot_hold_is_named_with_a_key_and_without(text, api, office, key):
    body = b'{"tenant_id":"%s","provider_slug":"acessorias","payload":{"a":%s}}' % (str(office.id).encode(), text)
    for headers in ({}, key):
        answer = await api.post("/v1/jobs", content=body, headers={"content-type": "application/json"} | headers)
        assert answer.json()["code"] in ("payload_invalid", "body_invalid")


async def test_requests_at_once_with_one_key_make_one_job(api, wanted, key, office):
    answers = []

    async def ask():
        answers.append(await api.post("/v1/jobs", json=wanted, headers=key))

    async with trio.open_nursery() as nursery:
        for _ in range(8):
            nursery.start_soon(ask)
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert sum("idempotency-replayed" not in answer.headers for answer in answers) == 1
    assert len((await api.get("/v1/jobs")).json()["items"]) == 1


async def test_a_refused_request_does_not_use_the_key_up(api, wanted, key):
    blocking = (await api.post("/v1/jobs", json=wanted)).json()["id"]
    assert (await api.post("/v1/jobs", json=wanted, headers=key)).status_code == 409
    await api.post(f"/v1/jobs/{blocking}/cancel")
    answer = await api.post("/v1/jobs", json=wanted, headers=key)
    assert answer.status_code == 201
    assert answer.json()["id"] != blocking


async def test_a_key_belongs_to_who_made_it(api, wanted, key, office, served):
    await api.post("/v1/jobs", json=wanted, headers=key)
    async with office.client(served.url, office.admin) as admin:
        assert (await admin.post("/v1/jobs", json=wanted | {"lane": "other"}, headers=key)).status_code == 201


async def test_a_key_is_no_way_to_see_anothers_job(api, wanted, key, db, served):
    await api.post("/v1/jobs", json=wanted, headers=key)
    stranger = await found_office(db)
    async with stranger.client(served.url) as theirs:
        assert (await theirs.post("/v1/jobs", json=wanted, headers=key)).json()["code"] == "integration_not_found"


async def test_a_key_is_forgotten_after_a_day(api, wanted, key, db, office):
    first = (await api.post("/v1/jobs", json=wanted, headers=key)).json()["id"]
    await db.execute(
        "update drena.idempotency_keys set at = now() - interval '25 hours' where tenant_id = $1", office.id
    )
    assert (await api.post("/v1/jobs", json=wanted, headers=key)).status_code == 409
    await api.post(f"/v1/jobs/{first}/cancel")
    again = await api.post("/v1/jobs", json=wanted | {"lane": "x"}, headers=key)
    assert (again.status_code, "idempotency-replayed" in again.headers) == (201, False)


@pytest.mark.parametrize("bad", ["", "x" * 256, "\xe9"])
async def test_a_key_that_is_none_is_named(bad, api, wanted):
    answer = await api.post("/v1/jobs", json=wanted, headers={b"idempotency-key": bad.encode("latin-1")})
    assert (answer.status_code, answer.json()["field"]) == (400, "Idempotency-Key")
