"""The client of an attempt: when requests go out, when again, and how it closes. The clock jumps."""

from __future__ import annotations

import httpx2
import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from drena.api import GiveUp, ProviderUnreachable
from drena.api import Pace as PaceContract
from drena.config import ProviderOverrides
from drena.outgoing import RETRY_EXTENSION, Clients, ClientSettings, Pace, RetryRules, client_settings
from edges.network import URL, Body, Lines, Network, answer, opened


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
    assert [message for level, message, _ in log.lines if level == "info"] == ["pedido repetido"] * 2


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
        async with Clients().open(
            pace=Pace(60), log=Lines(), settings=ClientSettings(proxy="nonsense://u:geheim@h")
        ) as made:
            made()
    assert "geheim" not in caught.value.message
