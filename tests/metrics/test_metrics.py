"""Metrics: what a real node tells over real HTTP, that it is bounded, secret-free, cheap, and all documented."""

from __future__ import annotations

import re
import time
from pathlib import Path

import httpx2
import pytest
import trio
from prometheus_client.parser import text_string_to_metric_families

from drena.api import GiveUp, RetryLater
from drena.metrics import MOST_SERIES, Metrics, Reading, Spread, Tally, code_label
from drena.store.schedules import set_schedule
from engine.node import SECRET, Script, open_node
from support.waiting import wait_until

PAGE = Path(__file__).parents[2] / "contrib" / "monitoring" / "metrics.md"


def families(text: str) -> dict[str, list]:
    """The samples by family, as a parser that is not ours sees them; counters with `_total`."""
    return {
        family.name + ("_total" if family.type == "counter" else ""): family.samples
        for family in text_string_to_metric_families(text)
    }


async def scrape(node) -> str:
    address = node.daemon._front.http_addresses[0]
    async with httpx2.AsyncClient(trust_env=False) as client:
        answer = await client.get(f"http://{address}/metrics")
    assert answer.status_code == 200, answer.text
    return answer.text


def value(text: str, name: str, **labels: str) -> float | None:
    for samples in families(text).values():
        for sample in samples:
            if sample.name == name and labels.items() <= sample.labels.items():
                return float(sample.value)
    return None


async def work(ctx) -> None:
    await trio.lowlevel.checkpoint()


async def give_up(ctx) -> None:  # noqa: ASYNC124
    raise GiveUp("token_invalid", f"O token {SECRET} foi recusado.")


async def odd_code(ctx) -> None:  # noqa: ASYNC124
    raise GiveUp(f"Code with {SECRET}", "?")


async def later(ctx) -> None:  # noqa: ASYNC124
    if ctx.job.attempt == 1:
        raise RetryLater(None, "espere", code="busy")


SCRIPT = Script(work=work, give_up=give_up, odd_code=odd_code, later=later)


@pytest.mark.parametrize("family", Metrics().families, ids=lambda family: family.name)
def test_every_metric_is_documented_with_its_type_and_labels(family):
    kind = "histogram" if isinstance(family, Spread) else "counter" if family.name.endswith("_total") else "gauge"
    labels = ", ".join(f"`{label}`" for label in family.labels) or "–"
    assert f"| `{family.name}` | {kind} | {labels} | {family.text} |" in PAGE.read_text(encoding="utf-8")


def test_the_page_documents_no_metric_that_is_gone_and_names_follow_the_custom():
    rows = re.findall(r"^\| `(drena_\w+)` \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    names = [family.name for family in Metrics().families]
    assert rows == names
    assert len(set(names)) == len(names)
    for family in Metrics().families:
        assert re.fullmatch(r"drena_[a-z_]+", family.name)
        assert not re.search(r"_(ms|milliseconds|minutes|count|sum|bucket)$", family.name)
        assert isinstance(family, Reading) or family.name.endswith(("_total", "_seconds"))


async def test_a_node_tells_what_its_jobs_came_to(database):
    async with open_node(database, SCRIPT, http__listen="127.0.0.1:0", feed__listen="127.0.0.1:0") as node:
        await node.perform("work")
        await node.perform("give_up")
        await node.perform("odd_code")
        await node.perform("later", attempts=2)
        tenant = await node.office("contmax")
        await set_schedule(node.conn, tenant, "script", cron="0 2 * * *")
        await node.conn.execute("update drena.schedules set next_at = now() - interval '1 s'")
        await node.conn.execute("notify drena_schedules")
        await wait_until(node.conn, "select next_at > now() from drena.schedules")
        text = await scrape(node)
    for outcome, number in {"success": 2, "error": 2, "retry": 1}.items():
        found = value(text, "drena_attempts_total", provider="script", outcome=outcome)
        assert found is not None
        assert found >= number
    assert value(text, "drena_retries_total", provider="script", code="busy") == 1
    assert value(text, "drena_job_failures_total", provider="script", code="token_invalid") == 1
    assert value(text, "drena_job_failures_total", provider="script", code="other") == 1
    assert value(text, "drena_attempt_duration_seconds_count", provider="script") >= 5
    assert value(text, "drena_claim_duration_seconds_count") >= 5
    assert value(text, "drena_finish_duration_seconds_count") >= 5
    assert value(text, "drena_schedule_runs_total") == 1
    assert value(text, "drena_lease_held") == 1
    assert 0 <= value(text, "drena_lease_age_seconds") < value(text, "drena_lease_limit_seconds") == 15
    assert value(text, "drena_nodes", state="live") == 1
    assert value(text, "drena_database_up") == 1
    assert value(text, "drena_database_connections_limit") == 10
    assert value(text, "drena_event_loop_lag_seconds_count") is not None
    assert value(text, "drena_ready", check="feed") == 1
    assert value(text, "drena_attempts_limit") == 100
    assert value(text, "process_resident_memory_bytes") > 1e7


async def test_every_family_is_told_and_no_label_names_a_tenant_a_job_or_a_secret(database):
    async with open_node(database, SCRIPT, http__listen="127.0.0.1:0") as node:
        ids = [str((await node.perform("odd_code", office=f"office-{n}"))["id"]) for n in range(5)]
        await scrape(node)
        text = await scrape(node)
        offices = list(node.offices.items())
    assert {family.name for family in Metrics().families} <= families(text).keys()
    for told in [SECRET, "office-", *ids, *(str(tenant) for _slug, tenant in offices)]:
        assert told not in text
    assert value(text, "drena_http_requests_total", route="/metrics", method="GET", status="200") == 1


async def test_waiting_jobs_are_counted_and_aged_by_provider_and_what_nobody_offers_is_other(database):
    async with open_node(database, SCRIPT, http__listen="127.0.0.1:0") as node:
        for n in range(3):
            await node.request("work", provider="unknown_to_this_node", office=f"office-{n}")
        await node.conn.execute("update integration_jobs set run_at = now() - interval '90 s'")
        text = await scrape(node)
        assert value(text, "drena_jobs", status="pending", provider="other") == 3
        assert value(text, "drena_jobs", status="pending", provider="script") == 0
        assert 90 <= value(text, "drena_queue_oldest_due_age_seconds", provider="other") < 150
        assert value(text, "drena_queue_oldest_due_age_seconds", provider="script") == 0


async def test_a_paused_job_does_not_age_the_queue(database):
    async with open_node(database, SCRIPT, http__listen="127.0.0.1:0") as node:
        await node.conn.execute("select drena.pause()")
        await node.request("work")
        await node.conn.execute("update integration_jobs set run_at = now() - interval '90 s'")
        text = await scrape(node)
        assert value(text, "drena_jobs", status="pending", provider="script") == 1
        assert value(text, "drena_queue_oldest_due_age_seconds", provider="script") == 0


async def test_the_queue_is_counted_within_bounds_however_long_it_is(database, pool):
    tenant = await pool.fetchval("insert into organizacoes (nome, slug) values ('big', 'big') returning id")
    await pool.execute("alter table integration_jobs disable trigger user")
    await pool.execute(
        "insert into integration_jobs (tenant_id, provider_slug, lane, run_at) "
        "select $1, 'script', n::text, now() - interval '1 hour' from generate_series(1, 120000) n",
        tenant,
    )
    await pool.execute("analyze integration_jobs")
    from drena.store.figures import COUNTED, read_figures

    began_s = time.perf_counter()
    figures = await read_figures(pool)
    took_s = time.perf_counter() - began_s
    assert figures.jobs == [("pending", "script", COUNTED)]
    assert figures.oldest_due_s[0][1] >= 3600
    assert took_s < 5, f"{took_s:.2f} s"


async def test_while_the_database_is_away_the_node_still_tells_and_nothing_old(database, server, monkeypatch):
    monkeypatch.setattr("drena.engine.figures.FRESH_S", 0)
    monkeypatch.setattr("drena.engine.figures.ANSWER_S", 0.3)
    async with open_node(database, SCRIPT, http__listen="127.0.0.1:0") as node:
        assert value(await scrape(node), "drena_jobs", status="running", provider="script") == 0

        async def nobody(_pool):  # noqa: ASYNC124
            raise ConnectionRefusedError

        monkeypatch.setattr("drena.engine.figures.read_figures", nobody)
        text = await scrape(node)
        assert value(text, "drena_database_up") == 0
        assert value(text, "drena_jobs") is None
        assert value(text, "drena_nodes") is None
        assert value(text, "drena_lease_held") == 1


async def test_however_many_scrape_the_database_is_asked_once_in_a_while(database, monkeypatch):
    from drena.engine import figures

    asked = []
    real = figures.read_figures

    async def count(pool):
        asked.append(pool)
        return await real(pool)

    monkeypatch.setattr(figures, "read_figures", count)
    async with open_node(database, SCRIPT, http__listen="127.0.0.1:0") as node, trio.open_nursery() as nursery:
        for _ in range(20):
            nursery.start_soon(scrape, node)
    assert len(asked) == 1


async def test_a_reload_tells_the_room_and_brings_no_buried_node_back(database):
    """`reload` used to join again, and so to give a lease to a node whose row a rescuer had just taken."""
    async with open_node(database, SCRIPT) as node:
        import msgspec

        config = node.daemon._config
        more = msgspec.structs.replace(config, node=msgspec.structs.replace(config.node, max_jobs=7))
        before = await node.conn.fetchval("select lease_until from drena.nodes")
        await node.conn.execute("update drena.nodes set lease_until = lease_until")
        assert await node.daemon.reload(more) == (["node.max_jobs"], [])
        row = await node.conn.fetchrow("select max_jobs, lease_until from drena.nodes")
        assert row["max_jobs"] == 7
        assert row["lease_until"] >= before
        lease = node.daemon._lease
        await node.conn.execute("delete from drena.nodes")
        await node.daemon.reload(config)
        assert await node.conn.fetchval("select count(*) from drena.nodes where id = $1", lease.node_id) == 0


def test_series_are_bounded_whatever_is_counted():
    tally, spread = Tally("drena_x_total", "x", "a", "b"), Spread("drena_y_seconds", "y", (1.0,), "a")
    for n in range(MOST_SERIES * 3):
        tally.add(str(n), "b")
        spread.observe(0.5, str(n))
    assert len(tally.counts) == MOST_SERIES + 1
    assert tally.counts["other", "other"] == MOST_SERIES * 2
    assert len(spread.collect().samples) == (MOST_SERIES + 1) * 4
    assert [code_label(code) for code in ("ok_1", None, "Ünï", "with space", "a" * 64, "1x")] == ["ok_1"] + [
        "other"
    ] * 5


def test_a_histogram_puts_each_measurement_where_prometheus_looks_for_it():
    spread = Spread("drena_y_seconds", "y", (0.1, 1.0))
    for amount in (0.05, 0.1, 0.5, 1.0, 7.0):
        spread.observe(amount)
    samples = {(s.name, s.labels.get("le")): s.value for s in spread.collect().samples}
    assert samples["drena_y_seconds_bucket", "0.1"] == 2
    assert samples["drena_y_seconds_bucket", "1.0"] == 4
    assert samples["drena_y_seconds_bucket", "+Inf"] == samples["drena_y_seconds_count", None] == 5
    assert samples["drena_y_seconds_sum", None] == pytest.approx(8.65)


def test_counting_an_attempt_costs_next_to_nothing():
    metrics, rounds = Metrics(), 20_000
    began_s = time.process_time()
    for _ in range(rounds):
        metrics.attempt_ended("script", "success", None, 0.2)
    each_us = (time.process_time() - began_s) / rounds * 1e6
    print(f"{each_us:.2f} µs an attempt")
    assert each_us < 20
