"""Two offices on one node: whatever one asks for, over HTTP or the feed, nothing of the other ever appears.

Everything that belongs to an office carries its mark: slug, name, lanes, messages, results, reasons. What our user is
answered, on every route there is and in every frame, is searched for the other's mark and for each of its ids. As the
control, the other's own user asks the same questions and finds them.
"""

from __future__ import annotations

import json
import uuid
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import pytest
import trio

import asyncpg_trio
from access.issuing import ISSUER, SECRET, signed
from drena.access.service_tokens import digest_of, new_token
from drena.config import Auth, Config, Feed, Http
from drena.engine.wakes import listen_for_wakes
from drena.front import open_front
from drena.plugins import PluginHost
from drena.store.access import create_token
from engine.node import Recorder, Script
from feed.viewer import open_viewer

NOBODY = uuid.UUID("00000000-0000-4000-8000-00000000beef")
HOST = PluginHost({"script": Script()}, [])
PROVIDER = "script"


@dataclass
class Party:
    """An office, who works there, and everything by which it would be recognised."""

    mark: str
    tenant: uuid.UUID
    integration: uuid.UUID
    user: uuid.UUID
    jobs: list[uuid.UUID] = field(default_factory=list)

    @property
    def token(self) -> str:
        return signed(sub=str(self.user))

    @property
    def traces(self) -> set[str]:
        return {self.mark, *map(str, (self.tenant, self.integration, self.user, *self.jobs))}

    def found_in(self, text: str) -> set[str]:
        return {trace for trace in self.traces if trace in text}


async def settle_down(conn, mark: str) -> Party:
    """An office with a life behind it: jobs of every status, lines, a pause, a schedule, a failure."""
    user = uuid.uuid4()
    tenant = await conn.fetchval("insert into organizacoes (nome, slug) values ($1, $1) returning id", mark)
    await conn.execute("insert into user_tenants (user_id, tenant_id, role) values ($1, $2, 'admin')", user, tenant)
    integration = await conn.fetchval(
        "insert into tenant_integrations (tenant_id, provider, base_url, config, last_error) "
        "values ($1, $2, $3, $4::jsonb, $3) returning id",
        tenant,
        PROVIDER,
        mark,
        json.dumps({"x": mark}),
    )
    party = Party(mark, tenant, integration, user)
    for status in ("success", "error", "canceled", "running", "pending"):
        job = await conn.fetchval(
            "insert into integration_jobs (tenant_id, provider_slug, lane, status, payload, result, error_message, "
            "progress_detail, created_by, started_at) "
            "values ($1, $2, $3, $4, $5::jsonb, $5::jsonb, $6, $7::jsonb, $8, now()) returning id",
            tenant, PROVIDER, f"{mark} {status}", status, json.dumps({"x": mark}), mark,
            json.dumps({"done": 1, "total": 2, "unit": "", "phase": "", "message": mark, "eta_s": None}), user,
        )  # fmt: skip
        await conn.execute(
            "insert into drena.job_logs (tenant_id, job_id, attempt, level, message) values ($1, $2, 1, 'info', $3)",
            tenant,
            job,
            mark,
        )
        party.jobs.append(job)
    await conn.execute("select drena.pause($1, $2, $3, $4)", tenant, PROVIDER, mark, user)
    await conn.execute(
        "insert into drena.schedules (tenant_id, provider_slug, cron, next_at) values ($1, $2, $3, now())",
        tenant,
        PROVIDER,
        "0 2 * * *",
    )
    return party


async def live_on(conn, party: Party) -> None:
    """Things happen in an office while somebody looks."""
    started = await conn.fetchval("select (job).id from drena.request_job($1, $2, $3)", party.tenant, PROVIDER, "new")
    party.jobs.append(started)
    for change in (
        "status = 'running', started_at = now()",
        f"progress = 50, progress_detail = '{json.dumps({'message': party.mark})}'",
        f"status = 'error', error_message = '{party.mark}'",
    ):
        await conn.execute(f"update integration_jobs set {change} where id = $1", started)
    await conn.execute("select outcome from drena.cancel_job($1)", party.jobs[4])
    await conn.execute("delete from integration_jobs where id = $1", party.jobs[0])
    await conn.execute("select drena.resume($1, $2)", party.tenant, PROVIDER)
    await conn.execute("update tenant_integrations set is_enabled = false where id = $1", party.integration)
    await conn.execute("update tenant_integrations set is_enabled = true where id = $1", party.integration)


@dataclass
class Stage:
    """Both offices, and where to ask."""

    ours: Party
    theirs: Party
    pool: asyncpg_trio.Pool
    http: str
    feed: str
    log: Recorder

    def client(self, token: str | None) -> httpx2.AsyncClient:
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        return httpx2.AsyncClient(base_url=self.http, headers=headers, timeout=30, trust_env=False)


@pytest.fixture
async def stage(database):
    async with standing(database) as opened:
        yield opened


@asynccontextmanager
async def standing(database, **auth):
    config = Config(
        state_dir=Path("/nowhere"),
        auth=Auth(issuer=ISSUER, jwt_secret=SECRET, **auth),
        feed=Feed(listen="127.0.0.1:0"),
        http=Http(listen="127.0.0.1:0", requests_per_minute=100_000, anonymous_per_minute=100_000),
    )
    log = Recorder()
    with trio.fail_after(240):
        async with (
            asyncpg_trio.create_pool(database, min_size=0, max_size=10) as pool,
            open_front(config, pool, HOST, {}, log) as front,  # type: ignore[arg-type]
            trio.open_nursery() as nursery,
        ):
            nursery.start_soon(listen_for_wakes, database, front.wakes, log)
            ours, theirs = await settle_down(pool, "mark-of-ours"), await settle_down(pool, "mark-of-theirs")
            http, feed = front.http_addresses[0], front.feed_addresses[0]
            yield Stage(ours, theirs, pool, f"http://{http}", f"ws://{feed}/", log)
            nursery.cancel_scope.cancel(reason="the test is over")


# HTTP -----------------------------------------------------------------------------------------------------------------


async def routes(client: httpx2.AsyncClient) -> list[tuple[str, str]]:
    """Every method and path that the API says it has."""
    document = (await client.get("/v1/openapi.json")).json()
    found = [(method.upper(), path) for path, methods in document["paths"].items() for method in methods]
    assert len(found) > 15
    return found


def bodies(method: str, path: str, tenant: uuid.UUID) -> list[Any]:
    """What to send; None stands for no body."""
    if (method, path) == ("POST", "/v1/jobs"):
        wanted = {"tenant_id": str(tenant), "provider_slug": PROVIDER}
        return [wanted, {**wanted, "lane": "of my own"}, {**wanted, "provider_slug": "nothing"}]
    return [{"is_enabled": False, "paused": True, "schedule": None}] if method == "PATCH" else [None]


def queries(method: str, path: str, party: Party | None, cursor: str | None) -> list[dict[str, str]]:
    tenant = str(NOBODY if party is None else party.tenant)
    asked: list[dict[str, str]] = [{}]
    if method == "GET" and path in ("/v1/jobs", "/v1/integrations"):
        asked += [{"tenant_id": tenant}, {"tenant_id": tenant, "limit": "1"}]
        asked += [{"cursor": cursor}] if cursor else []
    if path == "/v1/jobs":
        asked += [{"provider_slug": PROVIDER}, {"status": "error"}] if method == "GET" else []
    if path == "/v1/feed":
        asked = [
            {"tenant_id": tenant, "wait_s": "0"},
            {"tenant_id": tenant, "wait_s": "0", "epoch": str(NOBODY), "offset": "0"},
        ]
    return asked


async def ask_everything(
    client: httpx2.AsyncClient, party: Party | None, *, cursor: str | None = None
) -> dict[str, tuple[int, str]]:
    """The answers of every route, about this party's things or, without one, about things that do not exist."""
    answers: dict[str, tuple[int, str]] = {}
    for method, path in await routes(client):
        jobs = [NOBODY] if party is None else party.jobs
        for number, job in enumerate(jobs if "{job_id}" in path else jobs[:1]):
            integration = NOBODY if party is None else party.integration
            real = path.replace("{job_id}", str(job)).replace("{integration_id}", str(integration))
            real = real.replace("{code}", "job_active").replace("{name}", "app.js").replace("{path}", "app.js")
            for query in queries(method, path, party, cursor):
                for body in bodies(method, path, NOBODY if party is None else party.tenant):
                    answer = await client.request(method, real, params=query, json=body)
                    shown = {name: "CURSOR" if name == "cursor" else value for name, value in query.items()}
                    sent = {**shown, **(body or {})}
                    sent.pop("tenant_id", None)
                    key = f"{method} {path} {number} {sorted(query)} {sent}"
                    answers[key] = (answer.status_code, f"{answer.text} {dict(answer.headers)}")
    return answers


def test_the_marks_of_two_offices_are_told_apart():
    one = Party("mark-of-ours", *(uuid.uuid4() for _ in range(3)))
    assert one.found_in("x mark-of-theirs y") == set()
    assert one.found_in(f"x {one.user} mark-of-ours") == {"mark-of-ours", str(one.user)}


async def their_traces(stage: Stage, client: httpx2.AsyncClient, about: Party | None, cursor: str) -> dict[str, Any]:
    answers = await ask_everything(client, about, cursor=cursor)
    assert not [key for key, (status, _text) in answers.items() if status >= 500]
    return {key: found for key, (_status, text) in answers.items() if (found := stage.theirs.found_in(text))}


async def cursor_of(stage: Stage, party: Party) -> str:
    async with stage.client(party.token) as client:
        return (await client.get("/v1/jobs", params={"limit": 1})).json()["next_cursor"]


async def test_no_route_shows_anything_of_the_other_office(stage):
    theirs = await cursor_of(stage, stage.theirs)
    async with stage.client(stage.ours.token) as client:
        for about in (stage.ours, stage.theirs, None):
            assert await their_traces(stage, client, about, theirs) == {}
    async with stage.client(None) as client:
        for about in (stage.theirs, None):
            assert await their_traces(stage, client, about, theirs) == {}
    async with stage.client(stage.theirs.token) as client:
        seen = await their_traces(stage, client, stage.theirs, theirs)
    told = {tuple(key.split()[:2]) for key in seen}
    assert {path for method, path in told if method == "GET"} >= {
        "/v1/jobs", "/v1/jobs/{job_id}", "/v1/jobs/{job_id}/logs", "/v1/jobs/{job_id}/why", "/v1/integrations",
        "/v1/integrations/{integration_id}", "/v1/feed", "/v1/me", "/v1/tenants",
    }  # fmt: skip


async def test_ids_of_others_are_answered_like_ids_of_nobody_on_every_route(stage):
    async with stage.client(stage.ours.token) as client:
        about_nobody = await ask_everything(client, None)
        only_one = Party(stage.theirs.mark, stage.theirs.tenant, stage.theirs.integration, stage.theirs.user)
        for job in stage.theirs.jobs:
            only_one.jobs = [job]
            about_them = await ask_everything(client, only_one)
            assert about_them.keys() == about_nobody.keys()
            for key, (status, text) in about_them.items():
                if key.split()[1] not in ("/metrics", "/v1/nodes"):  # they tell of time
                    assert (status, bare(text)) == (about_nobody[key][0], bare(about_nobody[key][1])), key
    left = await stage.pool.fetch("select status, lane from integration_jobs where tenant_id = $1", stage.theirs.tenant)
    assert sorted(row["status"] for row in left) == ["canceled", "error", "pending", "running", "success"]
    assert await stage.pool.fetchval("select count(*) from integration_jobs where cancel_requested_at is not null") == 0
    assert await stage.pool.fetchval("select is_enabled from tenant_integrations where id = $1", only_one.integration)


def bare(text: str) -> str:
    """An answer's body without what differs from request to request."""
    try:
        document = json.loads(text.rpartition(" {'")[0])
    except ValueError:
        return text.rpartition(" {'")[0]
    if isinstance(document, dict):
        document.pop("request_id", None)
    return json.dumps(document)


# The feed -------------------------------------------------------------------------------------------------------------


async def test_no_frame_shows_anything_of_the_other_office_whatever_happens_there(stage):
    async with (
        open_viewer(stage.feed, token=stage.ours.token) as ours,
        open_viewer(stage.feed, token=stage.theirs.token) as theirs,
    ):
        await ours.until("snapshot")
        await theirs.until("snapshot")
        for party in (stage.theirs, stage.ours):
            await live_on(stage.pool, party)
        await theirs.when(lambda: str(stage.theirs.jobs[5]) in theirs.view(stage.theirs.tenant).jobs)
        await ours.when(lambda: str(stage.ours.jobs[5]) in ours.view(stage.ours.tenant).jobs)
        for job in (*stage.theirs.jobs, NOBODY):
            for kind in ("cancel", "retry"):
                await ours.say(kind, ref=f"{kind} {job}", job_id=str(job))
                reply = await ours.until("reply", ref=f"{kind} {job}")
                assert reply.pop("ref")
                reply["problem"].pop("request_id", None)
                assert reply == {"t": "reply", "ok": False, "problem": reply["problem"]}
                assert reply["problem"]["code"] == "job_not_found"
                assert str(job) not in json.dumps(reply)
        refusals = []
        for tenant in (stage.theirs.tenant, NOBODY):
            await ours.say("run", ref="r", tenant_id=str(tenant), provider_slug=PROVIDER, lane="mine")
            refusals.append((await ours.until("reply"))["problem"])
            refusals[-1].pop("request_id", None)
        assert refusals[0] == refusals[1]
        strange = []
        for tenant in (stage.theirs.tenant, NOBODY):
            await ours.say("resync", tenant=str(tenant))
            await ours.say("ping", id=1)
            frames = [await ours.next()]
            while frames[-1]["t"] != "pong":
                frames.append(await ours.next())
            strange.append(json.dumps(frames).replace(str(tenant), "TENANT"))
        assert strange[0] == strange[1]
        seen = [frame for frame in ours.frames if frame["t"] != "error"]
        assert stage.theirs.found_in(json.dumps(seen)) == set()
        assert stage.theirs.mark not in json.dumps(ours.frames)
        assert stage.ours.found_in(json.dumps(ours.frames)) >= {stage.ours.mark, str(stage.ours.tenant)}
        assert stage.theirs.found_in(json.dumps(theirs.frames)) >= {stage.theirs.mark, str(stage.theirs.tenant)}
        assert stage.ours.found_in(json.dumps(theirs.frames)) == set()


async def test_asking_for_the_other_office_by_name_or_by_its_position_gets_what_asking_for_nobody_gets(stage):
    async with open_viewer(stage.feed, token=stage.theirs.token) as theirs:
        await theirs.until("snapshot")
        position = theirs.position(stage.theirs.tenant)
    answers = []
    for tenant in (stage.theirs.tenant, NOBODY):
        for wanted in ([str(tenant)], [str(stage.ours.tenant), str(tenant)], "*"):
            hello = {"tenants": wanted, "resume": {str(tenant): position}}
            async with open_viewer(stage.feed, token=stage.ours.token, **hello) as ours:
                await ours.say("ping", id="end")
                try:
                    with trio.fail_after(10):
                        await ours.until("pong")
                    code = None
                except Exception as gone:  # noqa: BLE001  # closed: how is what counts
                    code = getattr(gone, "code", repr(gone))
            kinds = sorted({frame["t"] for frame in ours.frames} - {"hb", "pong"})
            answers.append((wanted == "*" or len(wanted), code, kinds))
            assert stage.theirs.found_in(json.dumps(ours.frames)) == set()
    assert answers[:3] == answers[3:]


async def test_a_program_of_one_office_and_a_member_who_is_moved_see_one_office_at_a_time(stage):
    token = new_token()
    await create_token(
        stage.pool, "x", digest_of(token), scopes=["read"], tenants=[stage.ours.tenant], valid_for_s=None
    )
    async with stage.client(token) as client:
        assert await their_traces(stage, client, stage.theirs, await cursor_of(stage, stage.theirs)) == {}
    async with open_viewer(stage.feed, token=token) as program, open_viewer(stage.feed, token=stage.ours.token) as ours:
        await program.until("snapshot")
        await ours.until("snapshot")
        await stage.pool.execute(
            "update user_tenants set tenant_id = $1 where user_id = $2", stage.theirs.tenant, stage.ours.user
        )
        await ours.until("snapshot", tenant=str(stage.theirs.tenant))
        before = len(ours.frames)
        await live_on(stage.pool, stage.ours)
        await live_on(stage.pool, stage.theirs)
        await ours.when(lambda: str(stage.theirs.jobs[5]) in ours.view(stage.theirs.tenant).jobs)
        await program.when(lambda: str(stage.ours.jobs[5]) in program.view(stage.ours.tenant).jobs)
        assert stage.ours.found_in(json.dumps(ours.frames[before:])) - {str(stage.ours.user)} == set()
        assert stage.theirs.found_in(json.dumps(program.frames)) == set()


async def test_the_log_of_the_daemon_holds_no_token(stage):
    secret = stage.ours.token
    async with stage.client(secret) as client, open_viewer(stage.feed, token=secret) as viewer:
        await viewer.until("snapshot")
        await client.get("/v1/jobs")
        await client.get("/v1/jobs", params={"cursor": "wrong"})
    assert secret not in str(stage.log.lines)
    assert secret.rpartition(".")[2] not in str(stage.log.lines)
