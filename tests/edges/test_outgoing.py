"""The client of an attempt, over a fake network on a clock that jumps."""

from __future__ import annotations

import gzip
import ssl
from contextlib import aclosing, asynccontextmanager
from datetime import UTC, datetime

import httpx2
import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from drena.api import GiveUp, ProviderUnreachable
from drena.api import Pace as PaceContract
from drena.config import ProviderOverrides
from drena.outgoing import RETRY_EXTENSION, Clients, ClientSettings, Pace, RetryRules, client_settings

URL = "http://api.example.com/companies/ListAll?Pagina=1&token=geheim"
WALL = datetime(2026, 11, 23, 20, 0, 0, tzinfo=UTC)


class Lines:
    """A `drena.api.Logger` that keeps its lines."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str, dict[str, object]]] = []

    def debug(self, message: str, **fields: object) -> None:
        self.lines.append(("debug", message, fields))

    def info(self, message: str, **fields: object) -> None:
        self.lines.append(("info", message, fields))

    warning = error = info


class Network(httpx2.AsyncBaseTransport):
    """Answers by a list: an answer, an exception, or a function of the request. The last one stays."""

    def __init__(self, *answers) -> None:
        self.answers = list(answers)
        self.times: list[float] = []
        self.requests: list[httpx2.Request] = []
        self.closed = False

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        self.times.append(trio.current_time())
        self.requests.append(request)
        answer = self.answers[0] if len(self.answers) == 1 else self.answers.pop(0)
        if isinstance(answer, BaseException):
            raise answer
        if isinstance(answer, httpx2.Response):
            return httpx2.Response(answer.status_code, headers=answer.headers, content=answer.content)
        return await answer(request)

    async def aclose(self) -> None:
        self.closed = True


class Body(httpx2.AsyncByteStream):
    """A body in pieces, which may end in an error, or never."""

    def __init__(self, *pieces) -> None:
        self.pieces = iter(pieces)
        self.closed = False

    def __aiter__(self):
        return self

    async def __anext__(self) -> bytes:
        await trio.lowlevel.checkpoint()
        piece = next(self.pieces, None)
        if piece is None:
            raise StopAsyncIteration
        if isinstance(piece, BaseException):
            raise piece
        return piece

    async def aclose(self) -> None:
        self.closed = True


def streaming(body: Body, **headers: str):
    async def answer(request: httpx2.Request) -> httpx2.Response:
        await trio.lowlevel.checkpoint()
        return httpx2.Response(200, headers=headers, stream=body)

    return answer


def answer(status: int = 200, content: bytes = b"[]", **headers: str) -> httpx2.Response:
    return httpx2.Response(status, content=content, headers={k.replace("_", "-"): v for k, v in headers.items()})


@asynccontextmanager
async def opened(network, *, pace: Pace | None = None, luck: float = 0.5, log=None, **settings):
    clients = Clients(transport=network, random=lambda: luck, wall=lambda: WALL)
    pace = pace or Pace(1e6)
    async with clients.open(pace=pace, log=log or Lines(), settings=ClientSettings(**settings)) as client:
        yield client


def test_the_pace_satisfies_the_contract_for_plugins():
    pace: PaceContract = Pace(60)
    assert pace.requests_per_minute == 60
    pace.slower("x")


async def test_requests_are_spaced_by_the_pace_whoever_sends_them(autojump_clock):
    network, pace = Network(answer()), Pace(60)
    async with opened(network, pace=pace) as one, opened(network, pace=pace) as other, trio.open_nursery() as nursery:
        for client in (one, other, one, other, one):
            nursery.start_soon(client.get, URL)
    gaps = [b - a for a, b in zip(network.times, network.times[1:], strict=False)]
    assert gaps == pytest.approx([1.0] * 4)


async def test_a_cancelled_request_gives_its_turn_back(autojump_clock):
    network, pace = Network(answer()), Pace(1)
    async with opened(network, pace=pace) as client:
        await client.get(URL)
        with trio.move_on_after(5):
            await client.get(URL)
        began = trio.current_time()
        await client.get(URL)
    assert trio.current_time() - began == pytest.approx(55)


@pytest.mark.parametrize(
    "trouble",
    [
        httpx2.ConnectError("x"),
        httpx2.ConnectTimeout("x"),
        httpx2.ReadTimeout("x"),
        httpx2.WriteTimeout("x"),
        httpx2.PoolTimeout("x"),
        httpx2.ReadError("x"),
        httpx2.RemoteProtocolError("x"),
        answer(429),
        answer(502),
        answer(503),
        answer(504),
    ],
    ids=lambda t: str(t.status_code) if isinstance(t, httpx2.Response) else type(t).__name__,
)
async def test_a_get_is_repeated_after_passing_trouble(trouble, autojump_clock):
    network, log = Network(trouble, trouble, answer(200, b'{"a":1}')), Lines()
    async with opened(network, log=log) as client:
        response = await client.get(URL)
    assert response.json() == {"a": 1}
    assert len(network.requests) == 3
    assert [fields["tries"] for level, _, fields in log.lines if level == "debug"] == [1, 2, 3]
    assert [message for level, message, _ in log.lines if level == "info"] == ["request repeated"] * 2


async def test_waits_double_with_full_jitter(autojump_clock):
    network = Network(httpx2.ReadError("x"))
    async with opened(network, luck=0.5) as client:
        with pytest.raises(ProviderUnreachable):
            await client.get(URL)
    gaps = [b - a for a, b in zip(network.times, network.times[1:], strict=False)]
    assert gaps == pytest.approx([0.25, 0.5, 1.0])


async def test_the_last_answer_with_a_status_is_returned(autojump_clock):
    network = Network(answer(503, b"busy"))
    async with opened(network) as client:
        response = await client.get(URL)
    assert (response.status_code, response.content) == (503, b"busy")
    assert len(network.requests) == 4


@pytest.mark.parametrize("status", [200, 204, 301, 400, 401, 403, 404, 422, 500, 501])
async def test_other_answers_are_returned_at_once(status, autojump_clock):
    network = Network(answer(status, b""))
    async with opened(network) as client:
        assert (await client.get(URL)).status_code == status
    assert len(network.requests) == 1


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
async def test_what_may_happen_twice_is_repeated_only_when_asked(method, autojump_clock):
    for trouble in (httpx2.ReadError("x"), answer(503)):
        network = Network(trouble, answer())
        async with opened(network) as client:
            if isinstance(trouble, httpx2.Response):
                assert (await client.request(method, URL, content=b"x")).status_code == 503
            else:
                with pytest.raises(ProviderUnreachable):
                    await client.request(method, URL, content=b"x")
        assert len(network.requests) == 1
        network = Network(trouble, answer())
        async with opened(network) as client:
            response = await client.request(method, URL, content=b"x", extensions={RETRY_EXTENSION: True})
        assert (response.status_code, len(network.requests)) == (200, 2)


async def test_a_post_that_never_left_is_repeated(autojump_clock):
    network = Network(httpx2.ConnectError("x"), answer())
    async with opened(network) as client:
        assert (await client.post(URL, content=b"x")).status_code == 200


async def test_a_get_is_not_repeated_when_its_sender_says_so(autojump_clock):
    network = Network(httpx2.ConnectError("x"))
    async with opened(network) as client:
        with pytest.raises(ProviderUnreachable):
            await client.get(URL, extensions={RETRY_EXTENSION: False})
    assert len(network.requests) == 1


async def test_a_body_from_a_stream_is_never_sent_twice(autojump_clock):
    network = Network(httpx2.ConnectError("x"))
    async with opened(network) as client:
        with pytest.raises(ProviderUnreachable):
            await client.post(URL, content=Body(b"x"), extensions={RETRY_EXTENSION: True})
    assert len(network.requests) == 1


@pytest.mark.parametrize("header", ["30", "Mon, 23 Nov 2026 20:00:30 GMT"])
async def test_a_retry_after_is_waited_out_by_everybody_who_shares_the_pace(header, autojump_clock):
    pace = Pace(60)
    limited, free = Network(answer(429, retry_after=header), answer()), Network(answer())
    async with opened(limited, pace=pace) as one, opened(free, pace=pace) as other, trio.open_nursery() as nursery:
        nursery.start_soon(one.get, URL)
        await wait_all_tasks_blocked()
        nursery.start_soon(other.get, URL)
    assert pace.requests_per_minute == 30
    assert limited.times[1] - limited.times[0] >= 30
    assert free.times[0] - limited.times[0] >= 30


async def test_a_retry_after_beyond_the_bound_goes_back_to_the_provider(autojump_clock):
    network = Network(answer(429, retry_after="3600"))
    async with opened(network) as client:
        response = await client.get(URL)
    assert response.status_code == 429
    assert trio.current_time() < 1


async def test_a_429_storm_ends(autojump_clock):
    network, pace = Network(answer(429)), Pace(60)
    async with opened(network, pace=pace) as client:
        assert (await client.get(URL)).status_code == 429
    assert len(network.requests) == 4
    assert pace.requests_per_minute == pace.floor


async def test_waiting_for_the_pace_is_not_counted_against_the_request_s_time(autojump_clock):
    network, pace = Network(answer()), Pace(0.1)
    async with opened(network, pace=pace, retry=RetryRules(total_s=5)) as client:
        await client.get(URL)
        assert (await client.get(URL)).status_code == 200
    assert network.times[1] - network.times[0] == pytest.approx(600)


async def test_all_tries_together_have_a_limit(autojump_clock):
    async def never(request: httpx2.Request) -> httpx2.Response:
        await trio.sleep_forever()

    network, began = Network(never), trio.current_time()
    async with opened(network, retry=RetryRules(total_s=7)) as client:
        with pytest.raises(ProviderUnreachable, match="7 s"):
            await client.get(URL)
    assert trio.current_time() - began == pytest.approx(7)


async def test_a_body_cut_short_is_a_failed_try(autojump_clock):
    cut = Body(b'[{"ID"', httpx2.RemoteProtocolError("peer closed connection"))
    network = Network(streaming(cut), answer(200, b"[1]"))
    async with opened(network) as client:
        assert (await client.get(URL)).json() == [1]
    assert cut.closed


async def test_a_compressed_body_arrives_whole_and_a_broken_one_is_a_failed_try(autojump_clock):
    packed = gzip.compress(b'{"a": 1}' * 1)
    network = Network(
        streaming(Body(b"\x00garbage"), **{"content-encoding": "gzip"}),
        streaming(Body(packed[:10], packed[10:]), **{"content-encoding": "gzip", "x-kept": "1"}),
    )
    async with opened(network) as client:
        response = await client.get(URL)
    assert response.json() == {"a": 1}
    assert response.headers["x-kept"] == "1"
    assert response.elapsed.total_seconds() >= 0


@pytest.mark.parametrize("packed", [False, True])
async def test_an_answer_beyond_the_size_limit_ends_the_attempt(packed, autojump_clock):
    raw = b"x" * 5000
    body = Body(*([gzip.compress(raw)] if packed else [raw[:2500], raw[2500:], raw]))
    network = Network(streaming(body, **({"content-encoding": "gzip"} if packed else {})))
    async with opened(network, max_body_bytes=4096) as client:
        with pytest.raises(GiveUp, match="4096 bytes") as caught:
            await client.get(URL)
    assert caught.value.code == "answer_too_large"
    assert body.closed
    assert len(network.requests) == 1


async def test_an_answer_that_says_it_is_too_large_is_not_read_at_all(autojump_clock):
    body = Body(b"never read")
    async with opened(Network(streaming(body, **{"content-length": "5000"})), max_body_bytes=4096) as client:
        with pytest.raises(GiveUp):
            await client.get(URL)
    assert body.closed
    assert list(body.pieces) == [b"never read"]


async def test_a_head_request_may_speak_of_a_large_body(autojump_clock):
    network = Network(streaming(Body(), **{"content-length": "5000", "content-encoding": "gzip"}))
    async with opened(network, max_body_bytes=4096) as client:
        response = await client.head(URL)
    assert response.headers["content-length"] == "5000"


async def test_a_stream_is_neither_read_ahead_nor_limited_and_its_errors_are_ours(autojump_clock):
    body = Body(b"x" * 5000, b"y", httpx2.ReadError("reset"))
    read: list[int] = []
    take = read.append

    async def read_all(client: httpx2.AsyncClient) -> None:
        async with client.stream("GET", URL) as response:
            async for chunk in response.aiter_bytes():
                take(len(chunk))

    async with opened(Network(streaming(body)), max_body_bytes=1024) as client:
        with pytest.raises(ProviderUnreachable, match="interrompeu"):
            await read_all(client)
    assert read == [5000, 1]
    assert body.closed


async def test_a_stream_left_early_is_closed(autojump_clock):
    body = Body(*[b"x"] * 10)
    async with (
        opened(Network(streaming(body))) as client,
        client.stream("GET", URL) as response,
        aclosing(response.aiter_raw()) as chunks,
    ):
        await anext(chunks)
    assert body.closed


@pytest.mark.parametrize(
    "trouble, words",
    [
        (httpx2.ConnectError("x geheim"), "Não foi possível conectar a api.example.com"),
        (httpx2.ConnectTimeout("x geheim"), "não aceitou a conexão"),
        (httpx2.ReadTimeout("x geheim"), "não respondeu a tempo"),
        (httpx2.WriteTimeout("x geheim"), "não recebeu"),
        (httpx2.PoolTimeout("x geheim"), "ficou livre"),
        (httpx2.ReadError("x geheim"), "interrompeu"),
        (httpx2.CloseError("x geheim"), "interrompeu"),
        (httpx2.RemoteProtocolError("x geheim"), "cortou a resposta"),
        (httpx2.ProxyError("407 geheim"), "proxy"),
    ],
    ids=lambda t: type(t).__name__ if isinstance(t, BaseException) else "",
)
async def test_every_transport_error_becomes_one_sentence_without_secrets(trouble, words, autojump_clock):
    async with opened(Network(trouble)) as client:
        with pytest.raises(ProviderUnreachable) as caught:
            await client.get(URL, headers={"Authorization": "Bearer geheim"})
    assert words in caught.value.reason
    assert "geheim" not in caught.value.reason
    assert "Pagina" not in caught.value.reason
    assert caught.value.code == "provider_unreachable"
    assert caught.value.__cause__ is trouble


@pytest.mark.parametrize("trouble", [httpx2.LocalProtocolError("b'Bearer geheim\\n'"), httpx2.UnsupportedProtocol("x")])
async def test_a_request_that_can_never_be_sent_ends_the_attempt_without_quoting_it(trouble, autojump_clock):
    network = Network(trouble)
    async with opened(network) as client:
        with pytest.raises(GiveUp) as caught:
            await client.get(URL)
    assert caught.value.code == "request_invalid"
    assert "geheim" not in caught.value.message
    assert len(network.requests) == 1


async def test_an_untrusted_certificate_is_not_tried_again(autojump_clock):
    trouble = httpx2.ConnectError("x")
    trouble.__cause__ = ssl.SSLCertVerificationError("self-signed")
    network = Network(trouble)
    async with opened(network) as client:
        with pytest.raises(ProviderUnreachable, match="certificado"):
            await client.get(URL)
    assert len(network.requests) == 1


async def test_log_lines_hold_host_and_path_and_no_query(autojump_clock):
    log = Lines()
    async with opened(Network(httpx2.ReadError("x"), answer()), log=log) as client:
        await client.get(URL, headers={"Authorization": "Bearer geheim"})
    assert log.lines[-1][2] | {"took_ms": 0} == {
        "method": "GET",
        "host": "api.example.com",
        "path": "/companies/ListAll",
        "status": 200,
        "reason": None,
        "took_ms": 0,
        "tries": 2,
    }
    assert "geheim" not in repr(log.lines)
    assert "Pagina" not in repr(log.lines)


async def test_the_user_agent_names_drena_and_the_environment_is_not_consulted(autojump_clock, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://nowhere.invalid:1")
    network = Network(answer())
    async with opened(network) as client:
        await client.get(URL)
    assert network.requests[0].headers["user-agent"].startswith("drena/")


async def test_the_client_is_closed_with_the_attempt_also_when_it_is_cancelled(autojump_clock):
    network = Network(answer())
    with trio.move_on_after(1):
        async with opened(network):
            await trio.sleep_forever()
    assert network.closed


async def test_a_close_that_hangs_holds_the_attempt_for_two_seconds_only(autojump_clock):
    class Stuck(Network):
        async def aclose(self) -> None:
            await trio.sleep_forever()

    began = trio.current_time()
    async with opened(Stuck(answer())):
        pass
    assert trio.current_time() - began == pytest.approx(2)


async def test_a_mock_that_never_blocks_can_still_be_cancelled(autojump_clock):
    async with opened(httpx2.MockTransport(lambda request: httpx2.Response(200))) as client:
        with trio.CancelScope() as scope:
            scope.cancel()
            await client.get(URL)
        assert scope.cancelled_caught


async def test_redirects_take_a_turn_of_their_own(autojump_clock):
    network = Network(answer(302, b"", location="/next"), answer())
    async with opened(network, pace=Pace(60)) as client:
        response = await client.get(URL, follow_redirects=True)
    assert response.status_code == 200
    assert network.times[1] - network.times[0] == pytest.approx(1)


def test_an_operator_s_overrides_reach_the_client():
    overrides = ProviderOverrides(proxy="http://h:1", read_timeout_s=5, max_body_bytes=2048)
    settings = client_settings(overrides)
    assert (settings.proxy, settings.timeout.read, settings.timeout.connect) == ("http://h:1", 5, 10)
    assert settings.max_body_bytes == 2048


@pytest.mark.parametrize("bad", ["missing.pem", "empty.pem"])
async def test_certificates_that_cannot_be_read_are_one_sentence(bad, tmp_path):
    (tmp_path / "empty.pem").write_text("no certificate")
    with pytest.raises(GiveUp, match="ca_file") as caught:
        async with Clients().open(pace=Pace(60), log=Lines(), settings=ClientSettings(ca_file=tmp_path / bad)):
            pass
    assert caught.value.code == "config_invalid"


async def test_a_proxy_that_is_no_url_is_one_sentence():
    with pytest.raises(GiveUp, match="proxy") as caught:
        async with Clients().open(pace=Pace(60), log=Lines(), settings=ClientSettings(proxy="nonsense://u:geheim@h")):
            pass
    assert "geheim" not in caught.value.message
