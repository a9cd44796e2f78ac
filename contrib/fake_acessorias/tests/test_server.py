"""Real sockets: faults below HTTP, and callers that misbehave.

Every test stands under ``fail_after`` (see conftest); nothing sleeps to let something happen elsewhere.
"""

import json

import httpx2
import pytest
import trio

from fake_acessorias.server import Terms

GET = b"GET /companies/ListAll?Pagina=%d HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer tok\r\n\r\n"


async def read_all(stream):
    """Return everything until the other side closes."""
    found = bytearray()
    async for chunk in stream:
        found += chunk
    return bytes(found)


async def read_answer(stream):
    """Return status, headers and body of one answer."""
    found = b""
    while b"\r\n\r\n" not in found:
        found += await stream.receive_some()
    head, _, body = found.partition(b"\r\n\r\n")
    status, *lines = head.decode().split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    while len(body) < int(headers.get("content-length", "0")):
        body += await stream.receive_some()
    return int(status.split()[1]), headers, body


async def gone(stream):
    """Wait for the end of a connection; a reset is one too."""
    try:
        return await stream.receive_some() == b""
    except trio.BrokenResourceError:
        return True


async def works(fake):
    """Say whether the fake still answers somebody else."""
    async with fake.client() as client:
        return len((await client.get("/departments/ListAll")).json()) == 5


async def test_one_connection_serves_every_page(fake):
    async with await fake.connect() as stream:
        sizes = []
        for number in range(1, 6):
            await stream.send_all(GET % number)
            status, headers, body = await read_answer(stream)
            sizes.append((status, body.count(b'"ID"')))
            assert headers["content-type"] == "application/json; charset=utf-8"
    assert sizes == [(200, 20), (200, 20), (200, 20), (200, 5), (200, 0)]


async def test_pipelined_requests_are_answered_in_order(fake):
    async with await fake.connect() as stream:
        await stream.send_all(GET % 4 + GET % 5 + (GET % 1).replace(b"Host", b"Connection: close\r\nHost"))
        found = await read_all(stream)
    assert [part.count(b'"ID"') for part in found.split(b"HTTP/1.1 200")] == [0, 5, 0, 20]


async def test_a_204_has_no_body_and_keeps_the_connection(fake):
    async with fake.client() as client:
        for _ in range(3):
            answer = await client.get("/companies/11222333000181")
            assert (answer.status_code, answer.content) == (204, b"")
            with pytest.raises(json.JSONDecodeError):
                answer.json()


async def test_a_head_request_gets_no_body(fake):
    async with fake.client() as client:
        assert (await client.head("/companies/ListAll")).status_code == 405
        assert (await client.get("/departments/ListAll")).status_code == 200


async def test_an_upload_that_waits_for_a_go_ahead_gets_it(fake):
    head = b"POST /requests HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer tok\r\n"
    async with await fake.connect() as stream:
        await stream.send_all(head + b"Expect: 100-continue\r\nContent-Length: 12\r\n\r\n")
        assert await stream.receive_some() == b"HTTP/1.1 100 \r\n\r\n"
        await stream.send_all(b"SolAssunto=x")
        assert (await read_answer(stream))[2] == b'{"SolID":"62"}'


async def test_a_cut_ends_the_connection_in_the_middle_of_the_body(fake):
    fake.set(cut_next=2, cut_at=0.5)
    async with fake.client() as client:
        for _ in range(2):
            with pytest.raises(httpx2.RemoteProtocolError):
                await client.get("/companies/ListAll")
        assert (await client.get("/companies/ListAll")).status_code == 200


async def test_a_cut_sends_exactly_the_share_asked_for(fake):
    fake.set(cut_next=1, cut_at=0.25)
    async with await fake.connect() as stream:
        await stream.send_all(GET % 1)
        head, _, body = (await read_all(stream)).partition(b"\r\n\r\n")
    announced = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
    assert len(body) == announced // 4


async def test_a_reset_comes_before_any_answer(fake):
    fake.set(reset_next=1)
    async with await fake.connect() as stream:
        await stream.send_all(GET % 1)
        with pytest.raises(trio.BrokenResourceError):
            await stream.receive_some()
    assert await works(fake)
    async with fake.client() as client:
        assert (await client.get("/_admin/stats")).json()["by_status"] == {"0": 1, "200": 1}


async def test_truncated_json_has_a_right_length_and_keeps_the_connection(fake):
    fake.set(truncate_next=1)
    async with fake.client() as client:
        answer = await client.get("/companies/ListAll")
        assert len(answer.content) == int(answer.headers["content-length"])
        with pytest.raises(json.JSONDecodeError):
            answer.json()
        assert len((await client.get("/companies/ListAll")).json()) == 20


async def test_a_slow_answer_is_slow_and_delays_nobody_else(fake):
    fake.set(slow_next=1, slow_ms=60_000)
    async with trio.open_nursery() as nursery, await fake.connect() as stream:
        await stream.send_all(GET % 1)
        await in_flight(fake, 1)
        assert await works(fake)
        with trio.move_on_after(0.05) as patience:
            await stream.receive_some()
        assert patience.cancelled_caught
        nursery.cancel_scope.cancel()


async def in_flight(fake, count):
    """Ask until so many requests are being answered."""
    while True:
        if (await statistics(fake))["in_flight"] == count:
            return


async def statistics(fake):
    async with fake.client() as client:
        return (await client.get("/_admin/stats")).json()


async def test_a_trickle_comes_in_pieces_and_arrives_whole(fake):
    async with fake.client() as client:
        whole = (await client.get("/companies/ListAll")).content
        fake.set(trickle_ms=5)
        started_s = trio.current_time()
        async with client.stream("GET", "/companies/ListAll") as answer:
            pieces = [piece async for piece in answer.aiter_raw()]
    assert b"".join(pieces) == whole
    assert trio.current_time() - started_s >= 8 * 0.005


async def test_latency_is_waited_for(fake):
    fake.set(latency_ms=40)
    started_s = trio.current_time()
    assert await works(fake)
    assert trio.current_time() - started_s >= 0.04


@pytest.mark.parametrize("workers", [8])
async def test_a_countdown_is_exact_however_many_ask(fake, workers):
    fake.set(fail_next=13, fail_status=503)
    found = []

    async def ask():
        async with fake.client() as client:
            found.extend([(await client.get("/companies/ListAll")).status_code for _ in range(5)])

    async with trio.open_nursery() as nursery:
        for _ in range(workers):
            nursery.start_soon(ask)
    assert (found.count(503), found.count(200)) == (13, 27)


async def test_a_rate_limit_is_exact_however_many_ask(fake):
    fake.set(requests_per_minute=9)
    found = []

    async def ask():
        async with fake.client() as client:
            found.extend([(await client.get("/companies/ListAll")).status_code for _ in range(5)])

    async with trio.open_nursery() as nursery:
        for _ in range(8):
            nursery.start_soon(ask)
    assert (found.count(200), found.count(429)) == (9, 31)


async def test_the_most_requests_at_once_are_counted(fake):
    fake.set(latency_ms=60_000)
    streams = [await fake.connect() for _ in range(5)]
    for stream in streams:
        await stream.send_all(GET % 1)
    await in_flight(fake, 5)
    for stream in streams:
        await stream.aclose()
    assert (await statistics(fake))["max_in_flight"] == 5


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" * 20,
        b"HELLO\r\n\r\n",
        b"GET / HTTP/x\r\n\r\n",
        b"\r\n" * 50 + b"\xff\r\n\r\n",
        b"GET /companies HTTP/1.1\r\n\r\n",
        b"POST /requests HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n",
        b"POST /x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n",
    ],
)
async def test_garbage_is_refused_and_hurts_nobody(fake, garbage):
    async with await fake.connect() as stream:
        await stream.send_all(garbage)
        answer = await read_all(stream)
    assert answer.startswith((b"HTTP/1.1 400", b"HTTP/1.1 501"))
    assert await works(fake)


async def test_a_head_beyond_all_measure_is_refused(fake):
    async with await fake.connect() as stream:
        with pytest.raises(trio.BrokenResourceError):
            await stream.send_all(b"GET /" + b"a" * 20_000_000)
    assert await works(fake)


async def test_a_body_beyond_all_measure_is_refused(fake):
    head = b"POST /requests HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n"
    async with await fake.connect() as stream:
        with pytest.raises(trio.BrokenResourceError):
            await stream.send_all(head + b"x" * 99_999_999)
    assert await works(fake)


@pytest.mark.parametrize("sent", [b"", b"GET /comp", GET % 1])
async def test_a_caller_that_vanishes_hurts_nobody(fake, sent):
    async with await fake.connect() as stream:
        if sent:
            await stream.send_all(sent)
    assert await works(fake)


async def test_an_idle_connection_is_closed(open_fake):
    fake = await open_fake(terms=Terms(idle_s=0.05))
    async with await fake.connect() as stream:
        assert await stream.receive_some() == b""


async def test_a_request_that_never_ends_is_given_up(open_fake):
    fake = await open_fake(terms=Terms(request_s=0.05))
    async with await fake.connect() as stream:
        await stream.send_all(b"GET /companies/ListAll HTTP/1.1\r\n")
        assert await stream.receive_some() == b""
    assert await works(fake)


async def test_a_caller_that_sends_drop_by_drop_cannot_stretch_its_time(open_fake):
    fake = await open_fake(terms=Terms(request_s=0.2))
    async with await fake.connect() as stream, trio.open_nursery() as nursery:

        async def drip():
            while True:
                try:
                    await stream.send_all(b"a")
                except trio.BrokenResourceError:
                    return
                await trio.sleep(0.02)  # the slow caller itself, not a way to wait for something

        await stream.send_all(b"GET /companies/ListAll HTTP/1.1\r\nX: ")
        nursery.start_soon(drip)
        assert await gone(stream)
        nursery.cancel_scope.cancel()
    assert await works(fake)


async def test_a_caller_that_does_not_read_is_reset(open_fake):
    fake = await open_fake(size=2000, terms=Terms(send_s=0.1), knobs={"page_size": 2000})
    async with await fake.connect() as stream:
        flags = b"obligations&contacts&departments&registrationData&stateRegistrations&Pagina=1"
        for _ in range(3):
            await stream.send_all((GET % 1).replace(b"Pagina=1", flags))
        await trio.sleep(0.3)  # not reading is the fault itself
        with pytest.raises(trio.BrokenResourceError):
            await read_all(stream)
    assert await works(fake)


async def test_a_bug_in_a_decision_is_a_500_and_hurts_nobody(fake, monkeypatch, capsys):
    monkeypatch.setattr("fake_acessorias.service.answer", lambda *_: 1 / 0)
    async with fake.client() as client:
        assert (await client.get("/companies/ListAll")).status_code == 500
        assert (await client.get("/_admin/stats")).status_code == 200
    assert "ZeroDivisionError" in capsys.readouterr().err
