"""The end of a daemon, and a database that is away, as clients of the API see them."""

from __future__ import annotations

import signal

import pytest
import trio

from support.served import found_office, run_served


@pytest.fixture
def own(server, template):
    """A daemon that the test may end."""
    with run_served(server.create_database(template=template), **{"shutdown.grace_s": 5}) as served:
        yield served


async def poll_in(nursery, client, office, answers, request_id):
    """Start a long poll that waits."""
    snapshot = (await client.get("/v1/feed", params={"tenant_id": str(office.id)})).json()
    params = {"tenant_id": str(office.id), "epoch": snapshot["epoch"], "offset": snapshot["offset"]}

    async def wait():
        answers.append(await client.get("/v1/feed", params=params, headers={"x-request-id": request_id}))

    nursery.start_soon(wait)


async def test_sigterm_answers_what_is_under_way_and_lets_nobody_in(own):
    answers = []
    with trio.fail_after(40):
        async with own.connect() as db:
            office, quiet = await found_office(db), await found_office(db)
        async with (
            office.client(own.url) as client,
            quiet.client(own.url) as waiting,
            await trio.open_tcp_stream("127.0.0.1", own.port) as raw,
            trio.open_nursery() as nursery,
        ):
            await client.post(
                "/v1/jobs", json={"tenant_id": str(office.id), "provider_slug": "ticker", "payload": {"mode": "hang"}}
            )
            body = b'{"tenant_id":"%s","provider_slug":"acessorias"}' % str(office.id).encode()
            await raw.send_all(
                b"POST /v1/jobs HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\n"
                b"Content-Length: %d\r\n\r\n" % (office.member.encode(), len(body)) + body[:10]
            )
            await poll_in(nursery, waiting, quiet, answers, "waits")
            await trio.sleep(0.3)  # until both are under way; nothing tells of that
            own.process.send_signal(signal.SIGTERM)
            await trio.to_thread.run_sync(lambda: own.logged("http request", request_id="waits"))
            await raw.send_all(body[10:])
            answer = await raw.receive_some(4096)
            assert answer.startswith(b"HTTP/1.1 201"), answer
            assert b"connection: close" in answer.lower()
            with pytest.raises(OSError, match="connect"):
                await trio.open_tcp_stream("127.0.0.1", own.port)
        assert (answers[0].status_code, answers[0].json()["code"]) == (503, "shutting_down")
        assert answers[0].headers["retry-after"] == "2"
        assert await trio.to_thread.run_sync(own.process.wait) == 0


async def test_a_database_that_is_away_is_503_and_comes_back(template, server):
    from support.postgres import PostgresServer

    with PostgresServer() as other:
        dsn = other.create_database()
        with trio.fail_after(100), run_served(dsn) as served:
            async with served.connect() as db:
                office = await found_office(db)
            async with office.client(served.url) as client:
                assert (await client.get("/readyz")).status_code == 200
                other.stop()
                answer = await client.get("/v1/me")
                assert (answer.status_code, answer.json()["code"]) == (503, "database_away")
                assert answer.headers["retry-after"] == "2"
                assert (await client.get("/livez")).status_code == 200
                unready = await client.get("/readyz")
                assert (unready.status_code, unready.json()["checks"]["database"]) == (503, False)
                other.start()
                while (await client.get("/readyz")).status_code != 200:  # noqa: ASYNC110  # as a load balancer would
                    await trio.sleep(0.1)
                assert (await client.get("/v1/me")).status_code == 200
