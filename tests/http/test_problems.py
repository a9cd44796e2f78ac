"""Every problem HTTP can answer with: provoked at the real daemon, in both languages, as the document says."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from uuid import uuid4

import httpx2
import jsonschema
import msgspec
import pytest
import trio

from access.issuing import signed
from drena.http.answers import REFUSALS
from drena.http.shapes import ProblemShape
from drena.problems import PROBLEMS

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    import asyncpg_trio
    from support.served import Office, Served

    Provoke = Callable[["Scene"], Awaitable[httpx2.Response]]

ELSEWHERE = {
    "database_away": "test_shutdown.py",
    "shutting_down": "test_shutdown.py",
    "rate_limited": "test_front.py",
    "internal": "test_front.py",
    "headers_too_large": "test_wire.py",
    "request_invalid": "test_wire.py",
    "request_timeout": "test_wire.py",
    "transfer_coding_unsupported": "test_wire.py",
    "http_version_unsupported": "test_wire.py",
    "keys_away": "test_front.py",
}
PROVOKED: dict[str, Provoke] = {}


class Scene:
    """What a provocation has at hand; the headers ask for a language."""

    def __init__(self, served: Served, office: Office, db: asyncpg_trio.Connection, language: str) -> None:
        self.served, self.office, self.db = served, office, db
        self.headers = {"accept-language": language, "x-request-id": "provoked-1"}
        self.wanted = {"tenant_id": str(office.id), "provider_slug": "acessorias"}

    async def ask(self, method: str, path: str, *, token: str | None = None, **options) -> httpx2.Response:
        headers = self.headers | options.pop("headers", {})
        async with self.office.client(self.served.url, token) as client:
            return await client.request(method, path, headers=headers, **options)

    async def run(self, **changed) -> httpx2.Response:
        return await self.ask("POST", "/v1/jobs", json=self.wanted | changed)


def provokes(code: str) -> Callable[[Provoke], Provoke]:
    def keep(provoke: Provoke) -> Provoke:
        PROVOKED[code] = provoke
        return provoke

    return keep


@provokes("body_invalid")
async def _(scene):
    return await scene.run(tenant_id="nobody")


@provokes("parameter_invalid")
async def _(scene):
    return await scene.ask("GET", "/v1/jobs?limit=many")


@provokes("cursor_invalid")
async def _(scene):
    return await scene.ask("GET", "/v1/jobs?cursor=abc")


@provokes("body_too_large")
async def _(scene):
    return await scene.run(payload={"a": "x" * 200_000})


@provokes("media_type_unsupported")
async def _(scene):
    return await scene.ask("POST", "/v1/jobs", content=b"{}", headers={"content-type": "text/plain"})


@provokes("method_not_allowed")
async def _(scene):
    return await scene.ask("DELETE", "/v1/jobs")


@provokes("not_found")
async def _(scene):
    return await scene.ask("GET", "/v1/nothing")


@provokes("idempotency_conflict")
async def _(scene):
    key = {"idempotency-key": str(uuid4())}
    await scene.ask("POST", "/v1/jobs", json=scene.wanted, headers=key)
    return await scene.ask("POST", "/v1/jobs", json=scene.wanted | {"lane": "other"}, headers=key)


@provokes("unauthenticated")
async def _(scene):
    return await scene.ask("GET", "/v1/jobs", token="")


@provokes("token_invalid")
async def _(scene):
    return await scene.ask("GET", "/v1/jobs", token="drena_" + "x" * 43)


@provokes("token_expired")
async def _(scene):
    return await scene.ask("GET", "/v1/jobs", token=signed(exp=1_000_000_000))


@provokes("forbidden")
async def _(scene):
    return await scene.ask("PATCH", f"/v1/integrations/{scene.office.integration}", json={"paused": False})


@provokes("origin_forbidden")
async def _(scene):
    return await scene.ask("POST", "/v1/jobs", json=scene.wanted, headers={"origin": "https://evil.example"})


@provokes("job_active")
async def _(scene):
    await scene.run()
    answer = await scene.run()
    assert answer.json()["active_job"]["status"] == "pending"
    return answer


@provokes("job_not_found")
async def _(scene):
    return await scene.ask("GET", f"/v1/jobs/{uuid4()}")


@provokes("job_ended")
async def _(scene):
    job = (await scene.run()).json()["id"]
    await scene.ask("POST", f"/v1/jobs/{job}/cancel")
    return await scene.ask("POST", f"/v1/jobs/{job}/cancel")


@provokes("job_not_ended")
async def _(scene):
    job = (await scene.run(provider_slug="ticker", payload={"mode": "hang"})).json()["id"]
    while (await scene.ask("GET", f"/v1/jobs/{job}")).json()["status"] != "running":
        pass
    return await scene.ask("POST", f"/v1/jobs/{job}/retry")


@provokes("integration_not_found")
async def _(scene):
    return await scene.run(tenant_id=str(uuid4()))


@provokes("integration_disabled")
async def _(scene):
    await scene.db.execute("update tenant_integrations set is_enabled = false where id = $1", scene.office.integration)
    return await scene.run()


@provokes("provider_unavailable")
async def _(scene):
    await scene.db.execute(
        "insert into tenant_integrations (tenant_id, provider) values ($1, 'nobody_has_it') on conflict do nothing",
        scene.office.id,
    )
    return await scene.run(provider_slug="nobody_has_it")


@provokes("payload_invalid")
async def _(scene):
    return await scene.run(payload={"a": "\0"})


@provokes("schedule_invalid")
async def _(scene):
    changed = {"schedule": {"cron": "every now and then"}}
    path = f"/v1/integrations/{scene.office.integration}"
    return await scene.ask("PATCH", path, token=scene.office.admin, json=changed)


@provokes("lane_invalid")
async def _(scene):
    return await scene.run(lane="x" * 200)


@pytest.fixture(scope="session")
def document(served):
    return httpx2.get(f"{served.url}/v1/openapi.json", trust_env=False).json()


@pytest.mark.parametrize("language", ["pt", "en"])
@pytest.mark.parametrize("code", sorted(PROVOKED))
async def test_a_problem_is_told_as_documented(code, language, served, office, db, document):
    with trio.fail_after(30):
        answer = await PROVOKED[code](Scene(served, office, db, language))
    told, kind = answer.json(), PROBLEMS[code]
    assert (answer.status_code, told["code"], told["status"]) == (kind.status, code, kind.status)
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["content-language"] == {"pt": "pt-BR", "en": "en"}[language]
    assert told["title"] == kind.title.of(language)
    assert told["type"] == f"/problems/{code}"
    assert told["request_id"] == answer.headers["x-request-id"] == "provoked-1"
    assert "{" not in told["detail"]
    msgspec.convert(told, ProblemShape)
    assert_documented(document, answer)


def assert_documented(document, answer):
    """The document has this operation's answer with this status and code, in this shape. An address or method that is
    none of ours is not in it."""
    told = answer.json()
    if told["code"] in ("not_found", "method_not_allowed"):
        return
    path = next(p for p in document["paths"] if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", p), answer.url.path))
    responses = document["paths"][path][answer.request.method.lower()]["responses"]
    shape = responses[str(answer.status_code)]
    if "$ref" in shape:
        shape = document["components"]["responses"][shape["$ref"].rpartition("/")[2]]
    schema = shape["content"]["application/problem+json"]["schema"] | {"components": document["components"]}
    jsonschema.Draft202012Validator(schema).validate(told)


def test_every_problem_is_provoked_somewhere():
    assert PROVOKED.keys() | ELSEWHERE.keys() == PROBLEMS.keys()
    assert not PROVOKED.keys() & ELSEWHERE.keys()
    assert set(REFUSALS.values()) <= PROBLEMS.keys()


@pytest.mark.parametrize("code", sorted(PROBLEMS))
async def test_a_problems_type_leads_to_an_explanation(code, api):
    words = PROBLEMS[code]
    text = (await api.get(f"/problems/{code}")).text
    assert words.title.pt in text
    assert words.title.en in text
    told = (await api.get(f"/problems/{code}", headers={"accept": "application/json"})).json()
    assert told["title"] == {"pt": words.title.pt, "en": words.title.en}
