"""What every request goes through: ids, languages, origins, allowances, headers, the line in the log."""

from __future__ import annotations

import httpx2
import pytest
import trio
import trustme

from access.issuing import Key
from support.served import ORIGIN, add_token, found_office, run_served

NAMED = Key("a-key-of-the-issuer").token()
SAFE_HEADERS = ("x-content-type-options", "x-frame-options", "content-security-policy", "referrer-policy")


async def test_a_request_id_is_kept_answered_and_logged(api, served):
    answer = await api.post("/v1/jobs", json={}, headers={"x-request-id": "office-4711"})
    assert answer.headers["x-request-id"] == "office-4711"
    line = await trio.to_thread.run_sync(lambda: served.logged("http request", request_id="office-4711"))
    assert (line["method"], line["path"], line["status"]) == ("POST", "/v1/jobs", 400)
    assert line["client"] == "127.0.0.1"
    assert line["subject"]


async def test_a_request_without_an_id_or_with_a_strange_one_gets_one(api):
    ids = [(await api.get("/v1/me", headers=h)).headers["x-request-id"] for h in ({}, {"x-request-id": "a b<c>"}, {})]
    assert len(set(ids)) == 3
    assert all(len(found) == 32 for found in ids)


async def test_neither_tokens_nor_queries_are_logged(api, served, office):
    await api.get("/v1/jobs?provider_slug=very_private", headers={"x-request-id": "secret-1"})
    await trio.to_thread.run_sync(lambda: served.logged("http request", request_id="secret-1"))
    text = str(served.lines)
    assert "very_private" not in text
    assert office.member.rpartition(".")[2] not in text


async def test_every_answer_has_the_headers_that_protect(api):
    for path in ("/v1/me", "/v1/nothing", "/livez", "/problems/not_found", "/v1/openapi.json"):
        answer = await api.get(path)
        assert all(name in answer.headers for name in SAFE_HEADERS), path
        assert answer.headers["vary"] == "Accept-Language, Origin"
        assert "server" not in answer.headers
    assert (await api.get("/v1/me")).headers["cache-control"] == "no-store"
    assert (await api.get("/v1/jobs", headers={"authorization": ""})).headers["www-authenticate"].startswith("Bearer")
    assert (await api.put("/v1/jobs")).headers["allow"] == "GET, POST, HEAD"


async def test_pages_of_allowed_origins_may_ask_and_read_errors_too(api):
    preflight = await api.options(
        "/v1/jobs", headers={"origin": ORIGIN, "access-control-request-method": "POST", "authorization": ""}
    )
    assert preflight.status_code == 204
    assert preflight.headers["access-control-allow-origin"] == ORIGIN
    assert "Idempotency-Key" in preflight.headers["access-control-allow-headers"]
    for answer in (
        await api.get("/v1/me", headers={"origin": ORIGIN}),
        await api.post("/v1/jobs", json={}, headers={"origin": ORIGIN}),
    ):
        assert answer.headers["access-control-allow-origin"] == ORIGIN
        assert "X-Request-Id" in answer.headers["access-control-expose-headers"]
    assert answer.json()["code"] == "body_invalid"


@pytest.mark.parametrize("origin", ["https://evil.example", "null", ORIGIN + ".evil.example", ORIGIN.upper() + "/"])
async def test_pages_of_other_origins_change_nothing_and_read_nothing(origin, api):
    asked = {"origin": origin, "access-control-request-method": "POST"}
    assert (await api.options("/v1/jobs", headers=asked)).status_code == 403
    answer = await api.post("/v1/jobs", json={}, headers={"origin": origin})
    assert (answer.status_code, answer.json()["code"]) == (403, "origin_forbidden")
    answer = await api.get("/v1/me", headers={"origin": origin})
    assert "access-control-allow-origin" not in answer.headers


async def test_our_own_page_may_ask(api, served):
    for origin in (served.url, served.url.replace("http:", "https:")):
        answer = await api.post("/v1/jobs", json={}, headers={"origin": origin})
        assert answer.json()["code"] == "body_invalid"


async def test_a_simple_form_of_another_page_is_no_json(api):
    answer = await api.post("/v1/jobs", content="{}", headers={"content-type": "text/plain"})
    assert answer.status_code == 415


async def test_metrics_are_for_this_machine_without_a_proxy(api):
    answer = await api.get("/metrics", headers={"authorization": ""})
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    for header in ("x-forwarded-for", "forwarded", "via", "x-real-ip"):
        assert (await api.get("/metrics", headers={header: "203.0.113.9"})).status_code == 403


async def test_life_and_readiness(api):
    assert (await api.get("/livez")).json() == {"status": "ok", "checks": {}}
    ready = await api.get("/readyz")
    assert (ready.status_code, set(ready.json()["checks"].values())) == (200, {True})
    assert ready.json()["checks"].keys() == {"database", "lease", "running", "feed"}


async def test_limits_metrics_tokens_and_what_breaks(server, template, tmp_path):
    """A second daemon: TLS, other settings, and a database that is damaged on purpose."""
    issued = trustme.CA().issue_cert("127.0.0.1")
    issued.private_key_pem.write_to_path(tmp_path / "key.pem")
    issued.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
    settings = {
        "http.tls_cert": tmp_path / "cert.pem", "http.tls_key": tmp_path / "key.pem",
        "http.requests_per_minute": 60, "http.anonymous_per_minute": 60, "http.metrics": "token",
        "auth.jwks_url": "http://127.0.0.1:9/keys", "http.trusted_proxies": "127.0.0.1",
    }  # fmt: skip
    with trio.fail_after(60), run_served(server.create_database(template=template), **settings) as served:
        async with served.connect() as db:
            office = await found_office(db)
            await _limits(served, office)
            await _metrics(served, office, db)
            await _keys_away(served, office)
            await _a_defect(served, office, db)


async def _limits(served, office):
    """A principal by who he is, nobody by his address, which a trusted proxy tells."""
    async with office.client(served.url) as member:
        codes = [(await member.get("/v1/me")).status_code for _ in range(11)]
        assert codes == [200] * 10 + [429]
        limited = await member.get("/v1/me")
        assert limited.json()["code"] == "rate_limited"
        assert limited.headers["retry-after"] == str(limited.json()["retry_after_s"]) == "1"
    async with office.client(served.url, office.admin) as other:
        assert (await other.get("/v1/me")).status_code == 200
    async with office.client(served.url, "") as nobody:
        tries = [await nobody.get("/v1/me", headers={"x-forwarded-for": "203.0.113.1"}) for _ in range(11)]
        assert [answer.status_code for answer in tries] == [401] * 10 + [429]
        assert (await nobody.get("/v1/me", headers={"x-forwarded-for": "203.0.113.2"})).status_code == 401
        assert (await nobody.get("/livez", headers={"x-forwarded-for": "203.0.113.1"})).status_code == 200


async def _metrics(served, office, db):
    everywhere = await add_token(db, "prometheus", scopes=["read"], tenants=None)
    for token, status in ((everywhere, 200), (office.service, 403), (office.admin, 403), ("", 401)):
        async with office.client(served.url, token) as client:
            assert (await client.get("/metrics")).status_code == status


async def _keys_away(served, office):
    """The issuer's keys cannot be had, and the token is signed with one of them."""
    async with office.client(served.url, NAMED) as client:
        answer = await client.get("/v1/me")
        assert (answer.status_code, answer.json()["code"]) == (503, "keys_away")
        assert int(answer.headers["retry-after"]) >= 1


async def _a_defect(served, office, db):
    """What nobody foresaw: 500, recorded, and nothing of it told."""
    await db.execute("alter table drena.idempotency_keys rename to gone")
    async with office.client(served.url, office.service) as client:
        wanted = {"tenant_id": str(office.id), "provider_slug": "acessorias"}
        answer = await client.post("/v1/jobs", json=wanted, headers={"idempotency-key": "k"})
        assert (answer.status_code, answer.json()["code"]) == (500, "internal")
        assert "idempotency_keys" not in answer.text
    assert await trio.to_thread.run_sync(lambda: served.logged("the database refused a request"))


async def test_open_mode_on_a_unix_socket_lets_no_rebound_name_in(server, template, tmp_path):
    """A third daemon: for a developer, behind a socket that only this machine has."""
    path = tmp_path / "http.sock"
    settings = {"auth.mode": "open", "http.listen": f"unix:{path}"}
    with trio.fail_after(60), run_served(server.create_database(template=template), **settings) as served:
        async with served.connect() as db:
            office = await found_office(db)
        transport = httpx2.AsyncHTTPTransport(uds=str(path))
        async with office.client("http://localhost", "", transport=transport) as anybody:
            assert (await anybody.get("/v1/me")).json()["kind"] == "open"
            answer = await anybody.get("/v1/me", headers={"host": "evil.example"})
            assert (answer.status_code, answer.json()["code"]) == (403, "origin_forbidden")
            # A proxy of this machine stands before the socket: whom it names is not on this machine.
            assert (await anybody.get("/v1/me", headers={"x-forwarded-for": "203.0.113.9"})).status_code == 401
            config = (await anybody.get("/page/config.json", headers={"x-forwarded-proto": "https"})).json()
            assert config["auth"]["required"] is False
            assert config["feed_url"].startswith("wss://localhost:")
        assert path.stat().st_mode & 0o777 == 0o660
