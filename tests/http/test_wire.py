"""The real daemon on the wire: what is refused before there is a request is told as a problem as well."""

from __future__ import annotations

import json

import pytest
import trio

from drena.http.answers import refusal
from drena.problems import PROBLEMS


async def exchange(served, data, *, limit_s=30):
    """Send, and read until the daemon closes."""
    found = b""
    with trio.fail_after(limit_s):
        async with await trio.open_tcp_stream("127.0.0.1", served.port) as stream:
            try:
                await stream.send_all(data)
                while chunk := await stream.receive_some(65536):
                    found += chunk
            except trio.BrokenResourceError:
                pass
    return found


REFUSED = {
    "request_invalid": b"GARBAGE\r\n\r\n",
    "headers_too_large": b"GET / HTTP/1.1\r\nHost: x\r\nX-A: " + b"a" * 20_000 + b"\r\n\r\n",
    "transfer_coding_unsupported": b"POST /v1/jobs HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n",
    "http_version_unsupported": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
}


@pytest.mark.parametrize("code", sorted(REFUSED))
async def test_what_is_no_request_is_answered_with_a_problem_in_both_languages(code, served):
    answer = await exchange(served, REFUSED[code])
    head, _, body = answer.partition(b"\r\n\r\n")
    told, kind = json.loads(body), PROBLEMS[code]
    assert head.startswith(b"HTTP/1.1 %d " % kind.status)
    assert b"content-type: application/problem+json" in head
    assert b"connection: close" in head.lower()
    assert (told["code"], told["status"], told["type"]) == (code, kind.status, f"/problems/{code}")
    assert kind.title.pt in told["title"]
    assert kind.title.en in told["title"]


def test_what_comes_too_slowly_is_answered_the_same_way():
    """The toy server of test_server.py has a patience that a test can wait for; here is what the daemon would say."""
    _headers, body = refusal(408, head_bytes=1)
    told = json.loads(body)
    assert (told["code"], told["status"]) == ("request_timeout", 408)
    assert PROBLEMS["request_timeout"].title.en in told["title"]


async def test_nothing_is_smuggled_into_the_daemon(served):
    smuggled = b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"
    for lengths in (b"Content-Length: 5\r\nTransfer-Encoding: chunked", b"Content-Length: 5\r\nContent-Length: 6"):
        answer = await exchange(
            served, b"POST /v1/jobs HTTP/1.1\r\nHost: x\r\n" + lengths + b"\r\n\r\n0\r\n\r\n" + smuggled
        )
        assert answer.count(b"HTTP/1.1 ") == 1
        assert answer.startswith(b"HTTP/1.1 400")


async def test_a_body_larger_than_allowed_is_refused_without_reading_it(served, office):
    head = (
        f"POST /v1/jobs HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {office.member}\r\n"
        "Content-Type: application/json\r\n"
    ).encode()
    declared = await exchange(served, head + b"Content-Length: 100000000\r\nConnection: close\r\n\r\n")
    assert declared.startswith(b"HTTP/1.1 413")
    chunk = b"2710\r\n" + b" " * 10_000 + b"\r\n"
    streamed = await exchange(served, head + b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n" + chunk * 20)
    assert streamed.startswith(b"HTTP/1.1 413")


REFUSED_EARLY = (
    b"POST /v1/jobs HTTP/1.1\r\nHost: x\r\nOrigin: https://evil.example\r\n"
    b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n"
)
GOES_ON = b"GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


async def test_a_connection_outlives_a_refusal_that_came_before_a_small_body(served):
    """Repeated, since it is a matter of which comes first; in one go, and in two with the body behind the head."""
    for number in range(20):
        async with await trio.open_tcp_stream("127.0.0.1", served.port) as stream:
            await stream.send_all(REFUSED_EARLY % 2)
            await trio.sleep(0.01 * (number % 3))
            await stream.send_all(b"{}" + GOES_ON)
            answers = b""
            with trio.fail_after(10):
                while chunk := await stream.receive_some(65536):
                    answers += chunk
        assert answers.count(b"HTTP/1.1 403") == 1
        assert answers.count(b"HTTP/1.1 200") == 1


@pytest.mark.parametrize("size", [2, 10_000_000], ids=["late", "large"])
async def test_a_refusal_before_a_body_that_is_late_or_large_says_that_it_is_the_last(size, served):
    answer = await exchange(served, REFUSED_EARLY % size)
    assert answer.startswith(b"HTTP/1.1 403")
    assert b"connection: close" in answer.lower()


@pytest.mark.parametrize(
    "path",
    [
        "/page/../daemon.py", "/page/..%2f..%2fdaemon.py", "/page/%2e%2e/%2e%2e/etc/passwd", "/page//etc/passwd",
        "/page/....//....//etc/passwd", "/page/..%5c..%5cx", "/page/%00", "/page/__init__.py", "/page/./app.js",
    ],
)  # fmt: skip
async def test_no_path_leads_out_of_the_page(path, served):
    answer = await exchange(served, f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode())
    assert answer[:12] in (b"HTTP/1.1 404", b"HTTP/1.1 400")
    assert b"root:" not in answer


async def test_a_hundred_clients_that_send_half_a_request_hold_up_nobody(served, office):
    async with trio.open_nursery() as nursery:
        streams = []
        for number in range(100):
            stream = await trio.open_tcp_stream("127.0.0.1", served.port)
            nursery.start_soon(stream.send_all, (b"POST /v1/jobs HTTP/1.1\r\nHost", b"G")[number % 2])
            streams.append(stream)
        with trio.fail_after(20):
            async with office.client(served.url) as client:
                for _ in range(5):
                    assert (await client.get("/v1/me")).status_code == 200
        for stream in streams:
            await stream.aclose()


async def test_clients_that_vanish_in_the_middle_of_an_answer_leave_the_daemon_well(served, office, api):
    head = f"GET /v1/feed?tenant_id={office.id} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {office.member}\r\n\r\n"
    for _ in range(30):
        stream = await trio.open_tcp_stream("127.0.0.1", served.port)
        await stream.send_all(head.encode())
        await stream.aclose()
    assert (await api.get("/readyz")).status_code == 200
    assert served.find("a request ended in an error") == []
    assert served.find("an HTTP connection ended in an error") == []


async def test_clients_that_vanish_in_the_middle_of_a_body_leave_the_daemon_well(served, office, api):
    head = (
        f"POST /v1/jobs HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {office.member}\r\n"
        f"X-Request-Id: half-{office.slug}\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{{"
    )
    stream = await trio.open_tcp_stream("127.0.0.1", served.port)
    await stream.send_all(head.encode())
    await stream.aclose()
    line = await trio.to_thread.run_sync(lambda: served.logged("http request", request_id=f"half-{office.slug}"))
    assert line["status"] in (0, 408)
    assert served.find("a request ended in an error") == []
