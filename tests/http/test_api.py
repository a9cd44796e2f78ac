"""What an office asks the API for, at the real daemon. Every answer is held to the type that the document shows."""

from __future__ import annotations

from uuid import uuid4

import msgspec
import pytest
import trio

from drena.http import shapes
from drena.views import IntegrationView, JobView
from support.served import add_token, found_office

HANG = {"mode": "hang"}


def as_type(answer, kind, status=200):
    """The body, strictly: nothing missing, nothing that the type does not know."""
    assert answer.status_code == status, answer.text
    told = answer.json()
    found = msgspec.convert(told, kind)
    known = msgspec.to_builtins(found)
    assert told.keys() <= {name for field in msgspec.structs.fields(kind) for name in (field.encode_name,)}, told
    assert known.keys() >= told.keys() - {"t"}
    return found


async def until(api, job_id, status):
    while (  # noqa: ASYNC110  # the API is asked, as a client without the feed would
        job := (await api.get(f"/v1/jobs/{job_id}")).json()
    )["status"] != status:
        await trio.sleep(0.02)
    return job


async def test_a_job_is_asked_for_found_and_cancelled(api, office):
    wanted = {"tenant_id": str(office.id), "provider_slug": "acessorias", "payload": {"entity": "companies"}}
    answer = await api.post("/v1/jobs", json=wanted)
    job = as_type(answer, shapes.StartedJob, 201)
    assert answer.headers["location"] == f"/v1/jobs/{job.id}"
    assert (job.status, job.lane, job.tenant_id) == ("pending", "", office.id)
    assert "payload" not in answer.json()
    assert as_type(await api.get(f"/v1/jobs/{job.id}"), JobView).id == job.id
    assert as_type(await api.get(f"/v1/jobs/{job.id}/why"), shapes.WaitReason).code == "paused"
    lines = as_type(await api.get(f"/v1/jobs/{job.id}/logs"), shapes.LogPage).items
    assert [line.fields["event"] for line in lines] == ["job.requested"]
    newer = as_type(await api.get(f"/v1/jobs/{job.id}/logs?after={lines[-1].id}"), shapes.LogPage)
    assert newer.items == []
    assert as_type(await api.post(f"/v1/jobs/{job.id}/cancel"), JobView, 202).status == "canceled"
    again = await api.post(f"/v1/jobs/{job.id}/retry")
    assert as_type(again, shapes.StartedJob, 202).id != job.id
    assert again.headers["location"] == f"/v1/jobs/{again.json()['id']}"


async def test_a_running_job_is_cancelled_within_two_seconds(api, office):
    wanted = {"tenant_id": str(office.id), "provider_slug": "ticker", "payload": HANG}
    job = (await api.post("/v1/jobs", json=wanted)).json()["id"]
    await until(api, job, "running")
    began_s = trio.current_time()
    answer = await api.post(f"/v1/jobs/{job}/cancel")
    assert answer.status_code == 202
    assert answer.json()["cancel_requested_at"] is not None
    await until(api, job, "canceled")
    assert trio.current_time() - began_s < 5  # two by the engine's own tests; here the machine is shared


async def test_pages_go_on_where_they_ended_and_jobs_that_come_in_between_change_nothing(api, office):
    async def ask(lane):
        wanted = {"tenant_id": str(office.id), "provider_slug": "acessorias", "lane": lane}
        return (await api.post("/v1/jobs", json=wanted)).json()["id"]

    jobs = [await ask(str(number)) for number in range(7)]
    found, query = [], {"tenant_id": str(office.id), "limit": 3}
    page = as_type(await api.get("/v1/jobs", params=query), shapes.JobPage)
    await ask("later")
    while True:
        found += [str(job.id) for job in page.items]
        if page.next_cursor is None:
            break
        page = as_type(await api.get("/v1/jobs", params={**query, "cursor": page.next_cursor}), shapes.JobPage)
        assert len(page.items) <= 3
    assert found == jobs[::-1]


async def test_jobs_are_filtered(api, office):
    wanted = {"tenant_id": str(office.id), "provider_slug": "acessorias"}
    job = (await api.post("/v1/jobs", json=wanted)).json()["id"]
    await api.post(f"/v1/jobs/{job}/cancel")
    other = (await api.post("/v1/jobs", json=wanted)).json()["id"]

    async def ids(query):
        return [item["id"] for item in (await api.get(f"/v1/jobs?{query}")).json()["items"]]

    assert await ids("") == [other, job]
    assert await ids("status=canceled") == [job]
    assert await ids("status=pending&status=canceled") == await ids("status=pending,canceled") == [other, job]
    assert await ids("provider_slug=ticker") == []
    assert await ids(f"tenant_id={uuid4()}") == []


async def test_integrations_are_listed_and_changed_by_an_administrator_alone(api, office, served):
    found = as_type(await api.get("/v1/integrations"), shapes.IntegrationPage)
    assert [i.provider_slug for i in found.items] == ["acessorias", "ticker"]
    path = f"/v1/integrations/{office.integration}"
    assert as_type(await api.get(path), IntegrationView).paused is True
    assert (await api.patch(path, json={"paused": False})).status_code == 403
    async with office.client(served.url, office.admin) as admin:
        changed = as_type(await admin.patch(path, json={"paused": False, "is_enabled": False}), IntegrationView)
        assert (changed.paused, changed.is_enabled) == (False, False)
        assert as_type(await admin.patch(path, json={}), IntegrationView) == changed
        assert (await admin.patch(path, json={"is_enabeld": True})).json()["code"] == "body_invalid"


async def test_a_schedule_is_set_told_and_taken_away(office, served):
    path = f"/v1/integrations/{office.integration}"
    async with office.client(served.url, office.admin) as admin:
        wanted = {"cron": "0 6 * * 1-5", "timezone": "America/Sao_Paulo"}
        told = as_type(await admin.patch(path, json={"schedule": wanted}), IntegrationView)
        assert msgspec.to_builtins(told.schedule) == wanted
        assert told.next_at is not None
        assert as_type(await admin.patch(path, json={"paused": True}), IntegrationView).schedule == told.schedule
        gone = as_type(await admin.patch(path, json={"schedule": None}), IntegrationView)
        assert (gone.schedule, gone.next_at) == (None, None)


async def test_stats_count_days_with_and_without_jobs(api, office, db):
    await db.execute(
        "insert into integration_jobs (tenant_id, provider_slug, lane, status, created_at, started_at, finished_at, "
        "execution_time_ms) select $1, 'acessorias', n::text, case when n < 3 then 'success' else 'error' end, "
        "now() - n * interval '1 day', now(), now(), 100 * (n + 1) from generate_series(0, 3) n",
        office.id,
    )
    path = f"/v1/integrations/{office.integration}/stats"
    stats = as_type(await api.get(f"{path}?days=5&timezone=UTC"), shapes.Stats)
    assert (stats.success_rate, stats.mean_time_ms) == (0.75, 200)
    assert [(day.success, day.error) for day in stats.days] == [(0, 0), (0, 1), (1, 0), (1, 0), (1, 0)]
    assert len(as_type(await api.get(path), shapes.Stats).days) == 30
    assert (await api.get(f"{path}?timezone=Mars/Olympus")).json()["field"] == "timezone"


async def test_providers_nodes_and_oneself(api, office, served, db):
    providers = as_type(await api.get("/v1/providers"), shapes.ProviderList)
    assert {"acessorias", "ticker"} <= {p.slug for p in providers.items}
    (node,) = as_type(await api.get("/v1/nodes"), shapes.NodeList).items
    assert (node.live, node.running) == (True, None)
    me = as_type(await api.get("/v1/me"), shapes.Me)
    assert (me.kind, me.all_tenants, [(t.id, t.role) for t in me.tenants]) == ("user", False, [(office.id, "staff")])
    token = await add_token(db, f"all-{office.slug}", scopes=["read"], tenants=None)
    async with office.client(served.url, token) as operator:
        (node,) = as_type(await operator.get("/v1/nodes"), shapes.NodeList).items
        assert node.running is not None
        me = as_type(await operator.get("/v1/me"), shapes.Me)
        assert (me.kind, me.all_tenants) == ("service", True)
        assert office.id in [t.id for t in me.tenants]


async def test_another_office_does_not_exist(api, office, db, served):
    other = await found_office(db)
    async with other.client(served.url) as theirs:
        wanted = {"tenant_id": str(other.id), "provider_slug": "acessorias"}
        job = (await theirs.post("/v1/jobs", json=wanted)).json()["id"]
    nobody = str(uuid4())
    for method, path in [
        ("GET", "/v1/jobs/{}"), ("GET", "/v1/jobs/{}/logs"), ("GET", "/v1/jobs/{}/why"),
        ("POST", "/v1/jobs/{}/cancel"), ("POST", "/v1/jobs/{}/retry"),
    ]:  # fmt: skip
        answers = [await api.request(method, path.format(job_id)) for job_id in (job, nobody)]
        told = [{**answer.json(), "request_id": ""} for answer in answers]
        assert told[0] == told[1]
        assert answers[0].status_code == 404
    assert (await api.get(f"/v1/integrations/{other.integration}")).status_code == 404
    assert (await api.patch(f"/v1/integrations/{other.integration}", json={"paused": False})).status_code == 404
    assert (await api.get(f"/v1/feed?tenant_id={other.id}")).status_code == 403
    assert (await api.get(f"/v1/integrations?tenant_id={other.id}")).json()["items"] == []


@pytest.mark.parametrize("scopes,allowed", [(["read"], False), (["run"], True), (["manage"], False)])
async def test_a_service_token_does_what_its_scopes_say(scopes, allowed, office, db, served):
    token = await add_token(db, f"{office.slug}-{scopes[0]}", scopes=scopes, tenants=[office.id])
    async with office.client(served.url, token) as program:
        wanted = {"tenant_id": str(office.id), "provider_slug": "acessorias"}
        assert (await program.post("/v1/jobs", json=wanted)).status_code == (201 if allowed else 403)
        answer = await program.patch(f"/v1/integrations/{office.integration}", json={"paused": True})
        assert answer.status_code == (200 if scopes == ["manage"] else 403)


@pytest.mark.parametrize("path", ["/v1/jobs/x", "/v1/jobs/%00", "/v1/jobs/..%2f..", "/v1/jobs/" + "9" * 2000])
async def test_an_id_that_is_none_is_nobodys(path, api):
    answer = await api.get(path)
    assert answer.status_code in (400, 404)
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    "query,field",
    [
        ("limit=0", "limit"), ("limit=1e3", "limit"), ("status=done", "status"), ("tenant_id=1", "tenant_id"),
        ("tenant_id=null", "tenant_id"), ("tenant=x", "tenant"), ("limit=1&limit=2", "limit"),
        ("provider_slug=", "provider_slug"),
    ],
)  # fmt: skip
async def test_a_parameter_that_cannot_be_is_named(query, field, api):
    answer = await api.get(f"/v1/jobs?{query}")
    assert (answer.status_code, answer.json()["field"]) == (400, field)


async def test_head_is_get_without_a_body(api):
    answer = await api.head("/v1/me")
    assert (answer.status_code, answer.content) == (200, b"")
    assert int(answer.headers["content-length"]) > 0
