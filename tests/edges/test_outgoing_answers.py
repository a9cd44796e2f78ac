"""What an attempt gets back: whole bodies, bounded bodies, streams, and every error as one sentence."""

from __future__ import annotations

import gzip
import ssl
from contextlib import aclosing

import httpx2
import pytest

from drena.api import GiveUp, ProviderUnreachable
from drena.outgoing import Clients, Pace
from edges.network import URL, Body, Lines, Network, answer, opened, streaming


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


@pytest.mark.parametrize("url", ["http://h:geheim/", "api.example.com/companies", "ftp://h/"])
async def test_an_address_that_is_none_ends_the_attempt_in_one_sentence(url, autojump_clock):
    async with Clients().open(pace=Pace(1e6), log=Lines()) as made:
        with pytest.raises(GiveUp, match="endereço") as caught:
            await made().get(url)
    assert caught.value.code == "request_invalid"
    assert "geheim" not in caught.value.message


async def test_a_secret_that_fits_no_header_ends_the_attempt_without_being_told(autojump_clock):
    async with opened(Network(answer())) as client:
        with pytest.raises(GiveUp) as caught:
            await client.get(URL, headers={"Authorization": "Bearer geheimã"})
    assert caught.value.code == "request_invalid"
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


async def test_redirects_in_a_circle_end(autojump_clock):
    async with opened(Network(answer(302, b"", location=URL))) as client:
        with pytest.raises(ProviderUnreachable, match="círculos"):
            await client.get(URL, follow_redirects=True)
