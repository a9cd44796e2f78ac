"""Traces: a span an attempt, a span a request below it, no secret in either; and nothing at all when they are off."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import httpx2
import pytest
import trio

from drena.api import GiveUp, RetryLater
from drena.errors import ConfigError
from drena.traces import Traces, make_provider, open_traces
from engine.node import SECRET, Script, open_node
from webhook.receiver import open_receiver

sdk = pytest.importorskip("opentelemetry.sdk.trace.export", reason="drena[otel] is not installed")
memory = pytest.importorskip("opentelemetry.sdk.trace.export.in_memory_span_exporter")


def make_traces(ratio: float = 1.0) -> tuple[Any, Traces]:
    exporter = memory.InMemorySpanExporter()
    return exporter, Traces(make_provider(sdk.SimpleSpanProcessor(exporter), ratio).get_tracer("drena"))


async def ask(ctx: Any) -> None:
    url = f"http://127.0.0.1:{ctx.job.payload['port']}/{SECRET}?token={SECRET}"
    async with trio.open_nursery() as nursery:  # noqa: ASYNC112  # from a task of its own, too
        nursery.start_soon(ctx.http.get, url)
    answer = await ctx.http.post(url, content=SECRET)
    if answer.status_code == 404:
        raise GiveUp("not_there", f"{SECRET} não existe")


async def work(ctx: Any) -> None:
    await trio.lowlevel.checkpoint()


async def later(ctx: Any) -> None:  # noqa: ASYNC124
    if ctx.job.attempt == 1:
        raise RetryLater(None, "espere", code="busy")


SCRIPT = Script(ask=ask, work=work, later=later)


async def test_an_attempt_is_a_span_and_its_provider_s_requests_are_spans_below_it(database):
    exporter, traces = make_traces()
    async with open_receiver() as receiver, open_node(database, SCRIPT, traces=traces) as node:
        receiver.faults = [200, 404]
        job = await node.perform("ask", port=receiver.port)
        assert job["error_code"] == "not_there"
    get, post, attempt = exporter.get_finished_spans()
    assert (attempt.name, get.name, post.name) == ("attempt script", "GET", "POST")
    assert {span.parent.span_id for span in (get, post)} == {attempt.context.span_id}
    assert {span.context.trace_id for span in (get, post)} == {attempt.context.trace_id}
    assert dict(attempt.attributes) == {
        "drena.job_id": str(job["id"]),
        "drena.tenant": "contmax",
        "drena.provider": "script",
        "drena.lane": "",
        "drena.attempt": 1,
        "drena.outcome": "error",
        "drena.code": "not_there",
    }
    assert dict(post.attributes) == {
        "http.request.method": "POST",
        "server.address": "127.0.0.1",
        "http.response.status_code": 404,
    }
    assert [span.status.is_ok for span in (get, post, attempt)] == [True, False, False]
    assert attempt.start_time <= get.start_time <= get.end_time <= post.end_time <= attempt.end_time
    assert SECRET not in "".join(span.to_json() for span in (get, post, attempt))


async def test_each_attempt_of_a_job_has_a_trace_of_its_own(database):
    exporter, traces = make_traces()
    async with open_node(database, SCRIPT, traces=traces) as node:
        await node.perform("later", attempts=2)
        await node.perform("work")
    spans = exporter.get_finished_spans()
    assert [span.attributes["drena.outcome"] for span in spans] == ["retry", "success", "success"]
    assert [span.attributes["drena.attempt"] for span in spans] == [1, 2, 1]
    assert len({span.context.trace_id for span in spans}) == 3


async def test_a_request_that_gets_no_answer_says_what_came_instead(database):
    exporter, traces = make_traces()
    async with open_node(database, SCRIPT, traces=traces) as node:
        await node.request("ask", port=9, attempts=1)
        with trio.fail_after(20):
            while not exporter.get_finished_spans():  # noqa: ASYNC110
                await trio.sleep(0.01)
        get = exporter.get_finished_spans()[0]
    assert not get.status.is_ok
    assert "error.type" in get.attributes


async def test_only_so_many_attempts_are_traced_as_asked_for(database):
    exporter, traces = make_traces(ratio=0.0)
    async with open_node(database, SCRIPT, traces=traces) as node:
        assert (await node.perform("work"))["status"] == "success"
    assert exporter.get_finished_spans() == ()


async def test_spans_are_sent_in_the_background_and_the_rest_at_the_end():
    async with open_receiver() as receiver:
        receiver.faults = [200] * 10
        with trio.fail_after(20):
            async with open_traces(f"http://127.0.0.1:{receiver.port}/v1/traces", 1.0) as traces:
                assert traces is not None
                with traces.request(httpx2.Request("GET", "http://example.test/")) as answered:
                    answered(200)
        assert receiver.posts[0].headers["content-type"] == "application/x-protobuf"
        assert b"example.test" in receiver.posts[0].body


async def test_a_collector_that_never_answers_holds_up_the_end_for_a_moment_only(monkeypatch):
    monkeypatch.setattr("drena.traces.GOODBYE_S", 0.2)
    async with open_receiver() as receiver:
        receiver.faults = ["hang"] * 10
        with trio.fail_after(10):
            async with open_traces(f"http://127.0.0.1:{receiver.port}/v1/traces", 1.0) as traces:
                assert traces is not None
                with traces.request(httpx2.Request("GET", "http://example.test/")):
                    pass


async def test_without_an_endpoint_there_are_no_traces():
    async with open_traces(None, 1.0) as traces:
        assert traces is None


async def test_without_the_extra_the_operator_is_told_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None)
    with pytest.raises(ConfigError, match=r"drena\[otel\]"):
        async with open_traces("http://127.0.0.1:4318/v1/traces", 1.0):
            pass


def test_the_daemon_imports_nothing_of_opentelemetry_while_traces_are_off():
    code = "import sys, drena.cli, drena.daemon, drena.traces; print([m for m in sys.modules if 'opentelemetry' in m])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
